package synctest

import (
	"slices"
	"strconv"
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

// What is done beside statements; one behind "unseen: " runs while sync is off.
const (
	fillNew = "fill the new side"
	fillOld = "fill the old side"
	unseen  = "unseen: "
)

// example is a table and what becomes of it.
type example struct {
	name   string
	policy dialect.Policy
	oneWay bool
	before string // before sync is on
	steps  []step
}

// rounds are cases of a change that loses digits on the way forward.
var rounds = []example{
	{name: "a backfill leaves the digits of what it reads", before: "INSERT INTO items (id, n) VALUES (1, 1.25), (2, 2.5)", steps: []step{
		{fillNew, "1 1.25 1 .; 2 2.5 2 .", false},
		{fillNew, "1 1.25 1 .; 2 2.5 2 .", false},
		{"UPDATE items SET title = 't'", "1 1.25 1 t; 2 2.5 2 t", false},
		{"UPDATE items SET m = 7 WHERE id = 1", "1 7 7 t; 2 2.5 2 t", false},
		{"UPDATE items SET n = 3.75, m = 3 WHERE id = 1", "1 3.75 3 t; 2 2.5 2 t", false},
		{"UPDATE items SET n = 4.75, m = 5 WHERE id = 1", "1 3.75 3 t; 2 2.5 2 t", true},
	}},
	{name: "a backfill of the application's own", before: "INSERT INTO items (id, n) VALUES (1, 1.25)", steps: []step{
		{"UPDATE items SET m = 1 WHERE m IS NULL", "1 1.25 1 .", false},
	}},
}

// widens are cases of a change that loses digits on the way back.
var widens = []example{
	{name: "digits of the new side stay", steps: []step{
		{"INSERT INTO items (id, m) VALUES (1, 1.25)", "1 1 1.25 .", false},
		{"UPDATE items SET m = 1.5", "1 1 1.5 .", false},
		{"UPDATE items SET title = 't'", "1 1 1.5 t", false},
		{fillNew, "1 1 1.5 t", false},
		{"UPDATE items SET n = 2", "1 2 2 t", false},
	}},
	{name: "the old side comes back", policy: dialect.NewWins, steps: []step{
		{"INSERT INTO items (id, m) VALUES (1, 1.25), (2, 2.5), (3, NULL)", "1 1 1.25 .; 2 2 2.5 .; 3 . . .", false},
		{unseen + "UPDATE items SET n = NULL", "1 . 1.25 .; 2 . 2.5 .; 3 . . .", false},
		{"UPDATE items SET title = 't' WHERE id = 1", "1 . 1.25 t; 2 . 2.5 .; 3 . . .", false},
		{fillOld, "1 1 1.25 t; 2 2 2.5 .; 3 . . .", false},
		{fillOld, "1 1 1.25 t; 2 2 2.5 .; 3 . . .", false},
	}},
	{name: "what was written unseen stays until a backfill", steps: []step{
		{"INSERT INTO items (id, n) VALUES (1, 1)", "1 1 1 .", false},
		{unseen + "UPDATE items SET m = 5", "1 1 5 .", false},
		{"UPDATE items SET title = 't'", "1 1 5 t", false},
		{fillNew, "1 1 1 t", false},
	}},
}

// defaults are cases of the same change, where n is 0 by default and m must not
// be null and is -1 by default.
var defaults = []example{
	{name: "a default is not given", steps: []step{
		{"INSERT INTO items (id, n) VALUES (1, 5)", "1 5 5 .", false},
		{"INSERT INTO items (id, m) VALUES (2, 7)", "1 5 5 .; 2 7 7 .", false},
		{"INSERT INTO items (id, title) VALUES (3, 't')", "1 5 5 .; 2 7 7 .; 3 0 0 t", false},
		{"INSERT INTO items (id, n, m) VALUES (4, 2, 3)", "1 5 5 .; 2 7 7 .; 3 0 0 t", true},
		{"DELETE FROM items WHERE id < 3", "3 0 0 t", false},
		{"INSERT INTO items (id, n) VALUES (5, NULL)", "3 0 0 t; 5 -1 -1 .", false},
	}},
	{name: "rows of before have the default", before: "INSERT INTO items (id, n) VALUES (1, 5), (2, 6), (3, NULL)", steps: []step{
		{"UPDATE items SET title = 't' WHERE id IN (1, 3)", "1 5 5 t; 2 6 -1 .; 3 . -1 t", false},
		{"UPDATE items SET m = 8 WHERE id = 3", "1 5 5 t; 2 6 -1 .; 3 8 8 t", false},
		{fillNew, "1 5 5 t; 2 6 6 .; 3 8 8 t", false},
	}},
}

// merges are cases of the merge of a and b into c, as "a-b".
var merges = []example{
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
	for label, c := range map[string]struct {
		change   Change
		examples []example
	}{"merge": {s.Merge, merges}, "round": {s.Round, rounds}, "widen": {s.Widen, widens}, "defaults": {s.Defaults, defaults}} {
		for _, e := range c.examples {
			t.Run(name(label, ": ", e.name), func(t *testing.T) {
				t.Parallel()
				s.example(t, c.change, e)
			})
		}
	}
}

func (s suite) example(t *testing.T, c Change, e example) {
	sync := c.Sync(s.Schema)
	if e.policy != "" {
		sync.Policy = e.policy
	}
	if e.oneWay {
		sync.Backward = nil
	}
	h := s.open(t, s.URL(t), "old app")
	h.must("CREATE TABLE items " + c.Table)
	if e.before != "" {
		h.must(e.before)
	}
	h.whole(h.syncer().SyncOn(sync))
	for _, st := range e.steps {
		if ok := s.do(h, sync, st.do); ok == st.fails {
			t.Errorf("%s: worked %v", st.do, ok)
		}
		if got := strings.Join(plain(h.rows(c.query())), "; "); got != st.rows {
			t.Errorf("%s:\n got %s\nwant %s", st.do, got, st.rows)
		}
		if n := h.disagree(sync); n != "0" && !e.oneWay && e.before == "" && st.do != fillOld && !strings.HasPrefix(e.steps[1].do, unseen) {
			t.Errorf("%s: %s rows do not agree", st.do, n)
		}
	}
}

// do does one step.
func (s suite) do(h hand, sync dialect.Sync, what string) bool {
	switch text, off := strings.CutPrefix(what, unseen); {
	case off:
		h.whole(h.syncer().SyncOff(sync))
		defer h.whole(h.syncer().SyncOn(sync))
		return h.try(text)
	case what == fillNew:
		h.fill(sync, dialect.New)
	case what == fillOld:
		h.fill(sync, dialect.Old)
	default:
		return h.try(what)
	}
	return true
}

// query reads all rows of the table.
func (c Change) query() string {
	var names []string
	for _, column := range slices.Concat(c.Old, c.New) {
		names = append(names, column.Name)
	}
	return "SELECT id, " + strings.Join(names, ", ") + ", title FROM items ORDER BY id"
}

// plain takes from numbers the zeros at their end, which databases do not agree on.
func plain(rows []string) []string {
	for i, row := range rows {
		words := strings.Split(row, " ")
		for j, word := range words {
			if f, err := strconv.ParseFloat(word, 64); err == nil && strings.Contains(word, ".") {
				words[j] = strconv.FormatFloat(f, 'f', -1, 64)
			}
		}
		rows[i] = strings.Join(words, " ")
	}
	return rows
}
