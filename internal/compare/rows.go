package compare

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/schema"
)

// rows proves that what is put aside has its rows again after the way back: with
// some in the tables concerned, up, and down. Rows of ours may be refused by a
// check, or stand against something else in the plan, as those of a user may: then
// that is said, and it is no failure. The clone is worth nothing afterwards.
func (v *proving) rows(ctx context.Context) error {
	if len(v.Aside) == 0 || !v.cert.Back {
		return nil
	}
	if err := v.back(ctx); err != nil {
		return err
	}
	s := sowing{c: v.Clone, shape: v.From, sown: map[schema.ID]bool{}}
	tables, failed := s.all(ctx, v.Aside)
	was, err := s.contents(ctx, tables)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		if reason := v.there(ctx); reason != nil {
			v.say("rows in what is archived, which stood against another change")
			return nil
		}
		if err := s.moved(ctx, tables, v.Aside, was); err != nil {
			return err
		}
		if err := v.back(ctx); err != nil {
			return err
		}
	}
	is, err := s.contents(ctx, tables)
	if err != nil {
		return err
	}
	for i, table := range tables {
		if !slices.Equal(was[i], is[i]) {
			return fault.New(fault.Finding, "the plan is not proven: after the way down %s has other rows than before it was archived", table)
		}
	}
	v.cert.Rows = len(tables)
	if failed > 0 {
		v.say(fmt.Sprintf("rows in %d of the tables that are archived, which took none of ours", failed))
	}
	return nil
}

func (v *proving) say(without string) {
	if v.cert.Without != "" {
		without = v.cert.Without + ", " + without
	}
	v.cert.Without = without
}

// there and back run all parts.
func (v *proving) there(ctx context.Context) error {
	for i := range v.Parts {
		if err := v.run(ctx, v.Parts[i].Leg.Up, v.Parts[i].UpMode); err != nil {
			return err
		}
	}
	return nil
}

func (v *proving) back(ctx context.Context) error {
	for i := len(v.Parts) - 1; i >= 0; i-- {
		p := &v.Parts[i]
		if err := v.run(ctx, p.Leg.Down, p.DownMode); err != nil {
			return unproven(err, "down with rows", p)
		}
	}
	return nil
}

// sowing puts rows into tables.
type sowing struct {
	c     db.Conn
	shape schema.Schema
	sown  map[schema.ID]bool // whether a table has taken them
}

// seeds is how many rows a table gets.
const seeds = 2

// all puts rows into the tables that something is put aside of, and gives those
// that took them.
func (s *sowing) all(ctx context.Context, aside []diff.Rename) (tables []schema.ID, failed int) {
	for _, r := range aside {
		table := r.From
		if table.Kind == schema.Column {
			table = schema.ID{Kind: schema.Table, Schema: table.Schema, Name: table.On}
		}
		if f, ok := s.shape.Find(table); !ok || f.Get("partition key") != "" || slices.Contains(tables, table) {
			continue // its parts have the rows
		}
		switch {
		case s.table(ctx, table):
			tables = append(tables, table)
		case len(s.shape.On(schema.Partition, table.Schema, table.Name)) == 0: // of the parts of a table, some have no rows
			failed++
		}
	}
	return tables, failed
}

// table puts rows into a table, and before that into those it refers to. The n-th
// row has the same value wherever the type is the same, so rows refer to rows.
func (s *sowing) table(ctx context.Context, table schema.ID) bool {
	if done, ok := s.sown[table]; ok {
		return done
	}
	s.sown[table] = false
	for _, f := range s.shape.On(schema.Constraint, table.Schema, table.Name) {
		for _, id := range f.Needs {
			if id.On != "" {
				id = schema.ID{Kind: schema.Table, Schema: id.Schema, Name: id.On}
			}
			if id.Kind == schema.Table && id != table {
				s.table(ctx, id)
			}
		}
	}
	d := s.c.Dialect()
	var names []string
	columns := s.shape.On(schema.Column, table.Schema, table.Name)
	for _, f := range columns {
		if given(f) {
			names = append(names, d.Quote(f.ID.Name))
		}
	}
	if len(names) == 0 {
		return false
	}
	for n := range seeds {
		var values []string
		for _, f := range columns {
			if given(f) {
				values = append(values, s.value(f.Get("type"), n+1))
			}
		}
		sql := "INSERT INTO " + spelled(d, table) + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
		if _, err := s.c.Exec(ctx, sql); err != nil {
			s.sown[table] = n > 0 || s.holds(ctx, table)
			return s.sown[table]
		}
	}
	s.sown[table] = true
	return true
}

// holds tells whether a table has rows: a part may have got some of the whole's.
func (s *sowing) holds(ctx context.Context, table schema.ID) bool {
	rows, err := s.read(ctx, "SELECT * FROM "+spelled(s.c.Dialect(), table))
	return err == nil && len(rows) > 0
}

// given tells whether rows give a column its value.
func given(f *schema.Fact) bool {
	for _, a := range f.Attrs {
		if strings.HasPrefix(a.Key, "generated") || a.Key == "identity" || a.Key == "more" {
			return false
		}
	}
	return !diff.Archived(f.ID)
}

func spelled(d dialect.Dialect, table schema.ID) string {
	if table.Schema == "" {
		return d.Quote(table.Name)
	}
	return d.Quote(table.Schema) + "." + d.Quote(table.Name)
}

// values are texts for types, by a word in the type's name; %d is the number of
// the row. The first that fits counts.
var values = [...][2]string{
	{"[]", "{}"}, {"enum(", ""}, {"set(", ""}, {"tinyint(1)", "1"}, {"point", "(%d,%d)"}, {"interval", "%d days"}, {"int", "%d"}, {"serial", "%d"}, {"numeric", "%d"}, {"decimal", "%d"}, {"double", "%d"},
	{"real", "%d"}, {"float", "%d"}, {"money", "%d"}, {"number", "%d"}, {"bool", "true"}, {"uuid", "00000000-0000-0000-0000-00000000000%d"},
	{"timestamp", "2001-01-0%d 00:00:00"}, {"datetime", "2001-01-0%d 00:00:00"}, {"date", "2001-01-0%d"}, {"time", "00:00:0%d"}, {"year", "200%d"},
	{"json", `{"n": %d}`}, {"bytea", `\x0%d`}, {"inet", "10.0.0.%d"}, {"cidr", "10.0.0.%d"}, {"macaddr", "08:00:2b:01:02:0%d"}, {"xml", "<n>%d</n>"}, {"bit", "%d"}, {"(1)", "%d"}, {"", "r%d"},
}

// value is one of a type, for the n-th row.
func (s *sowing) value(t string, n int) string {
	facts := s.shape.Facts()
	for i := range facts {
		f := &facts[i]
		if f.ID.Kind != schema.Enum && f.ID.Kind != schema.Domain || t != spelled(s.c.Dialect(), f.ID) && t != f.ID.Path() {
			continue
		}
		if labels := schema.Items(f.Get("labels")); len(labels) > 0 {
			return s.c.Dialect().Literal(labels[0])
		}
		return s.value(f.Get("type"), n)
	}
	word := strings.ToLower(t)
	for _, v := range values {
		if !strings.Contains(word, v[0]) {
			continue
		}
		text := strings.ReplaceAll(v[1], "%d", fmt.Sprint(n))
		if text == "" { // the first of its members
			_, rest, _ := strings.Cut(t, "'")
			text, _, _ = strings.Cut(rest, "'")
		}
		if v[1] == "%d" || v[1] == "true" || v[1] == "1" {
			return text
		}
		return s.c.Dialect().Literal(text)
	}
	return ""
}

// contents are the rows of tables, each as text, in some order that is the same
// for the same rows.
func (s *sowing) contents(ctx context.Context, tables []schema.ID) ([][]string, error) {
	all := make([][]string, len(tables))
	for i, table := range tables {
		rows, err := s.read(ctx, "SELECT * FROM "+spelled(s.c.Dialect(), table))
		if err != nil {
			return nil, err
		}
		all[i] = rows
	}
	return all, nil
}

// moved looks for the rows where they were put.
func (s *sowing) moved(ctx context.Context, tables []schema.ID, aside []diff.Rename, was [][]string) error {
	for _, r := range aside {
		at := slices.Index(tables, r.From)
		if r.From.Kind != schema.Table || at < 0 {
			continue
		}
		rows, err := s.read(ctx, "SELECT * FROM "+spelled(s.c.Dialect(), r.To))
		if err != nil {
			return err
		}
		if !slices.Equal(rows, was[at]) {
			return fault.New(fault.Finding, "the plan is not proven: %s has other rows in the archive than it had", r.From)
		}
	}
	return nil
}

func (s *sowing) read(ctx context.Context, sql string) (all []string, err error) {
	rows, err := s.c.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	wire, ok := rows.(db.Wire)
	if !ok {
		return nil, fault.New(fault.Internal, "rows of %s cannot be read as they are", s.c.Dialect().Name())
	}
	columns := rows.Columns()
	cells := make([]dialect.Cell, len(columns))
	for rows.Next() {
		if err := wire.Cells(cells); err != nil {
			return nil, err
		}
		words := make([]string, len(columns))
		for i, c := range cells {
			words[i] = fmt.Sprintf("%s=%v %s", columns[i], c.Null, c.Text)
		}
		slices.Sort(words)
		all = append(all, strings.Join(words, "\x00"))
	}
	slices.Sort(all)
	return all, rows.Err()
}
