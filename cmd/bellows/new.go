package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/native"
	"github.com/bellowsdb/bellows/ui/answer"
)

// newFlags say what kind of migration to write.
type newFlags struct {
	data             bool
	backfill, change string
	program          string
	old, new         []string
	form, kind       string
	value            string
	references       []string
	into             string
	by               []string
	parents          []string
	label            string
	edit             bool
}

func (a *app) newVerb() *cobra.Command {
	var n newFlags
	cmd := a.command(verb{
		use: "new SLUG", short: "write a new migration",
		long: `Writes a new migration and prints its path. It revises the head of the folder;
where there are several, --parent says which, or bellows merge joins them. With
--form the sections of a change are written too, for the kind of database that
--url names: read them, and correct what is otherwise in your table. When
the database can be reached, a file that would sort before something applied is
refused.`,
		example: "bellows new add_email\nbellows new first_currencies --data\nbellows new fill_email --backfill posts\n" +
			"bellows new join_names --change users --form merge --old first_name,last_name --new name",
		exits: []int{6, 130}, min: 1, max: -1,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			return a.new(ctx, n, strings.Join(args, " "))
		},
	})
	f := cmd.Flags()
	f.BoolVar(&n.data, "data", false, "a data migration: a few rows, one transaction")
	f.StringVar(&n.backfill, "backfill", "", "a backfill of `TABLE`: many rows, in chunks")
	f.StringVar(&n.program, "program", "", "with --backfill: the `COMMAND` that works out its rows")
	f.StringVar(&n.change, "change", "", "a change of `TABLE` in five steps, with --old and --new")
	f.StringSliceVar(&n.old, "old", nil, "the `COLUMNS` that a change replaces")
	f.StringSliceVar(&n.new, "new", nil, "the `COLUMNS` that a change makes")
	f.StringVar(&n.form, "form", "", "write the everyday change `FORM`: merge, split, rename, type, key, not-null or move")
	f.StringVar(&n.kind, "type", "", "the `TYPE` of the new columns of a form")
	f.StringVar(&n.value, "default", "", "the value, as `SQL`, that the form not-null puts where there is none")
	f.StringSliceVar(&n.references, "references", nil, "the `COLUMNS` that refer to a key, as table.column")
	f.StringVar(&n.into, "into", "", "the `TABLE` that the form move takes the columns to")
	f.StringSliceVar(&n.by, "by", nil, "the `COLUMNS` of that table that have this one's key, as user_id=id")
	f.StringSliceVar(&n.parents, "parent", nil, "revise this `TARGET` instead of the head; base begins anew")
	f.StringVar(&n.label, "label", "", "the `NAME` of the branch that begins here")
	f.BoolVar(&n.edit, "edit", false, "open the file in $VISUAL or $EDITOR")
	return cmd
}

// draft is what the flags ask for, without its place in the graph.
func (n newFlags) draft(slug string) (native.Draft, error) {
	d := native.Draft{Kind: revision.Schema, Label: n.label}
	kinds := 0
	if n.data {
		d.Kind, kinds = revision.Data, kinds+1
	}
	if n.backfill != "" {
		d.Kind, d.Table, d.Program, kinds = revision.Backfill, n.backfill, n.program, kinds+1
	}
	if n.change != "" {
		d.Kind, d.Table, d.Old, d.New, kinds = revision.Change, n.change, n.old, n.new, kinds+1
	}
	switch {
	case kinds > 1:
		return d, fault.New(fault.Usage, "one migration is of one kind").Try("one of --data, --backfill TABLE, --change TABLE, or none for the schema")
	case n.form == "" && n.kind+n.value+n.into+strings.Join(n.references, "")+strings.Join(n.by, "") != "":
		return d, fault.New(fault.Usage, "--type, --default, --references, --into and --by go with --form").Try("bellows new --help")
	case n.form != "" && n.change == "":
		return d, fault.New(fault.Usage, "--form goes with --change TABLE").Try("bellows new x --change users --form rename --old name --new title --type text")
	case n.form != "": // the form knows which columns it wants
	case n.change != "" && (len(n.old) == 0 || len(n.new) == 0):
		return d, fault.New(fault.Usage, "a change wants the columns it replaces and those it makes").Try("--change %s --old lat,lng --new loc", n.change)
	case n.backfill == "" && n.program != "":
		return d, fault.New(fault.Usage, "--program goes with --backfill TABLE").Try("bellows new --help")
	case n.change == "" && len(n.old)+len(n.new) > 0:
		return d, fault.New(fault.Usage, "--old and --new go with --change TABLE").Try("bellows new --help")
	}
	var err error
	d.Slug, err = native.Slug(slug)
	return d, err
}

// formed is the draft with the sections of its form.
func (n newFlags) formed(m *bellows.Migrator, d native.Draft) (native.Draft, error) {
	if n.form == "" {
		return d, nil
	}
	f, steps, err := m.Form(dialect.Form{Kind: dialect.FormKind(n.form), Table: n.change, Old: n.old, New: n.new, Type: n.kind, Default: n.value, References: n.references, Into: n.into, By: n.by})
	if err != nil {
		return d, err
	}
	d.Old, d.New, d.Into, d.By, d.Steps = f.Old, f.New, f.Into, f.By, native.Steps(steps)
	return d, nil
}

func (a *app) new(ctx context.Context, n newFlags, slug string) (answer.Answer, error) {
	d, err := n.draft(slug)
	if err != nil {
		return nil, err
	}
	editor, err := a.editor(n.edit)
	if err != nil {
		return nil, err
	}
	m, s, err := a.ownFolder()
	if err != nil {
		return nil, err
	}
	if d, err = n.formed(m, d); err != nil {
		return nil, err
	}
	if d.Parents, err = parentsOf(m.Graph(), n.parents); err != nil {
		return nil, err
	}
	out, err := a.write(ctx, m, s, d)
	if err != nil || editor == nil {
		return out, err
	}
	editor.Args = append(editor.Args, out.Written[0])
	if err := editor.Run(); err != nil {
		return out, fault.New(fault.Failed, "the editor ended badly").Because(err).Try("the file was written: %s", out.Written[0])
	}
	return out, nil
}

// ownFolder reads the folder, which must be in the project's own format.
func (a *app) ownFolder() (*bellows.Migrator, *settings, error) {
	m, s, err := a.folder("")
	if err != nil {
		return nil, nil, err
	}
	if f := m.Format(); f != source.Native && f != "" {
		return nil, nil, fault.New(fault.Unsupported, "%s is in the format of %s, which bellows reads and does not write", s.options.Dir, f).
			Try("write the file by hand, or --dir a folder of bellows' own")
	}
	return m, s, nil
}

// parentsOf is what a new revision revises.
func parentsOf(g *revision.Graph, wanted []string) ([]revision.ID, error) {
	if len(wanted) == 0 {
		heads := g.Heads()
		if len(heads) > 1 {
			return nil, fault.New(fault.Graph, "there are %d heads: %s", len(heads), strings.Join(texts(heads), ", ")).
				Try("bellows merge joins them, bellows rebase puts one after the other, --parent %s chooses", heads[0])
		}
		return heads, nil
	}
	all := revision.NewSet()
	for _, w := range wanted {
		set, err := g.Resolve(w, nil)
		if err != nil {
			return nil, err
		}
		all.Add(set.Sorted()...)
	}
	return all.Sorted(), nil
}

// write gives the draft its id and writes it.
func (a *app) write(ctx context.Context, m *bellows.Migrator, s *settings, d native.Draft) (answer.Files, error) {
	var there []revision.Revision
	for r := range m.Graph().All() {
		there = append(there, r)
	}
	there = append(there, m.Graph().Replaced()...)
	d.ID = native.NextID(a.now(), there)
	if err := a.sortsLast(ctx, s, d.ID); err != nil {
		return answer.Files{}, err
	}
	var t native.Templates
	if s.templates != "" {
		var err error
		if t, err = native.ReadTemplates(os.DirFS(s.templates), s.templates); err != nil {
			return answer.Files{}, err
		}
	}
	path, err := native.Write(native.Disk{}, s.options.Dir, d, t)
	if err != nil {
		return answer.Files{}, err
	}
	return answer.Files{Written: []string{path}, ID: string(d.ID), Revises: texts(d.Parents)}, nil
}

// glance is how long writing a file may wait for a database that does not answer.
const glance = 2 * time.Second

// sortsLast refuses an id that is before an applied one. A database that cannot
// be asked refuses nothing.
func (a *app) sortsLast(ctx context.Context, s *settings, id revision.ID) error {
	if s.url == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	m, _, err := a.open(ctx, readOnly)
	if err != nil {
		return nil
	}
	defer func() { _ = m.Close() }()
	g, applied, err := m.LiveGraph(ctx)
	if err != nil {
		return nil
	}
	for _, other := range applied {
		if r, _ := g.Lookup(other); r.Kind != revision.Repeatable && revision.Less(id, other) {
			return fault.New(fault.Order, "%s would sort before %s, which is applied", id, other).
				Try("its file may be on another branch: fetch it first; or set the clock, which says %s", a.now().UTC().Format(time.DateTime))
		}
	}
	return nil
}

// editor is the user's, nil when none is wanted.
func (a *app) editor(wanted bool) (*exec.Cmd, error) {
	if !wanted {
		return nil, nil
	}
	for _, key := range []string{"VISUAL", "EDITOR"} {
		words, _ := a.env(key)
		if f := strings.Fields(words); len(f) > 0 {
			cmd := exec.Command(f[0], f[1:]...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.err, a.err
			return cmd, nil
		}
	}
	return nil, fault.New(fault.Usage, "--edit wants an editor").Try("set EDITOR, or leave --edit out")
}
