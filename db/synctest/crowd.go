package synctest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
)

// crowd: an old and a new application and a backfill write the same rows at once.
// In the end each row is what one of them wrote, on both sides.
func (s suite) crowd(t *testing.T) {
	url := s.URL(t)
	h := s.app(t, url, "old app")
	change := s.Merge.Sync(s.Schema)
	change.Writes = h.c.Dialect().Quote("bellows_change_write")
	if s.Schema != "" {
		change.Writes = h.c.Dialect().Quote(s.Schema) + "." + change.Writes
	}
	h.must("CREATE TABLE items "+s.Merge.Table, "INSERT INTO items (id, a, b) VALUES (1, 'x', 'y'), (2, 'x', 'y'), (3, 'x', 'y')")
	h.whole(h.syncer().SyncOn(change))
	work := []func(h hand, n int){
		func(h hand, n int) {
			h.must(fmt.Sprintf("UPDATE items SET a = 'o%d', b = 'o%d' WHERE id = %d", n, n, 1+n%3))
		},
		func(h hand, n int) { h.must(fmt.Sprintf("UPDATE items SET c = 'n%d-n%d' WHERE id = %d", n, n, 1+n%3)) },
		func(h hand, n int) {
			h.must(fmt.Sprintf("INSERT INTO items (id, c) VALUES (%d, 'i%d-i%d')", 10+n, n, n), fmt.Sprintf("UPDATE items SET a = 'j%d', b = 'j%d' WHERE id = %d", n, n, 10+n))
		},
		func(h hand, n int) { h.fill(change, dialect.New) },
	}
	var all sync.WaitGroup
	for i, do := range work {
		mine := s.app(t, url, fmt.Sprint("app ", i))
		all.Go(func() {
			for n := range 60 {
				do(mine, n)
			}
		})
	}
	all.Wait()
	if n := h.disagree(change); n != "0" {
		t.Errorf("%s rows do not agree", n)
	}
	rows := h.rows("SELECT a, b, c FROM items ORDER BY id")
	if len(rows) != 63 {
		t.Errorf("%d rows", len(rows))
	}
	for i, row := range rows {
		v := strings.Fields(row)
		if len(v) != 3 || v[0] != v[1] || v[2] != v[0]+"-"+v[1] || !slices.Contains([]string{"o", "n", "j"}, v[0][:1]) || (i >= 3) != (v[0][:1] == "j") {
			t.Errorf("row %d is %s", i, row)
		}
	}
}
