package synctest

import (
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

// names: whatever things are called, and whatever stands in expressions, it is the
// server that finds out what is meant.
func (s suite) names(t *testing.T) {
	h := s.app(t, s.URL(t), "old app")
	d := h.c.Dialect()
	long := strings.Repeat("n", 60)
	table, id, a, b, c := "Ta'b\"l`e; $bellows$", "Key \"id\"", "select", "paid [id]`\n'x", long
	if s.After {
		table = strings.ReplaceAll(table, ";", "")
	}
	q := d.Quote
	sync := dialect.Sync{
		Name: "bellows_" + strings.Repeat("9", 39), Revision: "20260101'; --", Table: plan.Name{Schema: s.Schema, Name: table},
		Key: []string{id}, Columns: []string{id, a, b, c, "id", "old", "new"},
		Old: []dialect.SyncColumn{{Name: a, Type: s.Integer}, {Name: b, Type: s.Integer}}, New: []dialect.SyncColumn{{Name: c, Type: s.Integer}},
		Policy: dialect.Refuse,
	}
	// Of the columns "old" and "new" none is the row before or after.
	sync.Forward = []dialect.Assignment{{Column: c, SQL: q(a) + " + /* \"paid\" ' */ " + q(table) + "." + q(b) + " + 0 * " + q("old") + " - 0 * CASE WHEN 'id\"; -- ' <> '' THEN " + q("new") + " END -- and ) that is it"}}
	sync.Backward = []dialect.Assignment{{Column: a, SQL: q(c) + " - " + q(b)}, {Column: b, SQL: q(b)}}
	sync.Writes = q("bellows'writes")
	of := q(table)
	if s.Schema != "" {
		sync.Writes = q(s.Schema) + "." + sync.Writes
	}
	h.must("CREATE TABLE "+of+" ("+q(id)+" int PRIMARY KEY, "+q(a)+" int, "+q(b)+" int, "+q(c)+" int, id int, "+q("old")+" int NOT NULL DEFAULT 7, "+q("new")+" int NOT NULL DEFAULT 8)",
		"INSERT INTO "+of+" ("+q(id)+", "+q(a)+", "+q(b)+") VALUES (1, 1, 2), (2, 3, 4)")
	for _, side := range []dialect.Side{dialect.New, dialect.Old} {
		if got := h.rows(h.syncer().Trial(sync, side, 1)); len(got) != 1 {
			t.Errorf("trial: %s", got)
		}
	}
	h.whole(h.syncer().SyncOn(sync))
	h.must("INSERT INTO "+of+" ("+q(id)+", "+q(a)+", "+q(b)+") VALUES (3, 5, 6)", "UPDATE "+of+" SET "+q(c)+" = 20 WHERE "+q(id)+" = 1")
	h.fill(sync, dialect.New)
	want := []string{"1 18 2 20", "2 3 4 7", "3 5 6 11"}
	if got := h.rows("SELECT " + q(id) + ", " + q(a) + ", " + q(b) + ", " + q(c) + " FROM " + of + " ORDER BY 1"); !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := h.disagree(sync); n != "0" {
		t.Errorf("%s rows do not agree", n)
	}
	if n := h.rows("SELECT COUNT(*) FROM " + sync.Writes)[0]; n == "0" {
		t.Error("no evidence")
	}
	for _, row := range h.rows(h.syncer().SyncSeen(sync)) {
		if !strings.HasSuffix(row, " on") {
			t.Error(row)
		}
	}
	h.whole(h.syncer().SyncPolicy(sync))
	h.whole(h.syncer().SyncOff(sync))
	if left := h.rows(h.syncer().SyncSeen(sync)); len(left) > 0 {
		t.Errorf("left: %s", left)
	}
}
