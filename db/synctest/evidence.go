package synctest

import (
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
)

// evidence makes the table of the merge with sync that counts who writes.
func (s suite) evidence(t *testing.T) (h hand, sync dialect.Sync, url string) {
	url = s.URL(t)
	h = s.app(t, url, "old app")
	sync = s.Merge.Sync(s.Schema)
	sync.Writes = h.c.Dialect().Quote("bellows_change_write")
	if s.Schema != "" {
		sync.Writes = h.c.Dialect().Quote(s.Schema) + "." + sync.Writes
	}
	h.must("CREATE TABLE items "+s.Merge.Table, "INSERT INTO items (id, a, b) VALUES (1, 'x', 'y'), (2, 'x', 'y')")
	h.whole(h.syncer().SyncOn(sync))
	return h, sync, url
}

// app is a session of an application; where a database knows no names of
// applications it has none.
func (s suite) app(t testing.TB, url, app string) hand {
	if !s.Names {
		app = ""
	}
	return s.open(t, url, app)
}

// counted is who wrote what, each once.
func (h hand) counted() string {
	h.t.Helper()
	return strings.Join(h.rows("SELECT DISTINCT side, application FROM bellows_change_write ORDER BY side, application"), "; ")
}

func (s suite) counting(t *testing.T) {
	h, sync, url := s.evidence(t)
	want := func(what, text string) {
		t.Helper()
		text = strings.ReplaceAll(strings.ReplaceAll(text, "OLD", s.Application(h.c, "old app")), "NEW", s.Application(h.c, "new app"))
		if got := h.counted(); got != text {
			t.Errorf("%s: counted %q, want %q", what, got, text)
		}
		h.must("DELETE FROM bellows_change_write")
	}
	ours := s.open(t, url, "bellows/backfill/1")
	ours.fill(sync, dialect.New)
	ours.must("UPDATE items SET a = 'z' WHERE id = 1", "UPDATE items SET a = 'x' WHERE id = 1")
	if s.Names || !s.After {
		want("what bellows writes", "")
	}
	h.must("DELETE FROM bellows_change_write")
	s.app(t, url, "old app").must("INSERT INTO items (id, a, b) VALUES (3, 'k', 'l')")
	want("an old insert", "old OLD")
	s.app(t, url, "new app").must("INSERT INTO items (id, c) VALUES (4, 'k-l')")
	want("a new insert", "new NEW")
	s.app(t, url, "old app").must("UPDATE items SET b = 'm' WHERE id = 1")
	want("an old update", "old OLD")
	s.app(t, url, "new app").must("UPDATE items SET c = 'm-n' WHERE id = 1")
	want("a new update", "new NEW")
	s.app(t, url, "new app").must("UPDATE items SET a = 'r', c = 'r-n' WHERE id = 1")
	want("an update of both", "new NEW; old NEW")
	s.app(t, url, "new app").must("UPDATE items SET title = 't'", "DELETE FROM items WHERE id = 4")
	want("neither side", "")
	other := s.app(t, url, "new app")
	other.must(other.c.Dialect().Traits().BeginWrite, "UPDATE items SET a = 'q' WHERE id = 1", "ROLLBACK")
	want("what was rolled back", "")
}

// sampling: a statement of many rows leaves one row of evidence.
func (s suite) sampling(t *testing.T) {
	h, _, _ := s.evidence(t)
	h.must("DELETE FROM items")
	text := "INSERT INTO items (id, a, b) VALUES (1, 'x', 'y')"
	for _, id := range []string{"2", "3", "4", "5", "6", "7", "8", "9"} {
		text += ", (" + id + ", 'x', 'y')"
	}
	h.must(text)
	if n := h.rows("SELECT COUNT(*) FROM bellows_change_write")[0]; n != "1" {
		t.Errorf("%s rows of evidence of one statement", n)
	}
}

// gone: what became of the evidence does not concern the application.
func (s suite) gone(t *testing.T) {
	h, _, _ := s.evidence(t)
	h.must("DROP TABLE bellows_change_write", "INSERT INTO items (id, a, b) VALUES (7, 'k', 'l')", "UPDATE items SET c = 'x-z' WHERE id = 7")
	if got := h.rows("SELECT a, b, c FROM items WHERE id = 7"); !slices.Equal(got, []string{"x z x-z"}) {
		t.Error(got)
	}
}

// seen: what is there is seen, and what was done to it.
func (s suite) seen(t *testing.T) {
	h, sync, _ := s.evidence(t)
	before := h.rows(h.syncer().SyncSeen(sync))
	if len(before) < 2 {
		t.Fatalf("only %d objects are seen", len(before))
	}
	for _, row := range before {
		if !strings.HasSuffix(row, " on") {
			t.Errorf("it is said not to fire: %s", row)
		}
	}
	h.whole(h.syncer().SyncOn(sync))
	if again := h.rows(h.syncer().SyncSeen(sync)); !slices.Equal(again, before) {
		t.Errorf("made again it looks different:\n%s\n%s", again, before)
	}
	for label, texts := range s.Tampers {
		h.whole(texts)
		if after := h.rows(h.syncer().SyncSeen(sync)); slices.Equal(after, before) {
			t.Errorf("%s is not seen", label)
		}
		h.whole(h.syncer().SyncOff(sync))
		if left := h.rows(h.syncer().SyncSeen(sync)); len(left) > 0 {
			t.Errorf("left behind: %s", left)
		}
		h.whole(h.syncer().SyncOff(sync))
		h.whole(h.syncer().SyncOn(sync))
		if again := h.rows(h.syncer().SyncSeen(sync)); !slices.Equal(again, before) && !strings.Contains(label, "another") {
			t.Errorf("after %s it is not mended:\n%s\n%s", label, again, before)
		}
	}
	policy := sync
	policy.Policy = dialect.NewWins
	h.whole(h.syncer().SyncPolicy(policy))
	if after := h.rows(h.syncer().SyncSeen(sync)); slices.Equal(after, before) {
		t.Error("another policy is not seen")
	}
}
