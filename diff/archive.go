package diff

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// ArchivePrefix begins the names of what was archived, or of the schema it is in.
const ArchivePrefix = "bellows_archive_"

// Archive says which tables and columns that go are put aside instead of dropped,
// so that the way back has their rows again.
type Archive struct {
	// All is each one that can be; Names are those of the old shape that must be.
	All   bool
	Names []schema.ID
	// Tag tells what is archived now from what was before: digits and letters.
	Tag string
}

func (a Archive) asked() bool { return a.All || len(a.Names) > 0 }

// Archiver is a [Renamer] that can put tables and columns aside.
type Archiver interface {
	Renamer
	// Aside is where a table, a column, or a type or sequence that goes with one is
	// put; false where that cannot be.
	Aside(f *schema.Fact, tag string) (schema.ID, bool)
	// Goes tells whether a part of a table goes aside with it. What does not is
	// dropped before, and made anew by the way back.
	Goes(f *schema.Fact) bool
	// Idle is a part of what is put aside, a table or a column, as it is there: it
	// is on its own, and stops nobody who does not know of it.
	Idle(f schema.Fact, aside schema.ID, before schema.Schema) schema.Fact
	// Marks are made beside a column that is put aside, and dropped when it is purged.
	// Where there are any the column itself stays, empty: migrations that were written
	// before may name it.
	Marks(column schema.ID) []schema.Fact
	// Along tells that something moves with a table that it belongs to.
	Along(f *schema.Fact) bool
}

// Archived tells whether an object is in an archive, by its name.
func Archived(id schema.ID) bool {
	return strings.HasPrefix(id.Schema, ArchivePrefix) || strings.HasPrefix(id.On, ArchivePrefix) || strings.HasPrefix(id.Name, ArchivePrefix)
}

// Shortened is a name of at most that many bytes; a longer one keeps its beginning
// and gets a number made of the whole.
func Shortened(name string, most int) string {
	if len(name) <= most {
		return name
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	return strings.ToValidUTF8(name[:most-9], "") + fmt.Sprintf("_%08x", h.Sum32())
}

// archives are the objects of a shape that are in an archive, or belong to one
// that is.
func archives(s schema.Schema) map[schema.ID]bool {
	found := map[schema.ID]bool{}
	facts := s.Facts()
	for i := range facts {
		if Archived(facts[i].ID) {
			found[facts[i].ID] = true
		}
	}
	for i := range facts {
		if f := &facts[i]; f.ID.Kind == schema.Ownership && slices.ContainsFunc(f.Needs, func(id schema.ID) bool { return found[id] }) {
			found[f.ID], found[f.Parent()] = true, true
		}
	}
	return found
}

// Unarchived is a shape without its archives.
func Unarchived(s schema.Schema) schema.Schema {
	aside := archives(s)
	if len(aside) == 0 {
		return s
	}
	return s.Select(func(f *schema.Fact) bool { return !aside[f.ID] })
}

// Carried is a new shape with the archives of the old one instead of its own: a
// comparison leaves them where they are, as long as what they are on is there.
func Carried(before, after schema.Schema, l Language, renames []Rename) schema.Schema {
	after = Unarchived(after)
	if len(archives(before)) == 0 {
		return after
	}
	if r, ok := l.(Renamer); ok {
		for _, rename := range renames {
			before = renamed(before, r, rename)
		}
	}
	aside := archives(before)
	facts := slices.Clone(after.Facts())
	for _, f := range before.Facts() {
		if !aside[f.ID] {
			continue
		}
		home := f.Parent()
		if f.ID.Kind == schema.Default {
			home = schema.ID{Kind: f.Of, Schema: f.ID.Schema, Name: f.ID.On}
		}
		if _, ok := after.Find(home); ok || home == (schema.ID{}) || aside[home] {
			facts = append(facts, f)
		}
	}
	return schema.New(after.Dialect, after.Version, facts, after.Unmodelled...)
}

// Purge plans how some tables and columns that were archived are dropped for good,
// and gives the shape then.
func Purge(s schema.Schema, gone map[schema.ID]bool, l Language) (statements []Statement, after schema.Schema, err error) {
	var shells []schema.Fact
	all := maps.Clone(gone)
	a, ok := l.(Archiver)
	for _, id := range slices.SortedFunc(maps.Keys(gone), schema.ID.Compare) {
		if id.Kind != schema.Column || !ok {
			continue
		}
		marks := a.Marks(id)
		for _, m := range marks {
			all[m.ID] = true
		}
		if f, there := s.Find(id); there && len(marks) > 0 {
			shells = append(shells, *f)
		}
	}
	without := purged(s, all)
	after = schema.New(s.Dialect, s.Version, append(slices.Clone(without.Facts()), shells...), s.Unmodelled...)
	for _, way := range [][2]schema.Schema{{s, without}, {without, after}} {
		p, err := Make(way[0], way[1], l, Options{Staging: Never})
		if err != nil {
			return nil, s, err
		}
		for _, st := range p.Statements { // of marks nothing is lost
			st.Effect.Destroys = slices.DeleteFunc(slices.Clone(st.Effect.Destroys), func(loss plan.Loss) bool {
				id := schema.ID{Kind: schema.Table, Schema: loss.Table.Schema, Name: loss.Table.Name}
				return all[id] && !gone[id]
			})
			statements = append(statements, st)
		}
	}
	return statements, after, nil
}

// Kept tells whether something that was archived was not purged yet.
func Kept(s schema.Schema, id schema.ID, l Language) bool {
	a, ok := l.(Archiver)
	if !ok || id.Kind != schema.Column {
		return true
	}
	return !slices.ContainsFunc(a.Marks(id), func(f schema.Fact) bool { _, there := s.Find(f.ID); return !there })
}

// Marked tells whether something only marks an archived column.
func Marked(s schema.Schema, id schema.ID, l Language) bool {
	a, ok := l.(Archiver)
	return ok && slices.ContainsFunc(s.Facts(), func(f schema.Fact) bool {
		return f.ID.Kind == schema.Column && strings.HasPrefix(f.ID.Name, ArchivePrefix) &&
			slices.ContainsFunc(a.Marks(f.ID), func(m schema.Fact) bool { return m.ID == id })
	})
}

// purged is a shape without some tables and columns that were archived, and without
// the schemas that then hold no table.
func purged(s schema.Schema, gone map[schema.ID]bool) schema.Schema {
	out := map[schema.ID]bool{}
	holds := map[string]bool{}
	facts := s.Facts()
	for i := range facts {
		f := &facts[i]
		table := schema.ID{Kind: schema.Table, Schema: f.ID.Schema, Name: f.ID.On}
		column := schema.ID{Kind: schema.Column, Schema: f.ID.Schema, On: f.ID.On, Name: f.ID.Name}
		out[f.ID] = gone[f.ID] || gone[table] || f.ID.Kind == schema.Default && gone[column]
		if f.ID.Kind == schema.Table && !out[f.ID] {
			holds[f.ID.Schema] = true
		}
	}
	for i := range facts {
		f := &facts[i]
		if f.ID.Kind == schema.Ownership && slices.ContainsFunc(f.Needs, func(id schema.ID) bool { return out[id] }) {
			out[f.ID], out[f.Parent()] = true, true
		}
		space := f.ID.Schema
		if f.ID.Kind == schema.Namespace {
			space = f.ID.Name
		}
		if strings.HasPrefix(space, ArchivePrefix) && !holds[space] {
			out[f.ID] = true
		}
	}
	return s.Select(func(f *schema.Fact) bool { return !out[f.ID] })
}

// putting is what is put aside, while it is found out.
type putting struct {
	l             Archiver
	before, after schema.Schema // renames that were told of are done in before
	o             Archive
	named         map[schema.ID]bool
	picked        map[schema.ID]schema.ID // tables and columns, and where they go
	kept          map[schema.ID]schema.Fact
	more          map[schema.ID]schema.ID // types and sequences, and where they go
	not           map[schema.ID]string    // what cannot be put aside, and why
}

// put finds out what is put aside on the way between two shapes; nil for nothing.
func put(before, after schema.Schema, l Language, o Options) (*putting, error) {
	names := o.Archive.Names
	before, _, err := rename(before, after, l, o.Renames)
	if err != nil {
		return nil, err
	}
	a, ok := l.(Archiver)
	if !ok {
		return nil, fault.New(fault.Unsupported, "nothing can be archived in this database")
	}
	p := &putting{l: a, before: before, after: after, o: o.Archive, named: map[schema.ID]bool{}, not: map[schema.ID]string{}}
	for _, id := range names {
		for _, r := range o.Renames {
			id = moved(id, schema.Table, r)
		}
		p.named[id] = true
	}
	for again := true; again; {
		p.pick()
		again = p.keep()
	}
	for _, id := range slices.SortedFunc(maps.Keys(p.named), schema.ID.Compare) {
		if _, ok := p.picked[id]; !ok {
			return nil, fault.New(fault.Usage, "%s cannot be archived: %s", id, cmp.Or(p.not[id], "it does not go")).
				Try("name tables and columns of the old schema that the new one has not")
		}
	}
	if len(p.picked) == 0 {
		return nil, nil
	}
	return p, nil
}

// pick chooses the tables and columns that go and can be put aside.
func (p *putting) pick() {
	p.picked = map[schema.ID]schema.ID{}
	changes := Compare(p.before, p.after)
	for i := range changes {
		c := &changes[i]
		if c.After != nil || Archived(c.ID()) {
			continue
		}
		f := c.Before
		switch {
		case f.ID.Kind == schema.Table:
		case f.ID.Kind == schema.Column && f.Of == schema.Table && p.stays(f.Parent()):
		default:
			continue
		}
		if !p.o.All && !p.named[f.ID] && !p.named[f.Parent()] || p.not[f.ID] != "" {
			continue
		}
		to, ok := p.l.Aside(f, p.o.Tag)
		switch {
		case !ok:
			p.not[f.ID] = "this database keeps no values of such a one"
		case f.ID.Kind == schema.Column && p.hasParts(f.Parent()):
			p.not[f.ID] = "its table has parts, or is one"
		default:
			p.picked[f.ID] = to
		}
	}
	for again := true; again; { // the parts of a table go with it
		again = false
		for i := range p.before.Facts() {
			f := &p.before.Facts()[i]
			if f.ID.Kind != schema.Partition {
				continue
			}
			table, ok := p.before.Find(schema.ID{Kind: f.Of, Schema: f.ID.Schema, Name: f.ID.On})
			if !ok || p.stays(table.ID) || p.not[table.ID] != "" || p.picked[table.ID] != (schema.ID{}) {
				continue
			}
			if slices.ContainsFunc(f.Needs, func(id schema.ID) bool { return p.picked[id] != schema.ID{} && id.Kind == schema.Table }) {
				p.picked[table.ID], again = first(p.l.Aside(table, p.o.Tag)), true
			}
		}
	}
}

func first(id schema.ID, _ bool) schema.ID { return id }

func (p *putting) stays(id schema.ID) bool { _, ok := p.after.Find(id); return ok }

// remains tells whether a table is not put aside.
func (p *putting) remains(id schema.ID) bool {
	_, goes := p.picked[id]
	return id.Kind == schema.Table && !goes
}

func (p *putting) hasParts(table schema.ID) bool {
	facts := p.before.Facts()
	return slices.ContainsFunc(facts, func(f schema.Fact) bool {
		return f.ID.Kind == schema.Partition && (f.Parent() == table || slices.Contains(f.Needs, table))
	})
}

// keep finds the facts that go aside with what was picked. It tells whether
// something turned out not to be movable, and all has to be found out again.
func (p *putting) keep() (again bool) {
	p.kept, p.more = map[schema.ID]schema.Fact{}, map[schema.ID]schema.ID{}
	for _, f := range p.before.Facts() {
		of, ok := p.partOf(&f)
		if !ok || of != f.ID && !p.l.Goes(&f) || f.ID.Kind == schema.Partition && slices.ContainsFunc(f.Needs, p.remains) {
			continue
		}
		p.kept[f.ID] = f
	}
	p.counters()
	for changed := true; changed; {
		changed = false
		for _, id := range slices.SortedFunc(maps.Keys(p.kept), schema.ID.Compare) {
			f, ok := p.kept[id]
			if !ok {
				continue
			}
			missing, found := p.missing(&f)
			switch {
			case missing == (schema.ID{}):
				continue
			case found:
				changed = true
				continue
			}
			delete(p.kept, id)
			changed = true
			if id.Kind == schema.Column || id.Kind == schema.Table {
				table := id
				if _, alone := p.picked[id]; !alone {
					table = f.Parent()
				}
				p.not[table] = "what it needs goes, too: " + missing.String()
				return true
			}
		}
	}
	p.idle()
	return false
}

// partOf is the picked table or column that a fact is a part of.
func (p *putting) partOf(f *schema.Fact) (schema.ID, bool) {
	column := schema.ID{Kind: schema.Column, Schema: f.ID.Schema, On: f.ID.On, Name: f.ID.Name}
	if _, ok := p.picked[column]; ok && (f.ID == column || f.ID.Kind == schema.Default) {
		return column, true
	}
	table := schema.ID{Kind: schema.Table, Schema: f.ID.Schema, Name: cmp.Or(f.ID.On, f.ID.Name)}
	_, ok := p.picked[table]
	return table, ok && (f.ID == table || f.Of == schema.Table)
}

// counters keeps the sequences that belong to kept columns.
func (p *putting) counters() {
	for _, f := range p.before.Facts() {
		if f.ID.Kind != schema.Ownership || p.stays(f.Parent()) {
			continue
		}
		for _, id := range f.Needs {
			if _, ok := p.kept[id]; !ok || id.Kind != schema.Column {
				continue
			}
			if s, ok := p.before.Find(f.Parent()); ok {
				p.kept[f.ID], p.kept[s.ID] = f, *s
				if to, ok := p.picked[schema.ID{Kind: schema.Table, Schema: id.Schema, Name: id.On}]; ok && p.l.Along(s) {
					p.more[s.ID] = s.ID
					at := s.ID
					at.Schema = to.Schema
					p.more[s.ID] = at
				}
			}
		}
	}
}

// missing is the first need of a kept fact that will not be there; found tells
// that it is put aside, too.
func (p *putting) missing(f *schema.Fact) (id schema.ID, found bool) {
	for _, id := range f.Needs {
		if _, ok := p.kept[id]; ok || p.stays(id) {
			continue
		}
		need, ok := p.before.Find(id)
		if !ok {
			continue
		}
		switch id.Kind {
		case schema.Sequence, schema.Enum, schema.Domain, schema.Composite:
			if to, ok := p.l.Aside(need, p.o.Tag); ok {
				p.kept[id], p.more[id] = *need, to
				for _, part := range p.before.Facts() {
					if part.Parent() == id {
						p.kept[part.ID] = part
					}
				}
				return id, true
			}
		}
		return id, false
	}
	return schema.ID{}, false
}

// idle makes what is kept stand on its own.
func (p *putting) idle() {
	tied := map[schema.ID]bool{}
	for _, f := range p.before.Facts() {
		if _, kept := p.kept[f.ID]; f.ID.Kind == schema.Partition && kept {
			tied[schema.ID{Kind: f.Of, Schema: f.ID.Schema, Name: f.ID.On}] = true
		}
	}
	for id, f := range p.kept {
		if of, ok := p.partOf(&f); ok && !tied[of] {
			p.kept[id] = p.l.Idle(f, of, p.before)
		}
	}
}

// clash tells whether something new takes the name of a table that is put aside,
// so that it must be put aside first.
func (p *putting) clash() bool {
	l, ok := p.l.(Language)
	if !ok {
		return false
	}
	taken := map[string]bool{}
	for i := range p.after.Facts() {
		for _, name := range l.Names(&p.after.Facts()[i]) {
			taken[name] = true
		}
	}
	for _, f := range p.kept {
		if slices.ContainsFunc(l.Names(&f), func(name string) bool { return taken[name] }) {
			return true
		}
	}
	return false
}

// moves are the renames that put things aside, in order; silent are those that
// the server does along with another one.
func (p *putting) moves() (all []Rename) {
	for _, set := range []map[schema.ID]schema.ID{p.more, p.picked} {
		for _, from := range slices.SortedFunc(maps.Keys(set), schema.ID.Compare) {
			all = append(all, Rename{from, set[from]})
		}
	}
	return all
}

func (p *putting) silent(r Rename) bool {
	f, ok := p.kept[r.From]
	return ok && p.l.Along(&f) && counts(p.before, &f) != ""
}

// middle is the shape in which nothing stands against the moves: the new one with
// what is to be put aside still in its place, or the old one, when names clash,
// without what needs that.
func (p *putting) middle() (schema.Schema, error) {
	if p.clash() {
		return p.isolated()
	}
	facts := slices.Clone(p.after.Facts())
	for _, f := range p.kept {
		facts = append(facts, f)
	}
	return p.shape(append(facts, p.beside(facts)...)), nil
}

func (p *putting) shape(facts []schema.Fact) schema.Schema {
	return schema.New(p.after.Dialect, p.after.Version, facts, p.after.Unmodelled...)
}

// beside is what is made for the moves.
func (p *putting) beside(there []schema.Fact) []schema.Fact {
	more := p.spaces(there)
	for _, from := range slices.SortedFunc(maps.Keys(p.picked), schema.ID.Compare) {
		if from.Kind == schema.Column {
			more = append(more, p.l.Marks(p.picked[from])...)
		}
	}
	return more
}

// spaces are the schemas that things are put aside from and into, and that are not
// there yet.
func (p *putting) spaces(there []schema.Fact) (more []schema.Fact) {
	for _, r := range p.moves() {
		for _, id := range []schema.ID{r.From, r.To} {
			space := schema.ID{Kind: schema.Namespace, Name: id.Schema}
			is := func(f schema.Fact) bool { return f.ID == space }
			if id.Schema == "" || slices.ContainsFunc(there, is) || slices.ContainsFunc(more, is) {
				continue
			}
			if f, ok := p.before.Find(space); ok {
				more = append(more, *f)
				continue
			}
			owner := p.kept[r.From].Attrs.Get(schema.Owner)
			more = append(more, schema.Fact{ID: space, Attrs: schema.NewAttrs(schema.Owner, owner)})
		}
	}
	return more
}

// isolated is the old shape without what needs what is put aside.
func (p *putting) isolated() (schema.Schema, error) {
	gone := map[schema.ID]bool{}
	for _, f := range p.before.Facts() {
		if _, part := p.partOf(&f); part {
			if _, kept := p.kept[f.ID]; !kept {
				gone[f.ID] = true
			}
		}
	}
	concerned := func(id schema.ID) bool {
		if gone[id] {
			return true
		}
		f, kept := p.kept[id]
		if !kept {
			return false
		}
		_, part := p.partOf(&f)
		return part
	}
	for again := true; again; {
		again = false
		for _, f := range p.before.Facts() {
			if _, kept := p.kept[f.ID]; kept || gone[f.ID] {
				continue
			}
			if !concerned(f.Parent()) && !slices.ContainsFunc(f.Needs, concerned) {
				continue
			}
			if f.ID.Kind == schema.Table || f.ID.Kind == schema.Column && f.Of == schema.Table {
				return schema.Schema{}, fault.New(fault.Unsupported, "%s cannot stay while what it needs is archived", f.ID).
					Try("leave its rows: without --archive")
			}
			gone[f.ID], again = true, true
		}
	}
	var facts []schema.Fact
	for _, f := range p.before.Facts() {
		if gone[f.ID] {
			continue
		}
		if kept, ok := p.kept[f.ID]; ok {
			f = kept
		}
		facts = append(facts, f)
	}
	return p.shape(append(facts, p.beside(facts)...)), nil
}
