package backfill

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Logic is the part of a task whose rows are worked out by a program or a
// function: what reads them, and what writes one of its answers.
type Logic struct {
	Select Select
	Write  Write
}

// Select reads the rows of a chunk.
type Select struct {
	Statement
	// Single: it reads the backfill's table alone, so a row of it changes only with
	// that table's row.
	Single bool

	list int // where its list of columns begins
}

// SQL is the query for one chunk, with columns of ours before its own, and what
// comes behind it. part is as for [Statement.SQL].
func (s Select) SQL(ours, condition, part, tail string) string {
	text := s.Statement.SQL(condition, part)
	return text[:s.list] + " " + ours + ", " + text[s.list:] + "\n" + tail
}

// Write writes one answer. Its parameters are :names.
type Write struct {
	Text   string
	Pos    fault.Pos
	Params []string // each once, in the order of the text

	uses    []use
	target  string            // by which columns of the backfill's table are qualified, "" where it changes another
	pins    map[string]string // columns, in small letters, that must equal a parameter
	columns map[string]string // the column that a parameter is written to, or compared with
	from    int               // where a table is added to those it reads; -1 where it cannot be
	word    string            // what goes before that table, and after it
	behind  string
	deletes bool
	where   span // of its condition
	set     int  // where SET stands, of an UPDATE of one table; -1 of any other
	asIs    bool // parameters are only assigned as they are, or pinned
}

type use struct {
	span
	param int
}

// One is the statement with values, spelled as SQL, for its parameters.
func (w Write) One(values []string) string {
	var b strings.Builder
	at := 0
	for _, u := range w.uses {
		b.WriteString(w.Text[at:u.start])
		b.WriteString(values[u.param])
		at = u.end
	}
	b.WriteString(w.Text[at:])
	return b.String()
}

// Column is the column that a parameter is written to or compared with; "" where
// that cannot be told.
func (w Write) Column(param string) string { return w.columns[param] }

// Pins tells whether it changes nothing of the backfill's table but the row whose
// key is given by parameters.
func (w Write) Pins(key Key) bool {
	for _, c := range key.Columns {
		if _, ok := w.pins[strings.ToLower(c.Name)]; !ok {
			return false
		}
	}
	return w.target != "" && len(key.Columns) > 0
}

// Pin is the parameter that a column of the table must equal, "" for none.
func (w Write) Pin(column string) string { return w.pins[strings.ToLower(column)] }

// Target is by which name it knows the rows of the backfill's table.
func (w Write) Target() string { return w.target }

// All is the statement for many answers at once, which stand in a table:
// values are its columns, and condition is what else must hold of a row. ok is
// false where the statement cannot be turned into such a one.
func (w Write) All(table string, values []string, condition string) (sql string, ok bool) {
	return w.all(w.from, w.word+table+w.behind, values, condition)
}

// Beside is All with the table beside the one that is updated, before SET. ok is
// false, too, where the statement does more with its parameters than to assign them
// to columns and to compare them with those that they pin.
func (w Write) Beside(table string, values []string, condition string) (sql string, ok bool) {
	if !w.asIs {
		return "", false
	}
	return w.all(w.set, ", "+table+" ", values, condition)
}

func (w Write) all(place int, table string, values []string, condition string) (sql string, ok bool) {
	if place < 0 {
		return "", false
	}
	var b strings.Builder
	at := 0
	copyTo := func(end int) {
		for _, u := range w.uses {
			if u.start >= at && u.end <= end {
				b.WriteString(w.Text[at:u.start])
				b.WriteString(values[u.param])
				at = u.end
			}
		}
		b.WriteString(w.Text[at:end])
		at = end
	}
	copyTo(place)
	b.WriteString(table)
	copyTo(w.where.start)
	b.WriteString(" (")
	copyTo(w.where.end)
	b.WriteString("\n) AND " + condition)
	copyTo(len(w.Text))
	return b.String(), true
}

// readLogic reads the two sections of a backfill whose logic is not SQL.
func readLogic(l Language, task *Task, script revision.Script) error {
	query, err := only(l, script.Fill.Body, "the query that reads the rows of a chunk")
	if err != nil {
		return err
	}
	write, err := only(l, *script.Fill.Write, "the statement that writes one answer")
	if err != nil {
		return err
	}
	var logic Logic
	t := readTree(l, query.text)
	if logic.Select, err = readSelect(l, t, task.Table, query); err != nil {
		return err
	}
	if logic.Write, err = readWrite(l, task.Table, write); err != nil {
		return err
	}
	t.judgeLogic(&logic)
	task.Logic, task.Body = &logic, []Statement{logic.Select.Statement}
	return nil
}

func only(l Language, sec revision.Section, what string) (piece, error) {
	pieces, err := cut(l, sec)
	switch {
	case err != nil:
		return piece{}, err
	case len(pieces) == 0:
		return piece{}, fault.At(sec.At, fault.Syntax, "here is nothing").Try("write %s", what)
	case len(pieces) > 1:
		return piece{}, fault.At(pieces[1].pos, fault.Syntax, "there is one statement here: %s", what).Try("remove this one")
	}
	return pieces[0], nil
}

// notRowByRow are the words by which a query gives no row for each row of a table,
// or an order or a lock of its own.
var notRowByRow = sqltext.Words[bool]{
	"GROUP": true, "HAVING": true, "DISTINCT": true, "UNION": true, "EXCEPT": true, "INTERSECT": true, "LIMIT": true, "FETCH": true,
	"OFFSET": true, "OVER": true, "WINDOW": true, "ORDER": true, "FOR": true, "LOCK": true, "INTO": true,
}

var adders = sqltext.Words[bool]{
	"COUNT": true, "SUM": true, "MIN": true, "MAX": true, "AVG": true, "BOOL_AND": true, "BOOL_OR": true, "EVERY": true, "STRING_AGG": true,
	"ARRAY_AGG": true, "GROUP_CONCAT": true, "TOTAL": true, "JSON_AGG": true, "JSONB_AGG": true,
}

func readSelect(l Language, t *tree, table plan.Name, p piece) (Select, error) {
	s := Select{}
	if t.word(0) != "SELECT" {
		return s, fault.At(p.pos, fault.Syntax, "the rows of a chunk are read by a SELECT, and this is %s", verb(p)).
			Try("write SELECT id, … FROM %s WHERE … AND :chunk", table)
	}
	first := 1
	if t.word(1) == "ALL" {
		first = 2
	}
	s.list = t.toks[first-1].End
	selects := 0
	for i := range t.toks {
		word := t.word(i)
		if word == "SELECT" {
			selects++
		}
		adds := adders.Of(word) && t.text(i+1) == "("
		if t.parent[i] != -1 || !adds && (!notRowByRow.Of(word) || word == "DISTINCT" && t.word(i-1) == "IS") {
			continue
		}
		return s, fault.At(p.at(t.toks[i].Start), fault.Syntax, "%s has no place in the query of a backfill, which gives one row for each row of the table", word).
			Try("remove it; rows come in the order of the key, a chunk at a time")
	}
	var err error
	if s.Statement, err = readStatement(l, table, p); err != nil {
		return s, err
	}
	at := 0
	for i := range t.toks {
		if t.toks[i].Start == s.chunk.start {
			at = i
		}
	}
	if t.scopeOf(at).open >= 0 || s.table.start > s.chunk.start {
		return s, fault.At(p.at(s.chunk.start), fault.Syntax, ":chunk stands in a subquery, and the rows of the chunk are those of the query").
			Try("write SELECT … FROM %s WHERE … AND :chunk", table)
	}
	s.Repeats, s.Deletes, s.Every, s.again, s.left = false, false, false, "", nil
	s.Single = selects == 1 && !t.joinsTables()
	return s, nil
}

// joinsTables tells whether more than one table stands in the FROM list at the top.
func (t *tree) joinsTables() bool {
	from := false
	for i := range t.toks {
		if t.parent[i] != -1 {
			continue
		}
		switch word := t.word(i); {
		case word == "FROM" && t.word(i-1) != "DISTINCT":
			from = true
		case word == "WHERE":
			return false
		case from && (word == "," || word == "JOIN" || word == "STRAIGHT_JOIN" || word == "("):
			return true
		}
	}
	return false
}

func readWrite(l Language, table plan.Name, p piece) (Write, error) {
	w := Write{Text: p.text, Pos: p.pos, pins: map[string]string{}, columns: map[string]string{}, from: -1, set: -1}
	if p.effect.Class == plan.Query {
		return w, fault.At(p.pos, fault.Syntax, "%s writes nothing", verb(p)).Try("write UPDATE %s SET … WHERE id = :id", table)
	}
	if err := mustChangeRows(p); err != nil {
		return w, err
	}
	t := readTree(l, p.text)
	number := map[string]int{}
	for i, tok := range t.toks {
		if tok.Kind != sqltext.Param {
			continue
		}
		name, named := strings.CutPrefix(t.text(i), ":")
		switch {
		case strings.HasPrefix(t.text(i), "@"):
			continue
		case !named:
			return w, fault.At(p.at(tok.Start), fault.Syntax, "%s has no name", t.text(i)).Try("values of an answer are written :name, such as :loc")
		case t.text(i) == Placeholder:
			return w, fault.At(p.at(tok.Start), fault.Syntax, "there is no :chunk in a write section").
				Try("it writes one row: name it by its key, such as WHERE id = :id")
		}
		if _, ok := number[name]; !ok {
			number[name] = len(w.Params)
			w.Params = append(w.Params, name)
		}
		w.uses = append(w.uses, use{span{tok.Start, tok.End}, number[name]})
	}
	if len(w.Params) == 0 {
		return w, fault.At(p.pos, fault.Syntax, "this statement takes nothing of an answer").
			Try("write what it takes as :name, such as UPDATE %s SET loc = :loc WHERE id = :id", table)
	}
	w.turn(t, table)
	return w, nil
}

// turn finds out what the statement does to the backfill's table.
func (w *Write) turn(t *tree, table plan.Name) {
	top := scope{-1, 0, len(t.toks)}
	refs := t.references(top, table)
	verb := t.word(0)
	if len(refs) == 0 || !refs[0].target || verb != "UPDATE" && verb != "DELETE" {
		return
	}
	c := t.parts(refs[0])
	direct := 0 // uses that assign a value as it is, or pin it
	for _, a := range t.assignments(c) {
		if name, ok := t.param(a.from); ok && a.to == a.from+1 {
			w.columns[name] = a.column
			direct++
		}
	}
	if c.where < 0 {
		return
	}
	w.target, w.deletes = nameIn(t, refs[0]), verb == "DELETE"
	for _, term := range t.conjuncts(c.where, c.end) {
		if column, param, ok := t.equals(term); ok {
			w.pins[strings.ToLower(column)] = param
			direct++
			w.columns[param] = column
		}
	}
	w.where = span{t.toks[c.where].End, t.toks[c.end-1].End}
	if verb == "UPDATE" && c.from < 0 && c.set >= 0 && !t.joins(c) {
		w.set = t.toks[c.set].Start
	}
	w.asIs = direct == len(w.uses)
	switch {
	case c.from >= 0:
		w.from, w.word, w.behind = t.toks[c.from].End, " ", ", "
	case verb == "UPDATE":
		w.from, w.word, w.behind = t.toks[c.where].Start, "FROM ", " "
	default:
		w.from, w.word, w.behind = t.toks[c.where].Start, "USING ", " "
	}
}

func (t *tree) param(i int) (string, bool) {
	if i >= len(t.toks) || t.toks[i].Kind != sqltext.Param {
		return "", false
	}
	return strings.CutPrefix(t.text(i), ":")
}

// equals reads a term column = :param, or the other way round.
func (t *tree) equals(term [2]int) (column, param string, ok bool) {
	i, end := term[0], term[1]
	if name, is := t.param(i); is && t.text(i+1) == "=" {
		if column, next := t.column(i + 2); next == end {
			return column, name, true
		}
		return "", "", false
	}
	column, next := t.column(i)
	if column == "" || t.text(next) != "=" || next+2 != end {
		return "", "", false
	}
	param, ok = t.param(next + 1)
	return column, param, ok
}

// column reads the name of a column, and gives the token behind it.
func (t *tree) column(i int) (string, int) {
	if !t.isName(i) {
		return "", i
	}
	for t.text(i+1) == "." && t.isName(i+2) {
		i += 2
	}
	return sqltext.Name(t.text(i)), i + 1
}

// judgeLogic finds out whether rows that were written are passed over by the
// query: it asks for rows where a column is null to which the answer is written,
// or the write deletes them.
func (t *tree) judgeLogic(logic *Logic) {
	s, w := &logic.Select, logic.Write
	if w.target == "" {
		return
	}
	where, end := -1, len(t.toks)
	from := -1
	for i := range t.toks {
		switch {
		case t.parent[i] != -1:
		case t.word(i) == "FROM" && from < 0 && t.word(i-1) != "DISTINCT":
			from = i
		case t.word(i) == "WHERE" && where < 0:
			where = i
		}
	}
	if where < 0 || from < 0 {
		return
	}
	s.Repeats = w.deletes
	for _, term := range t.conjuncts(where, end) {
		column, next := t.column(term[0])
		if next+2 != term[1] || t.word(next) != "IS" || t.word(next+1) != "NULL" {
			continue
		}
		for param, to := range w.columns {
			if strings.EqualFold(to, column) && w.pins[strings.ToLower(to)] != param {
				s.Repeats = true
			}
		}
	}
	if s.Repeats {
		s.left = &remainder{before: " " + t.sql[t.toks[from].Start:s.chunk.start], after: t.sql[s.chunk.end:t.toks[end-1].End]}
	}
}
