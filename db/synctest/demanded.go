package synctest

import (
	"slices"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

// demanded: an application that knows only the new side can write although the
// old one must not be null; and nobody gets a null past that.
func (s suite) demanded(t *testing.T) {
	h := s.app(t, s.URL(t), "new app")
	sync := dialect.Sync{Name: "bellows_1", Revision: "1", Table: plan.Name{Schema: s.Schema, Name: "items"}, Key: []string{"id"}, Policy: dialect.Refuse,
		Old:      []dialect.SyncColumn{{Name: "n", Type: s.Integer, NotNull: true}},
		New:      []dialect.SyncColumn{{Name: "m", Type: s.Integer}},
		Forward:  []dialect.Assignment{{Column: "m", SQL: "n + 1"}},
		Backward: []dialect.Assignment{{Column: "n", SQL: "m - 1"}},
	}
	h.must("CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL, m int)", "INSERT INTO items (id, n) VALUES (1, 10)")
	for range 2 {
		h.whole(h.syncer().SyncOn(sync))
	}
	h.must("INSERT INTO items (id, m) VALUES (2, 21)", "INSERT INTO items (id, n) VALUES (3, 30)", "UPDATE items SET m = 41 WHERE id = 3", "UPDATE items SET id = 4 WHERE id = 1")
	for _, bad := range []string{"INSERT INTO items (id) VALUES (5)", "INSERT INTO items (id, n, m) VALUES (5, NULL, NULL)", "UPDATE items SET n = NULL WHERE id = 2", "UPDATE items SET m = NULL WHERE id = 2"} {
		if h.try(bad) {
			t.Errorf("%s gets through", bad)
		}
	}
	want := []string{"2 20 21", "3 40 41", "4 10 11"}
	if got := h.rows("SELECT id, n, m FROM items ORDER BY id"); !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	for range 2 {
		h.whole(h.syncer().SyncOff(sync))
	}
	if h.try("INSERT INTO items (id, m) VALUES (6, 1)") {
		t.Error("without sync the old side may be null")
	}
}
