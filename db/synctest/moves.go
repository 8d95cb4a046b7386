package synctest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	gosync "sync"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

// thing is a row of the other table.
type thing struct {
	new  []string
	note string
}

// pair is two tables in memory, of which each row of the second belongs to one of
// the first.
type pair struct {
	world
	items  map[int]item // without a new side
	things map[int]thing
	back   bool
}

func (m *pair) agree(id int) bool {
	gives := m.forward(m.items[id].old)
	there, ok := m.things[id]
	if !ok {
		return !given(gives)
	}
	return slices.Equal(there.new, gives) || m.back && slices.Equal(m.items[id].old, m.backward(there.new))
}

// follows: the item was written, and the thing follows.
func (m *pair) follows(id int) {
	gives := slices.Clone(m.forward(m.items[id].old))
	if there, ok := m.things[id]; m.agree(id) {
		return
	} else if ok {
		m.things[id] = thing{gives, there.note}
	} else {
		m.things[id] = thing{gives, null}
	}
}

// leads: the thing was written, and the item follows.
func (m *pair) leads(id int) {
	if !m.agree(id) && m.back {
		m.items[id] = item{slices.Clone(m.backward(m.things[id].new)), nil, m.items[id].title}
	}
}

// leaves: the item has no thing any more.
func (m *pair) leaves(id int) {
	if it, ok := m.items[id]; ok && m.back && !m.agree(id) {
		m.items[id] = item{nulls(len(it.old)), nil, it.title}
	}
}

func nulls(n int) []string { return slices.Repeat([]string{null}, n) }

func (m *pair) fill(side dialect.Side) {
	for id := range m.items {
		there, ok := m.things[id]
		switch {
		case m.agree(id):
		case side == dialect.New && (m.back || !ok || !given(there.new)):
			m.follows(id)
		case side == dialect.Old && ok:
			m.leads(id)
		case side == dialect.Old:
			m.leaves(id)
		}
	}
}

func (m *pair) text() string {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(m.items)) {
		all = append(all, fmt.Sprintf("i%d %s %s", id, strings.Join(m.items[id].old, " "), m.items[id].title))
	}
	for _, id := range slices.Sorted(maps.Keys(m.things)) {
		all = append(all, fmt.Sprintf("t%d %s %s", id, strings.Join(m.things[id].new, " "), m.things[id].note))
	}
	return strings.Join(all, "; ")
}

// mover writes to two tables and to the model alike.
type mover struct {
	suite
	hand
	t    *testing.T
	m    *pair
	r    *rand.Rand
	sync dialect.Sync
	log  []string
}

const cascade = " REFERENCES items (id) ON DELETE CASCADE ON UPDATE CASCADE"

// moves: columns of one table are kept in step with those of another, with and
// without a foreign key between them.
func (s suite) moves(t *testing.T) {
	changes := map[string]Change{"merge": s.Merge, "round": s.Round, "widen": s.Widen}
	for label, w := range worlds() {
		for _, back := range []bool{true, false} {
			for _, key := range []string{"", cascade} {
				t.Run(name(label, " ", back, " ", key != ""), func(t *testing.T) {
					t.Parallel()
					seeds := 1
					if os.Getenv("BELLOWS_SOAK") != "" {
						seeds = 25
					}
					for seed := range seeds {
						s.move(t, uint64(seed), changes[label], &pair{world: w, items: map[int]item{}, things: map[int]thing{}, back: back}, key)
					}
				})
			}
		}
	}
}

// moving is a change as one of two tables.
func (s suite) moving(c Change) dialect.Sync {
	sync := c.Sync(s.Schema)
	sync.Into = dialect.Into{Table: plan.Name{Schema: s.Schema, Name: "things"}, Key: []string{"item_id"}}
	sync.Into.Columns = []string{"item_id", "note"}
	sync.Columns = []string{"id", "title"}
	for _, col := range c.Old {
		sync.Columns = append(sync.Columns, col.Name)
	}
	for _, col := range c.New {
		sync.Into.Columns = append(sync.Into.Columns, col.Name)
	}
	return sync
}

// tables makes both tables.
func (s suite) tables(h hand, sync dialect.Sync, foreign string) {
	define := func(columns []dialect.SyncColumn) (text string) {
		for _, c := range columns {
			text += ", " + c.Name + " " + c.Type
			if c.NotNull {
				text += " NOT NULL"
			}
			if c.Default != "" {
				text += " DEFAULT " + c.Default
			}
		}
		return text
	}
	if foreign != "" && s.Foreign != "" {
		h.must(s.Foreign)
	}
	key := "int PRIMARY KEY"
	h.must("CREATE TABLE items (id "+key+define(sync.Old)+", title varchar(20))", "CREATE TABLE things (item_id "+key+foreign+define(sync.New)+", note varchar(20))")
}

func (s suite) move(t *testing.T, seed uint64, c Change, m *pair, foreign string) {
	p := &mover{suite: s, t: t, m: m, r: rand.New(rand.NewPCG(seed, uint64(len(c.Table)))), sync: s.moving(c)}
	if !m.back {
		p.sync.Backward = nil
	}
	p.hand = s.open(t, s.URL(t), "old app")
	s.tables(p.hand, p.sync, foreign)
	for id := range 6 {
		p.m.items[id] = item{p.m.pick(p.r, dialect.Old), nil, "t"}
		p.must(p.insert("items", id, p.of("items", id)))
		if id == 5 { // one that is there, and wrong
			p.m.things[id] = thing{p.m.pick(p.r, dialect.New), "n"}
			p.must(p.insert("things", id, p.of("things", id)))
		}
	}
	p.whole(p.syncer().SyncOn(p.sync))
	for range plays {
		p.step()
		p.compare()
		if t.Failed() {
			t.Fatal("after:\n" + strings.Join(p.log, ";\n"))
		}
	}
	p.log = append(p.log, "fill")
	p.fill(p.sync, dialect.New)
	p.m.fill(dialect.New)
	p.compare()
	p.sync.Written = true
	p.alike()
}

// alike fails unless all rows agree.
func (p *mover) alike() {
	p.t.Helper()
	if n := p.disagree(p.sync); n != "0" {
		p.t.Errorf("%s rows do not agree:\n%s", n, p.m.text())
	}
	stray := p.c.Dialect().(dialect.Mover).Stray(p.sync)
	if n := p.rows("SELECT COUNT(*) FROM things WHERE " + stray)[0]; n != "0" {
		p.t.Errorf("%s things belong to nothing", n)
	}
}

func (p *mover) compare() {
	p.t.Helper()
	list := func(columns []dialect.SyncColumn) (text string) {
		for _, c := range columns {
			text += ", " + c.Name
		}
		return text
	}
	var got []string
	for _, row := range plain(p.rows("SELECT id" + list(p.sync.Old) + ", title FROM items ORDER BY id")) {
		got = append(got, "i"+row)
	}
	for _, row := range plain(p.rows("SELECT item_id" + list(p.sync.New) + ", note FROM things ORDER BY item_id")) {
		got = append(got, "t"+row)
	}
	if text := strings.Join(got, "; "); text != p.m.text() {
		p.t.Errorf("the tables and the model differ:\n got %s\nwant %s", text, p.m.text())
	}
}

// value is a column and what is written to it.
type value struct{ name, text string }

func (p *mover) of(table string, id int) []value {
	if table == "items" {
		return p.values(p.sync.Old, p.m.items[id].old, "title", p.m.items[id].title)
	}
	return p.values(p.sync.New, p.m.things[id].new, "note", p.m.things[id].note)
}

func (p *mover) values(columns []dialect.SyncColumn, texts []string, last, more string) []value {
	var all []value
	for i, c := range columns {
		all = append(all, value{c.Name, p.literal(texts[i])})
	}
	return append(all, value{last, p.quoted(more)})
}

func (p *mover) literal(v string) string {
	if v == null || !p.m.number {
		return p.quoted(v)
	}
	return v
}

func (p *mover) quoted(v string) string {
	if v == null {
		return "NULL"
	}
	return "'" + v + "'"
}

func (p *mover) insert(table string, id int, all []value) string {
	names, texts := key(table), strconv.Itoa(id)
	for _, v := range all {
		names, texts = names+", "+v.name, texts+", "+v.text
	}
	return "INSERT INTO " + table + " (" + names + ") VALUES (" + texts + ")"
}

func key(table string) string {
	if table == "items" {
		return "id"
	}
	return "item_id"
}

func (p *mover) run(text string, takes bool, then func()) {
	p.t.Helper()
	p.log = append(p.log, fmt.Sprint(text, " -- ", takes))
	if ok := p.try(text); ok != takes {
		p.t.Errorf("%s: worked %v, want %v", text, ok, takes)
	}
	if takes {
		then()
	}
}

// some picks a side, or only what stands beside it.
func (p *mover) some(side dialect.Side) (texts []string, more string, all []value) {
	columns, last := p.sync.Old, "title"
	if side == dialect.New {
		columns, last = p.sync.New, "note"
	}
	more = []string{"u", "v", null}[p.r.IntN(3)]
	switch p.r.IntN(4) {
	case 0:
		return nil, more, []value{{last, p.quoted(more)}}
	default:
		texts = p.m.pick(p.r, side)
		return texts, more, p.values(columns, texts, last, more)
	}
}

func (p *mover) step() {
	id := p.r.IntN(10)
	switch n := p.r.IntN(26); {
	case n < 4:
		p.insertItem(id)
	case n < 8:
		p.insertThing(id)
	case n < 13:
		p.updateItems(id)
	case n < 18:
		p.updateThings(id)
	case n < 19:
		p.run(fmt.Sprint("DELETE FROM items WHERE id = ", id), true, func() { delete(p.m.items, id); delete(p.m.things, id) })
	case n < 21:
		p.run(fmt.Sprint("DELETE FROM things WHERE item_id = ", id), true, func() {
			if _, ok := p.m.things[id]; ok {
				delete(p.m.things, id)
				p.m.leaves(id)
			}
		})
	case n < 22:
		p.rekeyItem(id, p.r.IntN(10))
	case n < 23:
		p.rekeyThing(id, p.r.IntN(10))
	case n < 24:
		side := []dialect.Side{dialect.New, dialect.Old}[p.r.IntN(2)]
		if !p.m.back {
			side = dialect.New
		}
		p.log = append(p.log, "fill "+string(side))
		p.fill(p.sync, side)
		p.m.fill(side)
	default:
		p.unseen(id)
	}
}

func (p *mover) upsert(table, text string, all []value) string {
	head := p.Upsert
	if strings.Contains(head, "%s") {
		head = fmt.Sprintf(head, key(table))
	}
	var sets []string
	for _, v := range all {
		sets = append(sets, v.name+" = "+fmt.Sprintf(p.Incoming, v.name))
	}
	return text + " " + head + " " + strings.Join(sets, ", ")
}

func (p *mover) insertItem(id int) {
	texts, more, all := p.some(dialect.Old)
	text := p.insert("items", id, all)
	was, there := p.m.items[id]
	upsert := p.r.IntN(2) == 0
	if upsert {
		text = p.upsert("items", text, all)
	}
	p.run(text, !there || upsert, func() {
		if !there {
			was.old = nulls(len(p.sync.Old))
		}
		p.writeItem(id, was, texts, more, !there)
	})
}

// writeItem is an item that was inserted or updated.
func (p *mover) writeItem(id int, was item, texts []string, more string, fresh bool) {
	now := item{was.old, nil, more}
	if texts != nil {
		now.old = texts
	}
	p.m.items[id] = now
	_, filled := p.m.things[id]
	if fresh || !slices.Equal(was.old, now.old) || !filled {
		p.m.follows(id)
	}
}

func (p *mover) insertThing(id int) {
	texts, more, all := p.some(dialect.New)
	text := p.insert("things", id, all)
	was, there := p.m.things[id]
	_, belongs := p.m.items[id]
	upsert := p.r.IntN(2) == 0
	if upsert {
		text = p.upsert("things", text, all)
	}
	p.run(text, belongs && (!there || upsert), func() {
		if there {
			p.writeThing(id, was, texts, more)
			return
		}
		now := thing{texts, more}
		if texts == nil {
			now.new = nulls(len(p.sync.New))
		}
		if gives := p.m.forward(p.m.items[id].old); !given(now.new) && given(gives) {
			now.new = slices.Clone(gives)
		}
		p.m.things[id] = now
		p.m.leads(id)
	})
}

func (p *mover) writeThing(id int, was thing, texts []string, more string) {
	now := thing{was.new, more}
	if texts != nil {
		now.new = texts
	}
	p.m.things[id] = now
	if !slices.Equal(was.new, now.new) {
		p.m.leads(id)
	}
}

func (p *mover) sets(all []value) string {
	var sets []string
	for _, v := range all {
		sets = append(sets, v.name+" = "+v.text)
	}
	return strings.Join(sets, ", ")
}

func (p *mover) updateItems(least int) {
	texts, more, all := p.some(dialect.Old)
	most := least + p.r.IntN(3)
	p.run(fmt.Sprintf("UPDATE items SET %s WHERE id BETWEEN %d AND %d", p.sets(all), least, most), true, func() {
		for id, was := range maps.Clone(p.m.items) {
			if id >= least && id <= most {
				p.writeItem(id, was, texts, more, false)
			}
		}
	})
}

func (p *mover) updateThings(least int) {
	texts, more, all := p.some(dialect.New)
	most := least + p.r.IntN(3)
	p.run(fmt.Sprintf("UPDATE things SET %s WHERE item_id BETWEEN %d AND %d", p.sets(all), least, most), true, func() {
		for id, was := range maps.Clone(p.m.things) {
			if id >= least && id <= most {
				p.writeThing(id, was, texts, more)
			}
		}
	})
}

// rekeyItem gives an item another key; one that disagrees is left alone, because
// who leads then is the foreign key's to say.
func (p *mover) rekeyItem(from, to int) {
	was, there := p.m.items[from]
	_, taken := p.m.items[to]
	if !there || !p.m.agree(from) || from == to {
		return
	}
	p.run(fmt.Sprintf("UPDATE items SET id = %d WHERE id = %d", to, from), !taken, func() {
		p.m.items[to] = was
		delete(p.m.items, from)
		if t, ok := p.m.things[from]; ok {
			p.m.things[to] = t
			delete(p.m.things, from)
		}
	})
}

func (p *mover) rekeyThing(from, to int) {
	was, there := p.m.things[from]
	_, taken := p.m.things[to]
	_, belongs := p.m.items[to]
	if !there || from == to {
		return
	}
	p.run(fmt.Sprintf("UPDATE things SET item_id = %d WHERE item_id = %d", to, from), !taken && belongs, func() {
		delete(p.m.things, from)
		p.m.things[to] = was
		p.m.leaves(from)
		p.m.leads(to)
	})
}

// unseen writes a row while sync is off.
func (p *mover) unseen(id int) {
	p.whole(p.syncer().SyncOff(p.sync))
	_, isItem := p.m.items[id]
	there, isThing := p.m.things[id]
	switch n := p.r.IntN(3); {
	case n == 0 && isItem:
		texts := p.m.pick(p.r, dialect.Old)
		p.run(fmt.Sprintf("UPDATE items SET %s WHERE id = %d", p.sets(p.values(p.sync.Old, texts, "title", "w")), id), true, func() { p.m.items[id] = item{texts, nil, "w"} })
	case n == 1 && isThing:
		texts := p.m.pick(p.r, dialect.New)
		p.run(fmt.Sprintf("UPDATE things SET %s WHERE item_id = %d", p.sets(p.values(p.sync.New, texts, "note", there.note)), id), true, func() { p.m.things[id] = thing{texts, there.note} })
	case n == 2 && isThing:
		p.run(fmt.Sprint("DELETE FROM things WHERE item_id = ", id), true, func() { delete(p.m.things, id) })
	}
	p.whole(p.syncer().SyncOn(p.sync))
}

// moveCases are single statements and what both tables hold then.
func (s suite) moveCases(t *testing.T) {
	sync := s.moving(s.Pair)
	h := s.app(t, s.URL(t), "old app")
	s.tables(h, sync, cascade)
	h.must("INSERT INTO items (id, a, b) VALUES (1, 'x', 'y'), (2, 'x', 'y')", "INSERT INTO items (id) VALUES (3)")
	h.whole(h.syncer().SyncOn(sync))
	for i, c := range []struct{ sql, want string }{
		{"INSERT INTO things (item_id, c) VALUES (1, 'z')", "1 z y z y; 2 x y . .; 3 .  . ."},
		{"UPDATE items SET title = 't' WHERE id = 2", "1 z y z y; 2 x y x y; 3 .  . ."},
		{"INSERT INTO items (id, title) VALUES (4, 't')", "1 z y z y; 2 x y x y; 3 .  . .; 4 .  . ."},
		{"INSERT INTO things (item_id) VALUES (4)", "1 z y z y; 2 x y x y; 3 .  . .; 4 .  . "},
		{"UPDATE things SET d = 'k' WHERE item_id = 4", "1 z y z y; 2 x y x y; 3 .  . .; 4 . k . k"},
		{"DELETE FROM things WHERE item_id = 4", "1 z y z y; 2 x y x y; 3 .  . .; 4 .  . ."},
		{"UPDATE items SET a = NULL WHERE id = 1", "1 . y . y; 2 x y x y; 3 .  . .; 4 .  . ."},
		{"DELETE FROM items WHERE id = 2", "1 . y . y; 3 .  . .; 4 .  . ."},
		{"UPDATE things SET item_id = 3 WHERE item_id = 1", "1 .  . .; 3 . y . y; 4 .  . ."},
		{"UPDATE items SET id = 9 WHERE id = 3", "1 .  . .; 4 .  . .; 9 . y . y"},
	} {
		h.must(c.sql)
		if got := strings.Join(plain(h.rows("SELECT id, a, b, c, d FROM items LEFT JOIN things ON item_id = id ORDER BY id")), "; "); got != c.want {
			t.Fatalf("%d. %s: got %q, want %q", i, c.sql, got, c.want)
		}
	}
	if h.try("INSERT INTO things (item_id, c) VALUES (77, 'z')") {
		t.Error("a thing came that belongs to nothing")
	}
	h.whole(h.syncer().SyncOff(sync))
	if seen := h.rows(h.syncer().SyncSeen(sync)); len(seen) != 0 {
		t.Errorf("sync leaves %q", seen)
	}
}

// moveCrowd: an old and a new application and a backfill write the same rows at once.
// Each statement is said again where the server ends it because two waited for each
// other, as an application does; in the end both tables say the same.
func (s suite) moveCrowd(t *testing.T) {
	url := s.URL(t)
	sync := s.moving(s.Pair)
	h := s.app(t, url, "old app")
	s.tables(h, sync, cascade)
	for id := range 20 {
		h.must(fmt.Sprintf("INSERT INTO items (id, a, b) VALUES (%d, 'x', 'y')", id))
	}
	h.whole(h.syncer().SyncOn(sync))
	work := []func(h hand, n int){
		func(h hand, n int) { h.insist(fmt.Sprintf("UPDATE items SET a = 'o%d' WHERE id = %d", n, n%20)) },
		func(h hand, n int) {
			h.insist(fmt.Sprintf("UPDATE things SET d = 'n%d' WHERE item_id = %d", n, n*7%20))
		},
		func(h hand, n int) { // nobody else writes these: nothing may be in the way
			h.must(fmt.Sprintf("INSERT INTO items (id, title) VALUES (%d, 'k')", 100+n), fmt.Sprintf("INSERT INTO things (item_id, c) VALUES (%d, 'i%d')", 100+n, n))
		},
		func(h hand, n int) {
			h.must(fmt.Sprintf("INSERT INTO items (id, a) VALUES (%d, 'j%d')", 200+n, n), fmt.Sprintf("UPDATE items SET title = 'u' WHERE id = %d", n%20))
		},
		func(h hand, _ int) {
			h.insistOn(strings.Split(strings.ReplaceAll(h.syncer().Fills(sync, dialect.New), ":chunk", "(1 = 1)"), ";\n"))
		},
	}
	var all gosync.WaitGroup
	for i, do := range work {
		mine := s.app(t, url, fmt.Sprint("app ", i))
		if s.Foreign != "" {
			mine.must(s.Foreign)
		}
		all.Go(func() {
			for n := range 40 {
				do(mine, n)
			}
		})
	}
	all.Wait()
	h.fill(sync, dialect.New)
	if n := h.disagree(sync); n != "0" {
		t.Errorf("%s rows do not agree", n)
	}
	for _, c := range [][2]string{
		{"SELECT COUNT(*) FROM items JOIN things ON item_id = id WHERE a = c AND (b = d OR b IS NULL AND d IS NULL OR b = '' AND d = '')", "100"},
		{"SELECT COUNT(*) FROM things WHERE item_id >= 100 AND item_id < 200 AND c LIKE 'i%'", "40"},
		{"SELECT COUNT(*) FROM items WHERE id >= 200 AND a LIKE 'j%'", "40"},
		{"SELECT COUNT(*) FROM things WHERE item_id < 20 AND c LIKE 'o%' AND (d = 'y' OR d LIKE 'n%')", "20"},
	} {
		if got := h.rows(c[0])[0]; got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
}

// insist says a statement again when others were in its way.
func (h hand) insist(text string) { h.insistOn([]string{text}) }

func (h hand) insistOn(statements []string) {
	h.t.Helper()
	filler := h.c.Dialect().(dialect.Filler)
	if len(statements) > 1 {
		statements = append(append(slices.Clone(filler.Fill().Begin), statements...), "COMMIT")
	}
	for at := 0; at < len(statements); at++ {
		_, err := h.c.Exec(h.ctx, statements[at])
		var e *db.Error
		switch {
		case err == nil:
		case errors.As(err, &e) && filler.Trouble(e.Code, e.Error()) == dialect.Transient:
			if len(statements) > 1 {
				_, _ = h.c.Exec(h.ctx, "ROLLBACK")
			}
			at = -1
		default:
			h.t.Errorf("%s: %v", statements[at], err)
			return
		}
	}
}

// moveCounting: who wrote which side is noted for the side that was written, and for
// what bellows writes nobody.
func (s suite) moveCounting(t *testing.T) {
	url := s.URL(t)
	sync := s.moving(s.Pair)
	h := s.app(t, url, "old app")
	sync.Writes = h.c.Dialect().Quote("bellows_change_write")
	if s.Schema != "" {
		sync.Writes = h.c.Dialect().Quote(s.Schema) + "." + sync.Writes
	}
	s.tables(h, sync, cascade)
	h.must("INSERT INTO items (id, a, b) VALUES (1, 'x', 'y'), (2, 'x', 'y')")
	h.whole(h.syncer().SyncOn(sync))
	ours := s.open(t, url, "bellows/backfill/1")
	ours.fill(sync, dialect.New)
	for i, c := range []struct{ app, sql, want string }{
		{"old app", "UPDATE items SET title = 'no side' WHERE id = 1", ""},
		{"old app", "INSERT INTO items (id, title) VALUES (3, 'nothing')", ""},
		{"old app", "INSERT INTO items (id, a) VALUES (4, 'z')", "old OLD"},
		{"old app", "UPDATE items SET a = 'z' WHERE id = 1", "old OLD"},
		{"new app", "UPDATE things SET note = 'no side' WHERE item_id = 1", ""},
		{"new app", "UPDATE things SET d = 'z' WHERE item_id = 1", "new NEW"},
		{"new app", "INSERT INTO things (item_id, c) VALUES (3, 'z')", "new NEW"},
		{"new app", "DELETE FROM things WHERE item_id = 3", "new NEW"},
		{"old app", "DELETE FROM items WHERE id = 1", ""},
	} {
		h.must("DELETE FROM bellows_change_write")
		s.app(t, url, c.app).must(c.sql)
		want := strings.ReplaceAll(strings.ReplaceAll(c.want, "OLD", s.Application(h.c, "old app")), "NEW", s.Application(h.c, "new app"))
		if got := h.counted(); got != want {
			t.Errorf("%d. %s: counted %q, want %q", i, c.sql, got, want)
		}
	}
}
