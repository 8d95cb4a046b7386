package synctest

import (
	"testing"

	"github.com/bellowsdb/bellows/dialect"
)

// Kind is a type of values. Neighbours of Values are different, though perhaps
// the type calls them equal.
type Kind struct {
	Make   []string // what the type needs, made before the table
	Type   string   // of the columns, as it is declared
	Told   string   // as the catalog tells it; "" as declared
	Values []string
}

// kinds: a change that copies a column. Each value is told from its neighbour, in
// the triggers and by who compares the sides afterwards.
func (s suite) kinds(t *testing.T) {
	for label, k := range s.Kinds {
		t.Run(name(label), func(t *testing.T) {
			t.Parallel()
			s.kind(t, k)
		})
	}
}

func (s suite) kind(t *testing.T, k Kind) {
	if k.Told == "" {
		k.Told = k.Type
	}
	c := Change{
		Old: []dialect.SyncColumn{{Name: "a", Type: k.Told}}, New: []dialect.SyncColumn{{Name: "b", Type: k.Told}},
		Forward: []string{"a"}, Backward: []string{"items.b"},
	}
	sync := c.Sync(s.Schema)
	h := s.open(t, s.URL(t), "old app")
	h.must(k.Make...)
	h.must("CREATE TABLE items (id int PRIMARY KEY, a "+k.Type+", b "+k.Type+", title text)", "INSERT INTO items (id, a) VALUES (1, "+k.Values[0]+"), (2, NULL)")
	h.rows(h.syncer().Trial(sync, dialect.New, 10))
	h.rows(h.syncer().Trial(sync, dialect.Old, 10))
	h.whole(h.syncer().SyncOn(sync))
	h.fill(sync, dialect.New)
	alike := func(what string) {
		t.Helper()
		if n := h.disagree(sync); n != "0" {
			t.Errorf("%s: %s rows do not agree", what, n)
		}
		if n := h.rows("SELECT COUNT(*) FROM items WHERE NOT (" + s.Spelled("a") + " = " + s.Spelled("b") + ")")[0]; n != "0" {
			t.Errorf("%s: %s rows are not alike", what, n)
		}
	}
	alike("filled")
	for i, v := range k.Values {
		next := k.Values[(i+1)%len(k.Values)]
		h.must("UPDATE items SET a = " + v + " WHERE id = 1")
		alike("old is " + v)
		h.must("UPDATE items SET a = " + next + " WHERE id = 1")
		alike("old from " + v + " to " + next)
		h.must("UPDATE items SET b = " + v + " WHERE id = 1")
		alike("new from " + next + " to " + v)
		if len(k.Values) > 2 && h.try("UPDATE items SET a = "+next+", b = "+k.Values[(i+2)%len(k.Values)]+" WHERE id = 1") {
			t.Errorf("both from %s: not refused", v)
		}
		s.do(h, sync, unseen+"UPDATE items SET b = "+next+" WHERE id = 1")
		if n := h.disagree(sync); n != "1" {
			t.Errorf("%s beside %s: %s rows do not agree", v, next, n)
		}
		h.fill(sync, dialect.New)
		alike("filled again")
		h.must("DELETE FROM items WHERE id = 1", "INSERT INTO items (id, b) VALUES (1, "+next+")")
		alike("inserted " + next)
	}
}
