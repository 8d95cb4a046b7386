package synctest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
)

// null is how a NULL is written in a model's row.
const null = "."

// item is a row: values as texts.
type item struct {
	old, new []string
	title    string
}

func (r item) clone() item { return item{slices.Clone(r.old), slices.Clone(r.new), r.title} }

// world is a change in memory: what its expressions give, and values to write.
type world struct {
	forward, backward func([]string) []string
	pick              func(*rand.Rand, dialect.Side) []string
	number            bool
}

// worlds are the model's changes: one that joins texts, one that loses digits on
// the way forward and one that loses them on the way back.
func worlds() map[string]world {
	whole := func(v []string) []string {
		if v[0] == null {
			return v
		}
		n, _ := strconv.ParseFloat(v[0], 64)
		return []string{strconv.Itoa(int(n))}
	}
	same := func(v []string) []string { return v }
	digits := func(fine dialect.Side) func(*rand.Rand, dialect.Side) []string {
		return func(r *rand.Rand, side dialect.Side) []string {
			if r.IntN(8) == 0 {
				return []string{null}
			}
			text := strconv.Itoa(1 + r.IntN(3))
			if side == fine {
				text += []string{"", ".25", ".5"}[r.IntN(3)]
			}
			return []string{text}
		}
	}
	return map[string]world{
		"merge": {forward: join, backward: split, pick: func(r *rand.Rand, side dialect.Side) []string {
			words := []string{"x", "X", "y", ""}
			a, b := words[r.IntN(4)], words[r.IntN(4)]
			switch {
			case side == dialect.New && r.IntN(8) == 0:
				return []string{null}
			case side == dialect.New:
				return []string{a + "-" + b}
			case r.IntN(8) == 0:
				a = null
			case r.IntN(8) == 0:
				b = null
			}
			return []string{a, b}
		}},
		"round": {forward: whole, backward: same, pick: digits(dialect.Old), number: true},
		"widen": {forward: same, backward: whole, pick: digits(dialect.New), number: true},
	}
}

func join(v []string) []string {
	if v[0] == null || v[1] == null {
		return []string{null}
	}
	return []string{v[0] + "-" + v[1]}
}

func split(v []string) []string {
	if v[0] == null {
		return []string{null, null}
	}
	a, b, _ := strings.Cut(v[0], "-")
	return []string{a, b}
}

func given(v []string) bool {
	return slices.ContainsFunc(v, func(t string) bool { return t != null })
}

// model is a table in memory.
type model struct {
	world
	rows   map[int]item
	policy dialect.Policy
	back   bool
	after  bool
}

func (m *model) agree(r item) bool {
	return slices.Equal(r.new, m.forward(r.old)) || m.back && slices.Equal(r.old, m.backward(r.new))
}

// sync is what the triggers make of a row; false refuses it. was is nil for a new row.
func (m *model) sync(was *item, r item) (item, bool) {
	old, new := given(r.old), given(r.new)
	if was != nil {
		old, new = !slices.Equal(was.old, r.old), !slices.Equal(was.new, r.new)
	}
	forward := func() (item, bool) { r.new = slices.Clone(m.forward(r.old)); return r, true }
	backward := func() (item, bool) { r.old = slices.Clone(m.backward(r.new)); return r, true }
	gentle := m.after || m.policy == dialect.NewWins // where the old side is what the new one gives, that stays
	switch {
	case !old && !new && !given(r.new):
		return forward()
	case !old && !new:
		return r, true
	case !new && gentle && m.agree(r):
		return r, true
	case !new:
		return forward()
	case m.agree(r) || !old && !m.back:
		return r, true
	case !old:
		return backward()
	case m.policy == dialect.OldWins:
		return forward()
	case m.policy == dialect.NewWins && m.back:
		return backward()
	case m.policy == dialect.NewWins || was == nil && !m.back:
		return r, true
	}
	return r, false
}

// fill is a backfill of the new side over all rows, or of the old one.
func (m *model) fill(side dialect.Side) {
	for id, r := range m.rows {
		switch r = r.clone(); {
		case m.agree(r):
		case side == dialect.Old:
			r.old = slices.Clone(m.backward(r.new))
		case m.back || !given(r.new):
			r.new = slices.Clone(m.forward(r.old))
		}
		m.rows[id] = r
	}
}

func (m *model) text() string {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(m.rows)) {
		r := m.rows[id]
		all = append(all, fmt.Sprintf("%d %s %s %s", id, strings.Join(r.old, " "), strings.Join(r.new, " "), r.title))
	}
	return strings.Join(all, "; ")
}

func (s suite) model(t *testing.T) {
	changes := map[string]Change{"merge": s.Merge, "round": s.Round, "widen": s.Widen}
	for label, w := range worlds() {
		for _, back := range []bool{true, false} {
			t.Run(name(label, " ", back), func(t *testing.T) {
				t.Parallel()
				seeds := 1
				if os.Getenv("BELLOWS_SOAK") != "" {
					seeds = 25
				}
				for seed := range seeds {
					s.play(t, uint64(seed), changes[label], &model{world: w, rows: map[int]item{}, policy: dialect.Refuse, back: back, after: s.After})
				}
			})
		}
	}
}

// player writes to the table and to the model alike.
type player struct {
	suite
	hand
	t      *testing.T
	m      *model
	r      *rand.Rand
	sync   dialect.Sync
	log    []string
	change Change
}

const plays = 150

func (s suite) play(t *testing.T, seed uint64, c Change, m *model) {
	p := &player{suite: s, t: t, m: m, r: rand.New(rand.NewPCG(seed, uint64(len(c.Table)))), sync: c.Sync(s.Schema), change: c}
	if !m.back {
		p.sync.Backward = nil
	}
	p.hand = s.open(t, s.URL(t), "old app")
	p.must("CREATE TABLE items " + c.Table)
	for id := range 6 { // rows of before; one has a new side that is wrong
		r := item{m.pick(p.r, dialect.Old), make([]string, len(c.New)), "t"}
		for i := range r.new {
			r.new[i] = null
		}
		if id == 5 {
			r.new = m.pick(p.r, dialect.New)
		}
		p.must(p.insert(id, r, p.columns(true, true, true)))
		m.rows[id] = r
	}
	p.whole(p.syncer().SyncOn(p.sync))
	for range plays {
		p.step()
		p.compare()
		if t.Failed() {
			t.Fatal("after:\n" + strings.Join(p.log, ";\n"))
		}
	}
	p.ends()
}

// ends: once the new side is filled all rows agree, whoever wrote what.
func (p *player) ends() {
	p.log = append(p.log, "fill")
	p.fill(p.sync, dialect.New)
	p.m.fill(dialect.New)
	p.compare()
	p.sync.Written = true
	if n := p.disagree(p.sync); n != "0" {
		p.t.Errorf("at the end %s rows do not agree:\n%s", n, p.m.text())
	}
}

func (p *player) compare() {
	p.t.Helper()
	got := plain(p.hand.rows(p.change.query()))
	if text := strings.Join(got, "; "); text != p.m.text() {
		p.t.Errorf("the table and the model differ:\n got %s\nwant %s", text, p.m.text())
	}
}

func (p *player) columns(old, new, title bool) []string {
	var names []string
	if old {
		for _, c := range p.change.Old {
			names = append(names, c.Name)
		}
	}
	if new {
		for _, c := range p.change.New {
			names = append(names, c.Name)
		}
	}
	if title {
		names = append(names, "title")
	}
	return names
}

func (p *player) literal(v string) string {
	switch {
	case v == null:
		return "NULL"
	case p.m.number && v != "t" && v != "u":
		return v
	}
	return "'" + v + "'"
}

// value is what a row has in a column.
func (p *player) value(r item, column string) *string {
	for i, c := range p.change.Old {
		if c.Name == column {
			return &r.old[i]
		}
	}
	for i, c := range p.change.New {
		if c.Name == column {
			return &r.new[i]
		}
	}
	return &r.title
}

func (p *player) insert(id int, r item, columns []string) string {
	values := []string{strconv.Itoa(id)}
	for _, c := range columns {
		values = append(values, p.literal(*p.value(r, c)))
	}
	return "INSERT INTO items (id, " + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
}

// some columns: those of an old, a new or a mixed application, perhaps not all.
func (p *player) some() []string {
	kind := p.r.IntN(5)
	all := p.columns(kind == 0 || kind == 1 || kind == 2, kind == 2 || kind == 3, kind == 4 || p.r.IntN(3) == 0)
	if len(all) > 1 && p.r.IntN(4) == 0 {
		all = slices.Delete(all, 0, 1)
	}
	return all
}

// written is a row with values for columns; one in three that gives both sides
// gives them alike.
func (p *player) written(columns []string) item {
	r := item{make([]string, len(p.change.Old)), make([]string, len(p.change.New)), null}
	picked := item{p.m.pick(p.r, dialect.Old), p.m.pick(p.r, dialect.New), "u"}
	if p.r.IntN(3) == 0 {
		picked.new = p.m.forward(picked.old)
	}
	for _, c := range p.columns(true, true, true) {
		if c != "title" {
			*p.value(r, c) = null
		}
	}
	for _, c := range columns {
		if c == "title" {
			r.title = "u"
		} else {
			*p.value(r, c) = *p.value(picked, c)
		}
	}
	return r
}

func (p *player) step() {
	switch n := p.r.IntN(23); {
	case n >= 21:
		p.doUnseen()
	case n < 6:
		p.doInsert()
	case n < 13:
		p.doUpdate()
	case n < 16:
		p.doUpsert()
	case n < 17:
		id := p.r.IntN(12)
		p.run("DELETE FROM items WHERE id = "+strconv.Itoa(id), true, func() { delete(p.m.rows, id) })
	case n < 18:
		p.log = append(p.log, "fill")
		p.fill(p.sync, dialect.New)
		p.m.fill(dialect.New)
	case n < 19 && p.m.back && p.m.policy == dialect.NewWins:
		p.log = append(p.log, "fill the old side")
		p.fill(p.sync, dialect.Old)
		p.m.fill(dialect.Old)
	default:
		p.sync.Policy = []dialect.Policy{dialect.Refuse, dialect.OldWins, dialect.NewWins}[p.r.IntN(3)]
		p.m.policy = p.sync.Policy
		p.log = append(p.log, "policy "+string(p.sync.Policy))
		p.whole(p.syncer().SyncPolicy(p.sync))
	}
}

// run runs a statement that the model takes, or refuses.
func (p *player) run(text string, takes bool, then func()) {
	p.t.Helper()
	p.log = append(p.log, fmt.Sprint(text, " -- ", takes))
	if ok := p.try(text); ok != takes {
		p.t.Errorf("%s: worked %v, want %v", text, ok, takes)
	}
	if takes {
		then()
	}
}

// doUnseen writes some rows while sync is off: a side is lost, or is something else.
func (p *player) doUnseen() {
	side := []dialect.Side{dialect.Old, dialect.New}[p.r.IntN(2)]
	columns := p.columns(side == dialect.Old, side == dialect.New, false)
	p.whole(p.syncer().SyncOff(p.sync))
	for range 4 {
		id := p.r.IntN(12)
		r, ok := p.m.rows[id]
		if !ok {
			continue
		}
		r = r.clone()
		given := p.written(columns)
		if p.r.IntN(3) > 0 {
			given = p.written(nil)
		}
		p.take(&r, given, columns)
		var sets []string
		for _, c := range columns {
			sets = append(sets, c+" = "+p.literal(*p.value(r, c)))
		}
		p.run("UPDATE items SET "+strings.Join(sets, ", ")+" WHERE id = "+strconv.Itoa(id), true, func() { p.m.rows[id] = r })
	}
	p.whole(p.syncer().SyncOn(p.sync))
}

func (p *player) doInsert() {
	id, columns := p.r.IntN(12), p.some()
	r := p.written(columns)
	text := p.insert(id, r, columns)
	_, there := p.m.rows[id]
	r, ok := p.m.sync(nil, r)
	p.run(text, ok && !there, func() { p.m.rows[id] = r })
}

func (p *player) doUpdate() {
	columns := p.some()
	given := p.written(columns)
	var sets []string
	for _, c := range columns {
		sets = append(sets, c+" = "+p.literal(*p.value(given, c)))
	}
	least := p.r.IntN(12)
	most := least + p.r.IntN(3)
	changed, ok := map[int]item{}, true
	for id, was := range p.m.rows {
		if id < least || id > most {
			continue
		}
		r := was.clone()
		p.take(&r, given, columns)
		r, fine := p.m.sync(&was, r)
		changed[id], ok = r, ok && fine
	}
	p.run(fmt.Sprintf("UPDATE items SET %s WHERE id BETWEEN %d AND %d", strings.Join(sets, ", "), least, most), ok, func() { maps.Copy(p.m.rows, changed) })
}

func (p *player) take(r *item, from item, columns []string) {
	for _, c := range columns {
		if c == "title" {
			r.title = from.title
		} else {
			*p.value(*r, c) = *p.value(from, c)
		}
	}
}

// doUpsert: what was to be inserted has gone through the triggers where they run
// before the row is written.
func (p *player) doUpsert() {
	id, columns := p.r.IntN(12), p.some()
	r := p.written(columns)
	head := p.Upsert
	if strings.Contains(head, "%s") {
		head = fmt.Sprintf(head, "id")
	}
	var sets []string
	for _, c := range columns {
		sets = append(sets, c+" = "+fmt.Sprintf(p.Incoming, c))
	}
	text := p.insert(id, r, columns) + " " + head + " " + strings.Join(sets, ", ")
	was, there := p.m.rows[id]
	incoming, ok := r.clone(), true
	if !there || !p.After {
		incoming, ok = p.m.sync(nil, incoming)
	}
	if ok && there {
		now := was.clone()
		p.take(&now, incoming, columns)
		incoming, ok = p.m.sync(&was, now)
	}
	p.run(text, ok, func() { p.m.rows[id] = incoming })
}
