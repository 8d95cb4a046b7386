package synctest

import (
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
)

// step is a statement, or one of the words below, and what the table is then: the
// rows as "id a b c title", in the order of their ids. Fails: it must fail and change
// nothing.
type step struct {
	do    string
	rows  string
	fails bool
}

const fillNew = "fill the new side"

// merges are cases of the merge of a and b into c, as "a-b".
var merges = []struct {
	name   string
	policy dialect.Policy
	oneWay bool
	before string // before sync is on
	steps  []step
}{
	{name: "inserts", steps: []step{
		{"INSERT INTO items (id, a, b) VALUES (1, 'x', 'y')", "1 x y x-y .", false},
		{"INSERT INTO items (id, c) VALUES (2, 'p-q')", "1 x y x-y .; 2 p q p-q .", false},
		{"INSERT INTO items (id, a, b, c) VALUES (3, 'm', 'n', 'm-n')", "1 x y x-y .; 2 p q p-q .; 3 m n m-n .", false},
		{"INSERT INTO items (id, a, b, c) VALUES (4, 'm', 'n', 'z-z')", "1 x y x-y .; 2 p q p-q .; 3 m n m-n .", true},
		{"INSERT INTO items (id, title) VALUES (5, 't')", "1 x y x-y .; 2 p q p-q .; 3 m n m-n .; 5 . . . t", false},
	}},
	{name: "many rows of one statement are judged one by one", steps: []step{
		{"INSERT INTO items (id, a, b, c) VALUES (1, 'x', 'y', NULL), (2, NULL, NULL, 'p-q'), (3, 'm', 'n', 'm-n')", "1 x y x-y .; 2 p q p-q .; 3 m n m-n .", false},
		{"UPDATE items SET a = 'k'", "1 k y k-y .; 2 k q k-q .; 3 k n k-n .", false},
		{"UPDATE items SET c = 'u-v' WHERE id < 3", "1 u v u-v .; 2 u v u-v .; 3 k n k-n .", false},
	}},
	{name: "one of several old columns", steps: []step{
		{"INSERT INTO items (id, a) VALUES (1, 'x')", "1 x . . .", false},
		{"UPDATE items SET b = 'y'", "1 x y x-y .", false},
		{"UPDATE items SET a = NULL", "1 . y . .", false},
	}},
	{name: "null both ways", steps: []step{
		{"INSERT INTO items (id, a, b) VALUES (1, 'x', 'y')", "1 x y x-y .", false},
		{"UPDATE items SET c = NULL", "1 . . . .", false},
		{"UPDATE items SET c = 'p-q'", "1 p q p-q .", false},
		{"UPDATE items SET a = NULL, b = NULL", "1 . . . .", false},
	}},
	{name: "updates of both sides", steps: []step{
		{"INSERT INTO items (id, a, b) VALUES (1, 'x', 'y')", "1 x y x-y .", false},
		{"UPDATE items SET a = 'k', c = 'k-y'", "1 k y k-y .", false},
		{"UPDATE items SET a = 'l', c = 'm-y'", "1 k y k-y .", true},
		{"UPDATE items SET a = 'k', c = 'm-y'", "1 m y m-y .", false}, // a is as before
	}},
	{name: "old wins", policy: dialect.OldWins, steps: []step{
		{"INSERT INTO items (id, a, b, c) VALUES (1, 'x', 'y', 'p-q')", "1 x y x-y .", false},
		{"UPDATE items SET a = 'l', c = 'm-y'", "1 l y l-y .", false},
		{"UPDATE items SET c = 'u-v'", "1 u v u-v .", false},
	}},
	{name: "new wins", policy: dialect.NewWins, steps: []step{
		{"INSERT INTO items (id, a, b, c) VALUES (1, 'x', 'y', 'p-q')", "1 p q p-q .", false},
		{"UPDATE items SET a = 'l', c = 'm-y'", "1 m y m-y .", false},
		{"UPDATE items SET a = 'u'", "1 u y u-y .", false},
	}},
	{name: "a row of before is filled when it is touched", before: "INSERT INTO items (id, a, b) VALUES (1, 'x', 'y'), (2, 'v', 'w')", steps: []step{
		{"UPDATE items SET title = 't' WHERE id = 1", "1 x y x-y t; 2 v w . .", false},
		{fillNew, "1 x y x-y t; 2 v w v-w .", false},
		{fillNew, "1 x y x-y t; 2 v w v-w .", false},
	}},
	{name: "a row of before is written by the new application", before: "INSERT INTO items (id, a, b) VALUES (1, 'x', 'y')", steps: []step{
		{"UPDATE items SET c = 'p-q'", "1 p q p-q .", false},
		{fillNew, "1 p q p-q .", false},
	}},
	{name: "no way back", oneWay: true, before: "INSERT INTO items (id, a, b) VALUES (1, 'x', 'y'), (2, 'v', 'w')", steps: []step{
		{"UPDATE items SET c = 'p-q' WHERE id = 1", "1 x y p-q .; 2 v w . .", false},
		{fillNew, "1 x y p-q .; 2 v w v-w .", false},
		{"UPDATE items SET a = 'k' WHERE id = 1", "1 k y k-y .; 2 v w v-w .", false},
		{"UPDATE items SET a = 'l', c = 'm-n' WHERE id = 2", "1 k y k-y .; 2 v w v-w .", true},
		{"DELETE FROM items", "", false},
		{"INSERT INTO items (id, c) VALUES (3, 'p-q')", "3 . . p-q .", false},
	}},
	{name: "letters, blanks and empty texts differ", steps: []step{
		{"INSERT INTO items (id, a, b) VALUES (1, 'x', 'y')", "1 x y x-y .", false},
		{"UPDATE items SET a = 'X'", "1 X y X-y .", false},
		{"UPDATE items SET b = 'y '", "1 X y  X-y  .", false},
		{"UPDATE items SET c = 'x-Y'", "1 x Y x-Y .", false},
		{"UPDATE items SET a = ''", "1  Y -Y .", false},
	}},
}

func (s suite) cases(t *testing.T) {
	for _, c := range merges {
		t.Run(name(c.name), func(t *testing.T) {
			t.Parallel()
			sync := s.Merge.Sync(s.Schema)
			if c.policy != "" {
				sync.Policy = c.policy
			}
			if c.oneWay {
				sync.Backward = nil
			}
			h := s.open(t, s.URL(t), "old app")
			h.must("CREATE TABLE items " + s.Merge.Table)
			if c.before != "" {
				h.must(c.before)
			}
			h.whole(h.syncer().SyncOn(sync))
			for _, st := range c.steps {
				ok := true
				if st.do == fillNew {
					h.fill(sync, dialect.New)
				} else {
					ok = h.try(st.do)
				}
				if ok == st.fails {
					t.Errorf("%s: worked %v", st.do, ok)
				}
				if got := strings.Join(h.rows("SELECT id, a, b, c, title FROM items ORDER BY id"), "; "); got != st.rows {
					t.Errorf("%s:\n got %s\nwant %s", st.do, got, st.rows)
				}
				if n := h.disagree(sync); n != "0" && !c.oneWay && c.before == "" {
					t.Errorf("%s: %s rows do not agree", st.do, n)
				}
			}
		})
	}
}
