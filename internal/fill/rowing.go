package fill

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
)

// The fields of ours in what a program reads.
const (
	keyField  = "bellows_key"
	leftField = "bellows_left"
)

// verdict is what is to become of a row.
type verdict int

const (
	unanswered verdict = iota
	writes
	skipped
	bad     // the program says so
	changed // it is another row since it was read
	gone    // it is deleted, or the query passes over it
)

// record is a row of a chunk.
type record struct {
	key     backfill.Bound
	name    string // of the row: its key's values as the query gives them; "" where it does not
	version string // or a hash of what was read
	line    []byte // for a program
	row     map[string]any
	verdict verdict
	values  []dialect.Cell // for the parameters of the write section
	code    fault.Code     // of the server's, with which it was refused
	reason  string
	refused *fault.Error // the same with its place
	wrote   int64        // rows that were changed with it and those behind it, where that is counted by the row
	end     bool         // it is no row, but where its chunk ends
}

// rowing is how rows are read and written on one session.
type rowing struct {
	session
	order
	travel  dialect.Travel
	tabler  dialect.Tabler // nil where there is none
	lister  dialect.Lister // the same
	run     string
	columns []string
	types   []dialect.Type
	params  []dialect.Type
	number  map[string]int // of a parameter by its name
	known   map[string]bool
	keyed   []int // the key's columns among the query's, nil where one is missing
	hashed  bool  // what was read is compared, for a row has no version
	set     bool  // one statement writes many answers
	listed  bool  // one statement writes some answers, which stand in it
	quick   bool  // and passes over rows whose version is not as it was read
	width   int   // bytes of a row, lately
}

// learn asks the server what the two statements are made of. Inside a
// transaction, which is then rolled back.
func (r *rowing) learn(ctx context.Context) error {
	r.travel = r.lang.Travel()
	r.tabler, _ = r.lang.(dialect.Tabler)
	r.lister, _ = r.lang.(dialect.Lister)
	r.hashed = r.travel.Version == "" || !r.task.Logic.Select.Single
	if err := r.readColumns(ctx); err != nil {
		return err
	}
	if err := r.readParams(ctx); err != nil {
		return err
	}
	r.turnWrite(ctx)
	return nil
}

// readColumns reads what the query gives.
func (r *rowing) readColumns(ctx context.Context) error {
	s := r.task.Logic.Select
	columns, names, err := r.shapeOf(ctx, s.SQL("1", "(1 = 0)", "", ""))
	if err != nil {
		return &attempt{at: &s.Statement, err: err}
	}
	r.columns = columns[1:]
	if r.types, err = r.typesOf(ctx, names[1:]); err != nil {
		return err
	}
	r.known = map[string]bool{}
	for _, c := range r.columns {
		switch {
		case r.known[c]:
			return fault.At(s.Pos, fault.Syntax, "the query has two columns %s", c).Try("give one of them another name: … AS other")
		case c == keyField || c == leftField:
			return fault.At(s.Pos, fault.Syntax, "the name %s is one of ours", c).Try("give the column another name: … AS other")
		}
		r.known[c] = true
	}
	r.keyed = nil
	for _, k := range r.key.Columns {
		for i, c := range r.columns {
			if strings.EqualFold(c, k.Name) {
				r.keyed = append(r.keyed, i)
				break
			}
		}
	}
	if len(r.keyed) < len(r.key.Columns) {
		r.keyed = nil
	}
	return nil
}

// shapeOf is what a query gives, by the columns' names and types.
func (r *rowing) shapeOf(ctx context.Context, sql string) (columns, types []string, err error) {
	rows, err := r.Query(ctx, sql)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	w, ok := rows.(db.Wire)
	if !ok {
		return nil, nil, fault.New(fault.Unsupported, "this session cannot read rows as they are")
	}
	columns, types = rows.Columns(), w.Types()
	for rows.Next() {
	}
	return columns, types, rows.Err()
}

// typesOf makes types of names, asking the server for those that are not known.
func (r *rowing) typesOf(ctx context.Context, names []string) ([]dialect.Type, error) {
	types := make([]dialect.Type, len(names))
	var ask []string
	for i, n := range names {
		t, known := r.lang.TypeOf(n)
		types[i] = t
		if !known {
			ask = append(ask, n)
		}
	}
	if len(ask) == 0 || r.travel.Types == "" {
		return types, nil
	}
	found, err := db.Texts(ctx, r, fmt.Sprintf(r.travel.Types, strings.Join(ask, ", ")))
	if err != nil {
		return nil, err
	}
	for _, line := range found {
		for i, n := range names {
			if n == line[0] {
				types[i], _ = r.lang.TypeOf(line[1])
			}
		}
	}
	return types, nil
}

// readParams finds out what the write section takes: from the server or, where it
// does not tell, from the columns that are written.
func (r *rowing) readParams(ctx context.Context) error {
	w := r.task.Logic.Write
	r.params = make([]dialect.Type, len(w.Params))
	r.number = map[string]int{}
	places := make([]string, len(w.Params))
	for i, name := range w.Params {
		r.number[name] = i
		if r.tabler != nil {
			places[i] = r.tabler.Param(i + 1)
		}
		if column := r.columnOf(name); column >= 0 {
			r.params[i] = r.types[column]
		}
	}
	if r.tabler != nil {
		return r.askParams(ctx, r.tabler.Params(w.One(places)))
	}
	for i, name := range w.Params {
		column := w.Column(name)
		if column == "" {
			continue
		}
		_, types, err := r.shapeOf(ctx, "SELECT "+r.lang.Quote(column)+" FROM "+r.task.Spec.Table+" WHERE (1 = 0)")
		if err != nil {
			return &attempt{at: &backfill.Statement{Text: w.Text, Pos: w.Pos}, err: err}
		}
		r.params[i], _ = r.lang.TypeOf(types[0])
	}
	return nil
}

func (r *rowing) columnOf(name string) int {
	for i, c := range r.columns {
		if c == name {
			return i
		}
	}
	return -1
}

func (r *rowing) askParams(ctx context.Context, sqls []string) error {
	w := r.task.Logic.Write
	if _, err := r.Exec(ctx, sqls[0]); err != nil {
		return &attempt{at: &backfill.Statement{Text: w.Text, Pos: w.Pos}, err: err}
	}
	found, err := db.Texts(ctx, r, sqls[1])
	if err != nil {
		return err
	}
	for i, line := range found {
		if i < len(r.params) {
			r.params[i], _ = r.lang.TypeOf(line[1])
			r.params[i].Name = line[0]
		}
	}
	_, err = r.Exec(ctx, sqls[2])
	return err
}

// table is the name of the table of answers in statements of ours.
const table = "bellows_rows"

// turnWrite makes of the write section a statement for many answers, where it
// changes one row of the table for each, named by its key.
func (r *rowing) turnWrite(ctx context.Context) {
	w := r.task.Logic.Write
	if r.keyed == nil || !w.Pins(r.key) || r.tabler == nil {
		r.listed = w.Pins(r.key) && r.canList(ctx)
		return
	}
	sql, ok := r.many(backfill.Range{}, lasting)
	r.set = ok && r.reads(ctx, sql)
	if !r.set || r.hashed {
		return
	}
	sql, ok = r.many(backfill.Range{}, asRead)
	r.quick = ok && r.reads(ctx, sql)
}

// which rows a statement for many answers writes.
type which int

const (
	lasting which = iota // those it is given, which are locked
	asRead               // those of them whose version is as it was read
)

// many is the write for many answers of a chunk. That the rows are those of the
// chunk is said for the planner, which does not know how few the answers are.
func (r *rowing) many(in backfill.Range, some which) (sql string, ok bool) {
	w, types := r.task.Logic.Write, r.params
	condition := backfill.Condition(r.lang, w.Target(), r.key, in)
	if some == asRead {
		types = append(append([]dialect.Type(nil), types...), r.travel.VersionType)
		condition += " AND " + fmt.Sprintf(r.travel.SameVersion, w.Target(), r.tabler.Column(table, len(types), r.travel.VersionType))
	}
	values := make([]string, len(w.Params))
	for i := range values {
		values[i] = r.tabler.Column(table, i+1, types[i])
	}
	return w.All(r.tabler.Table(table, types), values, condition)
}

// reads tells whether the server understands a statement.
func (r *rowing) reads(ctx context.Context, sql string) bool {
	sqls := r.tabler.Params(sql)
	if _, err := r.Exec(ctx, "SAVEPOINT bellows_write"); err != nil {
		return false
	}
	_, err := r.Exec(ctx, sqls[0])
	if err == nil {
		_, err = r.Exec(ctx, sqls[2])
	}
	if err != nil {
		_, _ = r.Exec(ctx, "ROLLBACK TO SAVEPOINT bellows_write")
	}
	return err == nil
}

// plainRows makes the server spell values alike until the transaction ends.
func (r *rowing) plainRows(ctx context.Context) error {
	if err := r.plainly(ctx); err != nil {
		return err
	}
	items := make([]db.Item, len(r.travel.Plain))
	for i, sql := range r.travel.Plain {
		items[i].SQL = sql
	}
	if len(items) == 0 {
		return nil
	}
	return r.Send(ctx, items, nil)
}

// sql is the query for a range of a part, with our columns first.
func (r *rowing) sql(part Part, in backfill.Range, limit int, hold string) string {
	s := r.task.Logic.Select
	ours := backfill.Texts(r.lang, s.Name(), r.key)
	if !r.hashed {
		ours += ", " + fmt.Sprintf(r.travel.Version, s.Name())
	}
	leaf := ""
	if part.Leaf {
		leaf = part.SQL
	}
	if strings.Contains(hold, "%s") {
		hold = fmt.Sprintf(hold, s.Name())
	}
	tail := "ORDER BY " + backfill.Order(r.lang, s.Name(), r.key) + " LIMIT " + strconv.Itoa(limit) + hold
	condition := backfill.Condition(r.lang, s.Name(), r.key, in)
	if r.travel.Kept == "" {
		return s.SQL(ours, condition, leaf, tail)
	}
	return r.kept(s, condition, leaf, tail)
}

// kept reads the query's columns from outside it, so that they come as they are kept.
func (r *rowing) kept(s backfill.Select, condition, leaf, tail string) string {
	var names, ours []string
	for i, c := range r.key.Columns {
		name := "bellows_k" + strconv.Itoa(i)
		names = append(names, name)
		ours = append(ours, backfill.Texts(r.lang, s.Name(), backfill.Key{Columns: []backfill.Column{c}})+" AS "+name)
	}
	for _, c := range r.columns {
		q := r.lang.Quote(c)
		names = append(names, fmt.Sprintf(r.travel.Kept, q)+" AS "+q)
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM (" + s.SQL(strings.Join(ours, ", "), condition, leaf, tail) + ")"
}

// reading is how rows are read.
type reading struct {
	hold  string // the suffix that locks them, "" to lock nothing
	most  int    // bytes, after which it ends; 0 is no end
	bare  bool   // keys and versions only
	lines bool   // as JSON lines; else as maps
	limit int    // rows, 0 is no end
}

// read reads the rows of a range in the order of their keys. full tells that there
// may be more, behind the last one.
func (r *rowing) read(ctx context.Context, part Part, in backfill.Range, how reading) (rows []*record, bytes int, full bool, err error) {
	for {
		window := r.window(how, bytes, len(rows))
		if window <= 0 {
			return rows, bytes, true, nil
		}
		before := len(rows)
		if rows, bytes, full, err = r.readWindow(ctx, r.sql(part, in, window, how.hold), how, rows, bytes); err != nil || full {
			return rows, bytes, full, err
		}
		if len(rows)-before < window {
			return rows, bytes, false, nil
		}
		in.Low = rows[len(rows)-1].key
	}
}

// usualWidth is the width of a row, in bytes, before one was read; fewest is how
// many rows are read at the least.
const (
	usualWidth = 32 << 10
	fewest     = 16
)

// window is how many rows to ask for: as many as there is room for, by the width
// of those read lately.
func (r *rowing) window(how reading, bytes, rows int) int {
	most := 50000
	if how.most > 0 && !how.bare {
		width := r.width
		if width == 0 {
			width = usualWidth
		}
		most = max((how.most-bytes)*5/4/width, fewest)
	}
	if how.limit > 0 {
		most = min(most, how.limit-rows)
	}
	return most
}

func (r *rowing) readWindow(ctx context.Context, sql string, how reading, rows []*record, bytes int) ([]*record, int, bool, error) {
	result, err := r.Query(ctx, sql)
	if err != nil {
		return rows, bytes, false, err
	}
	defer result.Close()
	w, ok := result.(db.Wire)
	if !ok {
		return rows, bytes, false, fault.New(fault.Unsupported, "this session cannot read rows as they are")
	}
	cells := make([]dialect.Cell, len(result.Columns()))
	from, size := len(rows), 0
	for result.Next() {
		if err := w.Cells(cells); err != nil {
			return rows, bytes, false, err
		}
		x, n := r.record(cells, how)
		if len(rows) > 0 && x.key.Equal(rows[len(rows)-1].key) {
			return rows, bytes, false, fault.At(r.task.Body[0].Pos, fault.Failed, "the query gives row %s of %s more than once", keyText(r.key, x.key), r.task.Spec.Table).
				Try("it may give one row for each row of the table: use a subquery in place of the join")
		}
		if how.most > 0 && len(rows) > 0 && bytes+n > how.most {
			r.width = max((size+n)/(len(rows)-from+1), 1)
			return rows, bytes, true, nil
		}
		rows = append(rows, x)
		bytes += n
		size += n
	}
	if n := len(rows) - from; n > 0 && !how.bare {
		r.width = max(size/n, 1)
	}
	return rows, bytes, false, result.Err()
}

// What a row takes in memory beside its values, in bytes: its record; its line and
// the values of its answer, where a program works it out; the maps of the row and
// of its answer, and each column in them, where a function does.
const (
	overhead = 256
	answered = 256
	mapped   = 2 * 320
	inMap    = 2 * 64
)

// record makes a record of a row, and tells how much memory it takes.
func (r *rowing) record(cells []dialect.Cell, how reading) (*record, int) {
	n := len(r.key.Columns)
	x := &record{key: make(backfill.Bound, n)}
	for i := range n {
		x.key[i] = string(cells[i].Text)
	}
	values := cells[n:]
	if r.hashed {
		x.version = hashed(values)
	} else {
		x.version = string(cells[n].Text)
		values = cells[n+1:]
	}
	if how.bare {
		return x, overhead
	}
	x.name = r.nameOf(values)
	size := overhead
	for _, c := range values {
		size += len(c.Text)
	}
	if how.lines {
		x.line = r.jsonLine(values, x)
		return x, size + answered + 2*len(x.line)
	}
	x.row = make(map[string]any, len(values))
	for i, c := range values {
		x.row[r.columns[i]] = backfill.Value(r.lang, r.types[i], c)
	}
	return x, size + mapped + inMap*len(values)
}

func (r *rowing) nameOf(values []dialect.Cell) string {
	switch len(r.keyed) {
	case 0:
		return ""
	case 1:
		return backfill.Told(r.types[r.keyed[0]], values[r.keyed[0]])
	}
	parts := make([]string, len(r.keyed))
	for i, at := range r.keyed {
		parts[i] = backfill.Told(r.types[at], values[at])
	}
	return strings.Join(parts, "\x00")
}

// hashed is a text that is another when any of the values is.
func hashed(values []dialect.Cell) string {
	h := sha256.New()
	var size [8]byte
	for _, c := range values {
		n := uint64(len(c.Text))
		if c.Null {
			n = 1 << 63
		}
		binary.BigEndian.PutUint64(size[:], n<<4|uint64(c.Kind))
		h.Write(size[:])
		h.Write(c.Text)
	}
	return string(h.Sum(nil)[:16])
}

// rowKey is what a row is called outside: the same each time that it is asked
// about in this backfill.
func (r *rowing) rowKey(key backfill.Bound) string {
	if len(key) == 1 {
		return r.run + ":" + key[0]
	}
	return r.run + ":" + key.String()
}

// jsonLine is a row as a program reads it, but for what is behind it in its chunk.
func (r *rowing) jsonLine(values []dialect.Cell, x *record) []byte {
	b := make([]byte, 0, 64+r.width)
	b = append(b, '{')
	for i, c := range values {
		b = backfill.AppendJSON(b, r.lang, dialect.Type{}, dialect.Cell{Text: []byte(r.columns[i])})
		b = append(b, ':')
		b = backfill.AppendJSON(b, r.lang, r.types[i], c)
		b = append(b, ',')
	}
	b = append(b, `"`+keyField+`":`...)
	return backfill.AppendJSON(b, r.lang, dialect.Type{}, dialect.Cell{Text: []byte(r.rowKey(x.key))})
}
