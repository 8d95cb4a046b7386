package bellows

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/internal/replay"
	"github.com/bellowsdb/bellows/internal/shadow"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/native"
)

// From says where a shape comes from. One of its fields is set; the zero value
// is what the migrations of the folder make.
type From struct {
	// URL names a live database.
	URL string
	// Files hold DDL; files and statements may be in any order. A comment
	// "-- bellows:rename OLD NEW" in them tells of a rename.
	Files []SQLFile
	// Shape was read before: a snapshot.
	Shape *Shape
}

// SQLFile is the text of a file, and its name for errors.
type SQLFile struct{ Name, Text string }

// Rename is what somebody says of a rename: posts.titel, posts.title.
type Rename struct{ Old, New string }

// DiffOptions say what to compare. The zero value compares what the migrations
// make with itself.
type DiffOptions struct {
	From, To From
	// Renames are told of beside those that the files tell of. One that is about
	// nothing is an error.
	Renames []Rename
	// Ignore are attributes that are not compared; nil is the owner.
	Ignore []string
	// Stages say which tables are changed in stages, in migrations of their own, so
	// that no lock is held for long; the zero value is those that are large in the
	// migrator's database, or in From.
	Stages diff.Staging
	// Shadow is the URL of an empty database in which files and migrations are
	// tried, and that is emptied again; "" makes databases for it beside the one
	// that is at hand, or else, where Options.Environ is set, on a server that is run
	// for it from this machine's programs, or in a container. "beside", "local" and
	// "container" want one of these.
	Shadow string
	// Strict refuses shapes in which something was found that is not described.
	Strict bool
	// Archive names the tables and columns that are put aside instead of dropped, so
	// that the way back has their rows again; "all" is each one that can be.
	Archive []string
	// Now is the time that makes the names of what is put aside; the zero value is now.
	Now time.Time
	// Choose is asked when something that went and something that came look like a
	// rename that nobody told of; it gives those that are. nil takes none for one.
	Choose func(Choice) ([]diff.Rename, error)
}

// Choice is a question: is it a rename?
type Choice struct {
	Candidates []diff.Rename
	// Renamed is the plan when all of them are renames, Replaced when none is.
	Renamed, Replaced diff.Plan
}

// Difference is how one shape becomes the other, and back.
type Difference struct {
	From, To Shape
	Up, Down diff.Plan
	// Renames are those that were told of, or chosen.
	Renames []diff.Rename
	// Archived is what the way there puts aside, and where.
	Archived []diff.Rename
	// Class is what the way back is worth.
	Class diff.Class
	// Parts are the migrations that the way there takes, in order; none when the
	// shapes are the same.
	Parts []Part

	ignore []string
	ground replay.Ground
	wanted replay.Content // the files that make To, if any
	stages diff.Staging
	sizes  diff.Sizes
	aside  diff.Archive
}

// Part is one migration of a Difference.
type Part struct {
	// Name tells it from the others; "" when it is the only one.
	Name string
	// Text are its sections.
	Text string
	// Class is what its way back is worth, Hazards what to know before running it.
	Class   diff.Class
	Hazards []diff.Hazard

	sections compare.Part
}

// Empty tells whether the two shapes are the same.
func (d Difference) Empty() bool { return d.Up.Empty() }

// SQL is the way there, or the way back, as a script for the database's own client.
func (d Difference) SQL(way revision.Direction) string {
	p := d.Up
	if way == revision.Down {
		p = d.Down
	}
	language := d.To.language
	if language == nil {
		return p.SQL()
	}
	return compare.Framed(language, p)
}

// ignored are the attributes that are not compared.
func (o DiffOptions) ignored() []string {
	if o.Ignore == nil {
		return []string{schema.Owner}
	}
	return o.Ignore
}

// Diff compares two shapes and plans the way from one to the other. What must be
// run to know a shape, is run in throwaway databases; nothing else is changed.
func (m *Migrator) Diff(ctx context.Context, o DiffOptions) (Difference, error) {
	near := []string{o.From.URL, o.To.URL, m.url}
	if o.From.URL == "" && o.From.Shape == nil && o.From.Files == nil {
		near = []string{m.url, o.To.URL} // the other one may be of production
	}
	ground, err := m.ground(o.Shadow, near...)
	if err != nil {
		return Difference{}, err
	}
	d := Difference{ignore: o.ignored(), ground: ground, stages: o.Stages}
	told, err := renamesOf(o)
	if err != nil {
		return d, err
	}
	if d.From, d.To, err = m.shapes(ctx, ground, o.From, o.To); err != nil {
		return d, err
	}
	for _, s := range []Shape{d.From, d.To} {
		if err := compare.Strict(s.Schema); o.Strict && err != nil {
			return d, err
		}
	}
	if o.To.Shape == nil && o.To.URL == "" && o.To.Files != nil {
		d.wanted = replay.Files(textsOf(o.To.Files))
	}
	if d.sizes, err = m.sizes(ctx, o.From); err != nil {
		return d, err
	}
	renames, err := replay.Resolve(told, d.From.Schema, d.To.Schema)
	if err != nil {
		return d, err
	}
	if d.aside, err = o.archive(d.From.Schema); err != nil {
		return d, err
	}
	moved, err := m.moved(ctx, o)
	if err != nil {
		return d, err
	}
	renames = d.known(renames, moved)
	return d, d.plan(renames, o.Choose)
}

// renamesOf are the renames that options and files tell of.
func renamesOf(o DiffOptions) ([]replay.Rename, error) {
	var all []replay.Rename
	for _, r := range o.Renames {
		all = append(all, replay.Rename{Old: r.Old, New: r.New})
	}
	more, err := replay.Directives(textsOf(o.To.Files))
	return append(all, more...), err
}

// moved is what got another name by hand in the database that is the wanted schema.
func (m *Migrator) moved(ctx context.Context, o DiffOptions) ([]ledger.Moved, error) {
	if o.To.URL == "" || o.From.URL != "" || o.From.Shape != nil || o.From.Files != nil {
		return nil, nil
	}
	c, err := openedAt(ctx, o.To.URL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	l := ledger.New(c.Dialect(), m.o.Ledger)
	if there, err := l.Exists(ctx, c); err != nil || !there {
		return nil, err
	}
	return l.Moved(ctx, c)
}

// known are renames with those that the database itself knows of, where nobody told
// otherwise: what is called so in one shape and so in the other, and is the same.
func (d *Difference) known(told []diff.Rename, moved []ledger.Moved) []diff.Rename {
	all := slices.Clone(told)
	for _, x := range moved {
		r := diff.Rename{From: idOf(x.Was), To: idOf(x.Is)}
		_, was := d.From.Find(r.From)
		_, is := d.To.Find(r.To)
		taken := slices.ContainsFunc(told, func(t diff.Rename) bool { return t.From == r.From || t.To == r.To })
		if was && is && !taken && (x.Is.Column == "" || x.Was.Column != x.Is.Column) {
			all = append(all, r)
		}
	}
	return replay.Ordered(all)
}

func idOf(p ledger.Place) schema.ID {
	if p.Column == "" {
		return schema.ID{Kind: schema.Table, Schema: p.Schema, Name: p.Table}
	}
	return schema.ID{Kind: schema.Column, Schema: p.Schema, On: p.Table, Name: p.Column}
}

// archive is what options and files say of what is put aside.
func (o DiffOptions) archive(before schema.Schema) (diff.Archive, error) {
	var all []replay.Named
	for _, name := range o.Archive {
		all = append(all, replay.Named{Name: name})
	}
	more, err := replay.Archives(textsOf(o.To.Files))
	if err != nil {
		return diff.Archive{}, err
	}
	now := o.Now
	if now.IsZero() {
		now = time.Now()
	}
	return replay.Aside(append(all, more...), before, string(native.NextID(now, nil)))
}

// plan makes the plans, and asks about renames that nobody told of.
func (d *Difference) plan(renames []diff.Rename, choose func(Choice) ([]diff.Rename, error)) error {
	r, err := d.compare(renames)
	if err != nil {
		return err
	}
	if len(r.Up.Candidates) > 0 && choose != nil {
		all, err := d.compare(append(slices.Clone(renames), r.Up.Candidates...))
		if err != nil {
			return err
		}
		chosen, err := choose(Choice{Candidates: r.Up.Candidates, Renamed: all.Up, Replaced: r.Up})
		if err != nil {
			return err
		}
		renames = append(slices.Clone(renames), chosen...)
		if r, err = d.compare(renames); err != nil {
			return err
		}
	}
	d.Renames, d.Archived = renames, r.Aside
	d.To.Schema = d.carried(renames)
	if len(r.Aside) > 0 {
		d.To.Schema = r.End
	}
	d.Up, d.Down, d.Class, d.Parts = r.Up, r.Down, r.Class, nil
	for _, p := range r.Parts {
		hazards := diff.Plan{Statements: p.Up}.Hazards()
		d.Parts = append(d.Parts, Part{Name: p.Name, Text: p.Text(), Class: p.Class, Hazards: hazards, sections: p})
	}
	return nil
}

func (d *Difference) compare(renames []diff.Rename) (compare.Result, error) {
	return compare.Diff(d.language(), d.From.Schema, d.carried(renames),
		diff.Options{Renames: renames, Ignore: d.ignore, Staging: d.stages, Sizes: d.sizes, Archive: d.aside})
}

// carried is the wanted shape with what the old one has archived: that stays where
// it is.
func (d *Difference) carried(renames []diff.Rename) schema.Schema {
	return compare.Carried(d.language(), d.From.Schema, d.To.Schema, renames)
}

// language is that of the shapes.
func (d *Difference) language() dialect.Dialect {
	if d.To.language == nil {
		return d.From.language
	}
	return d.To.language
}

// sizes are how large the tables are that are to be changed: in the migrator's
// database, or in the one that the old shape is of; nil when there is none.
func (m *Migrator) sizes(ctx context.Context, from From) (diff.Sizes, error) {
	if from.URL != "" {
		c, err := openedAt(ctx, from.URL)
		if err != nil {
			return nil, err
		}
		defer func() { _ = c.Close() }()
		return compare.Sizes(ctx, c)
	}
	if m.runner == nil || from.Shape != nil || from.Files != nil {
		return nil, nil
	}
	runner, end, err := m.begin("diff")
	if err != nil {
		return nil, err
	}
	defer end()
	return compare.Sizes(ctx, runner.Conn())
}

// openedAt is a session on a database that is only looked at.
func openedAt(ctx context.Context, url string) (db.Conn, error) {
	e, err := engineOf(url)
	if err != nil {
		return nil, err
	}
	return e.driver.Open(ctx, url, db.Options{App: "bellows/diff/" + newRun(), ReadOnly: true})
}

// shapes finds both shapes: of two databases at the same time.
func (m *Migrator) shapes(ctx context.Context, g replay.Ground, from, to From) (a, b Shape, err error) {
	if from.URL == "" || to.URL == "" {
		if a, err = m.shape(ctx, g, from); err == nil {
			b, err = m.shape(ctx, g, to)
		}
		return a, b, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	other := make(chan error, 1)
	go func() {
		var err error
		b, err = m.shape(ctx, g, to)
		other <- err
	}()
	if a, err = m.shape(ctx, g, from); err != nil {
		cancel()
	}
	if second := <-other; err == nil {
		err = second
	}
	return a, b, err
}

// shape finds a shape.
func (m *Migrator) shape(ctx context.Context, g replay.Ground, from From) (s Shape, err error) {
	switch {
	case from.Shape != nil:
		return *from.Shape, nil
	case from.URL != "":
		return m.liveShape(ctx, from.URL)
	}
	content := replay.Files(textsOf(from.Files))
	if from.Files == nil {
		content = m.migrations().All()
	}
	err = g.Use(ctx, content, func(ctx context.Context, stage *replay.Stage) error {
		s.language = stage.Dialect()
		s.Schema, err = stage.Shape(ctx)
		return err
	})
	return s, err
}

// liveShape inspects the database that a URL names.
func (m *Migrator) liveShape(ctx context.Context, url string) (s Shape, err error) {
	c, err := openedAt(ctx, url)
	if err != nil {
		return s, err
	}
	s, err = m.inspect(ctx, c, nil)
	if end := c.Close(); err == nil {
		err = end
	}
	return s, err
}

// migrations are those of the folder, as they are run in a throwaway database.
func (m *Migrator) migrations() replay.Migrations {
	return replay.Migrations{Options: m.options("shadow", "")}
}

// ground is where throwaway databases stand: the one that was named, or beside
// the first of the others.
func (m *Migrator) ground(named string, others ...string) (replay.Ground, error) {
	g := replay.Ground{Given: named, Run: shadowRun, Now: time.Now, Ledger: m.o.Ledger}
	if m.o.Environ != nil {
		g.Hosts = &m.hosts
	}
	switch p := replay.Place(named); p {
	case replay.Beside, replay.Local, replay.Container:
		g.Given, g.Only = "", p
	}
	at := ""
	for _, url := range append([]string{g.Given}, others...) {
		if at == "" {
			at = url
		}
	}
	if at == "" {
		if m.engine.driver == nil || m.engine.far && g.Hosts == nil {
			return g, nil // no throwaway database can be made; whoever needs one is told
		}
		g.Driver, g.Scheme = m.engine.driver, m.scheme
		return g, nil
	}
	e, err := engineOf(at)
	g.Driver, g.Beside = e.driver, at
	return g, err
}

// shadowRun names a throwaway database: letters and digits.
func shadowRun() string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(newRun()))
	return name[max(0, len(name)-20):]
}

func textsOf(files []SQLFile) []shadow.Text {
	all := make([]shadow.Text, len(files))
	for i, f := range files {
		all[i] = shadow.Text{Name: f.Name, SQL: f.Text}
	}
	return all
}

// DraftOptions say how the migrations of a difference are written.
type DraftOptions struct {
	// Slug names them, as in a file's name.
	Slug string
	// Parents are what the first one revises.
	Parents []string
	// Now is the time that makes the first id.
	Now time.Time
	// Source is what the wanted schema was, for the comment in the file.
	Source string
	// NoProof writes them without having tried them, and says so in them.
	NoProof bool

	certificate string // what was proven; "" when it is not known yet

	replaces *revision.Range // of a squash
	notes    []string        // comments for the head of the file
	final    string          // why there is no way back, although there could be one
}

// Draft is the file of a migration that is not written yet.
type Draft struct {
	ID, Path, Text string
	Revises        []string
}

// Draft makes files of a difference that begins with what the migrations make.
// Unless the options say otherwise they are tried first, in a throwaway database.
func (m *Migrator) Draft(ctx context.Context, d Difference, o DraftOptions) ([]Draft, error) {
	out, drafts, err := m.drafts(d, o)
	if err != nil || o.NoProof || len(drafts) == 0 {
		return out, err
	}
	cert, err := d.ground.Prove(ctx, m.migrations(), d.proof(drafts, o))
	if err != nil {
		return nil, err
	}
	o.certificate = cert.String()
	out, _, err = m.drafts(d, o)
	return out, err
}

// proof is what the drafts of a difference are to be proven of.
func (d *Difference) proof(drafts []replay.Draft, o DraftOptions) replay.Proof {
	p := replay.Proof{Drafts: drafts, From: d.From.Schema, To: d.To.Schema, Wanted: d.wanted, Ignore: d.ignore, Aside: d.Archived}
	for _, part := range d.Parts {
		if o.final != "" {
			part.sections.Class = diff.Irreversible
		}
		p.Parts = append(p.Parts, part.sections)
	}
	return p
}

// drafts are the files of a difference, and the same as they are read.
func (m *Migrator) drafts(d Difference, o DraftOptions) (out []Draft, drafts []replay.Draft, err error) {
	if f := m.Format(); f != source.Native && f != "" {
		return nil, nil, fault.New(fault.Unsupported, "%s is in the format of %s, which bellows reads and does not write", m.o.Dir, f).
			Try("write the file by hand, or --dir a folder of bellows' own")
	}
	var there []revision.Revision
	for r := range m.base.All() {
		there = append(there, r)
	}
	there = append(there, m.base.Replaced()...)
	parents := o.Parents
	for _, p := range d.Parts {
		slug := o.Slug
		if p.Name != "" {
			slug += "_" + p.Name
		}
		id := native.NextID(o.Now, there)
		file := Draft{ID: string(id), Path: path.Join(m.o.Dir, string(id)+"_"+slug+".sql"), Revises: parents, Text: p.file(parents, o)}
		rev, script, err := native.Parse(file.Path, file.Text)
		if err != nil {
			return nil, nil, err
		}
		there, parents = append(there, rev), []string{file.ID}
		out, drafts = append(out, file), append(drafts, replay.Draft{Revision: rev, Script: script})
	}
	return out, drafts, nil
}

// file is the text of a part's file.
func (p Part) file(parents []string, o DraftOptions) string {
	var b strings.Builder
	revises := "none"
	if len(parents) > 0 {
		revises = strings.Join(parents, ", ")
	}
	b.WriteString("-- migrate:revises " + revises + "\n")
	if r := o.replaces; r != nil {
		b.WriteString("-- migrate:replaces " + string(r.From) + ".." + string(r.To) + "\n")
	}
	line := func(text string) {
		b.WriteString("-- " + strings.ReplaceAll(strings.TrimSpace(text), "\n", " ") + "\n")
	}
	if o.Source != "" {
		line("Written by bellows diff, from " + o.Source + ".")
	}
	for _, note := range o.notes {
		line(note)
	}
	if o.certificate != "" {
		line(o.certificate)
	}
	if o.NoProof {
		line("Not proven: it was written with --no-proof.")
	}
	text := p.Text
	if o.final != "" {
		p.Class, p.sections.Class, p.sections.Unsolved = diff.Exact, diff.Irreversible, []string{o.final}
		text = p.sections.Text()
	}
	switch p.Class {
	case diff.Archives:
		line("The way back brings back the rows that the way there archives, as long as they are not purged.")
	case diff.Lossy:
		line("The way back is lossy: it restores the schema, and not what the way there destroys.")
	case diff.Irreversible:
		line("There is no way back.")
	}
	for _, h := range p.Hazards {
		line(h.Code + ": " + h.Object.String() + ": " + h.Text)
	}
	for _, s := range p.sections.Up {
		if s.Instead != "" {
			line("Instead of writing the table of " + s.About.Path() + " anew while nobody can use it, a change does it while the application goes on: a file like this, in place of the statement below.")
			b.WriteString("--     " + strings.ReplaceAll(strings.TrimSpace(s.Instead), "\n", "\n--     ") + "\n")
		}
	}
	b.WriteString("\n" + text)
	return b.String()
}
