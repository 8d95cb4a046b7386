package main

import (
	"bufio"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source/native"
	"github.com/bellowsdb/bellows/ui/answer"
)

type diffFlags struct {
	from, to, dialect   string
	stages              string
	check, sql, noProof bool
	strict              bool
	renames, ignore     []string
	archive             []string
	parents             []string
}

func (a *app) diffVerb() *cobra.Command {
	var d diffFlags
	cmd := a.command(verb{
		use: "diff [SLUG]", short: "write the migration that the wanted schema needs",
		long: `Compares the wanted schema, which --schema or the key schema names, with what the
migrations make, and writes the migration that leads from one to the other, up and
down; several, where a step must be on its own. The wanted schema is a file of SQL,
a folder of them (statements in any order), a snapshot of bellows inspect, the URL
of a live database, or "exec: COMMAND", a command that prints SQL. Files and
migrations are tried in throwaway databases, and so is the new migration: up, down
and up again, before it is written. Where nothing differs, nothing is written.

A rename is told by --rename, or by a comment in the files:
-- bellows:rename posts.titel posts.title
What only looks like one is asked about; in a pipeline it is refused, with both
plans. --rename none says that nothing is renamed.

--archive NAME puts a table or a column that goes aside instead of dropping it, so
that the way back has its rows again; --archive all does so with each one that can
be, as does archive = true in bellows.toml, and a comment in the files:
-- bellows:archive posts.title
What was put aside is no difference to any verb; bellows archive lists it, and
bellows archive purge drops it.

With --check nothing is written, and the exit code tells whether there is a
difference. --from and --to compare any two schemas and print the way.`,
		example: "bellows inspect > schema.sql\necho 'CREATE TABLE tags (name text);' >> schema.sql\nbellows up\nbellows diff --schema schema.sql add_tags\nbellows diff --from sqlite:app.db --to schema.sql --sql",
		exits:   []int{3, 6, 8, 130}, max: -1,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			return a.diff(ctx, d, strings.Join(args, " "))
		},
	})
	f := cmd.Flags()
	f.StringVar(&a.flags.schema, "schema", "", "the wanted schema: a `FILE`, a folder, a URL, or \"exec: COMMAND\"")
	f.BoolVar(&d.check, "check", false, "write nothing; exit code 3 when there is a difference")
	f.StringArrayVar(&d.renames, "rename", nil, "`OLD=NEW` is a rename; none: nothing is")
	f.StringArrayVar(&d.archive, "archive", nil, "put this table or column aside instead of dropping it: `NAME`, all, none")
	f.StringVar(&d.from, "from", "", "compare this `SCHEMA` instead of what the migrations make; print, write nothing")
	f.StringVar(&d.to, "to", "", "with --from: the `SCHEMA` to lead to")
	f.BoolVar(&d.sql, "sql", false, "print only SQL, with --from and --to")
	ignoreFlag(f, &d.ignore)
	f.StringSliceVar(&d.parents, "parent", nil, "revise this `TARGET` instead of the head")
	f.StringVar(&d.stages, "stages", "large", "which tables are changed in migrations of several stages, without long locks: `large|all|none`")
	f.BoolVar(&d.noProof, "no-proof", false, "write the migration without trying it, and say so in it")
	f.BoolVar(&d.strict, "strict", false, "refuse when a schema has something that Bellows does not describe, instead of naming it")
	a.shadowFlag(f)
	f.StringVar(&d.dialect, "dialect", "", "the `DATABASE`'s language, where no URL tells: sqlite")
	return cmd
}

// check finds flags that do not go together.
func (d diffFlags) conflicts(slug string, schema string) error {
	switch {
	case (d.from == "") != (d.to == ""):
		return fault.New(fault.Usage, "--from and --to go together").Try("bellows diff --from sqlite:app.db --to schema.sql")
	case d.from != "" && (slug != "" || schema != "" || d.noProof || d.parents != nil):
		return fault.New(fault.Usage, "--from and --to only print").Try("leave them out to write a migration: bellows diff SLUG --schema FILE")
	case d.from == "" && d.sql:
		return fault.New(fault.Usage, "--sql goes with --from and --to").Try("bellows diff --help")
	case d.from == "" && slug == "" && !d.check:
		return fault.New(fault.Usage, "the migration has no name").Try("name what it does: bellows diff add_tags; or only look: bellows diff --check")
	}
	return nil
}

// options are what to compare and how, but for the two schemas.
func (d diffFlags) options(s *settings) (o bellows.DiffOptions, err error) {
	o.Shadow, o.Ignore, o.Strict = s.shadow, ignored(d.ignore), d.strict
	stages, ok := map[string]diff.Staging{"large": diff.BySize, "all": diff.Always, "none": diff.Never}[d.stages]
	if o.Stages = stages; !ok {
		return o, fault.New(fault.Usage, "--stages %s: it is large, all or none", d.stages).Try("bellows diff --help")
	}
	o.Archive = slices.DeleteFunc(slices.Clone(d.archive), func(name string) bool { return name == "none" })
	if s.archive && d.archive == nil {
		o.Archive = []string{"all"}
	}
	for _, text := range d.renames {
		before, after, ok := strings.Cut(text, "=")
		switch {
		case text == "none":
		case !ok || before == "" || after == "":
			return o, fault.New(fault.Usage, "a rename is OLD=NEW, not %q", text).Try("--rename posts.titel=posts.title")
		default:
			o.Renames = append(o.Renames, bellows.Rename{Old: before, New: after})
		}
	}
	return o, nil
}

func ignoreFlag(f *pflag.FlagSet, to *[]string) {
	f.StringSliceVar(to, "ignore", []string{"owner"}, "`ATTRIBUTES` not to compare: owner, acl, comment; none: compare all")
}

// ignored are the attributes that a flag names.
func ignored(words []string) []string {
	return slices.DeleteFunc(words, func(word string) bool { return word == "none" })
}

func (a *app) diff(ctx context.Context, d diffFlags, slug string) (answer.Answer, error) {
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	if err := d.conflicts(slug, a.flags.schema); err != nil {
		return nil, err
	}
	o, err := d.options(s)
	if err != nil {
		return nil, err
	}
	o.Now = a.now()
	if d.from != "" {
		return a.diffTwo(ctx, d, o, s)
	}
	if slug != "" {
		if slug, err = native.Slug(slug); err != nil {
			return nil, err
		}
	}
	return a.diffHead(ctx, d, o, slug)
}

// diffTwo compares two schemas and prints the way.
func (a *app) diffTwo(ctx context.Context, d diffFlags, o bellows.DiffOptions, s *settings) (answer.Answer, error) {
	var err error
	if o.From, err = shapeOf(d.from); err != nil {
		return nil, err
	}
	if o.To, err = shapeOf(d.to); err != nil {
		return nil, err
	}
	options := a.library(s)
	options.Dir = ""
	m, err := bellows.OpenFolder(options, d.dialect)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	if o.From.URL == "" && o.To.URL == "" && s.url != "" && d.dialect == "" {
		if m, err = bellows.Open(ctx, s.url, readOnlyOf(options)); err != nil {
			return nil, err
		}
		defer func() { _ = m.Close() }()
	}
	found, err := m.Diff(ctx, o)
	if err != nil {
		return nil, err
	}
	ans := answer.Diff{Difference: found, Form: "plan", FromName: fault.Redact(d.from), ToName: fault.Redact(d.to)}
	switch {
	case d.check:
		ans.Form = "check"
		a.different(found)
	case d.sql:
		ans.Form = "sql"
	}
	return ans, nil
}

func readOnlyOf(o bellows.Options) bellows.Options {
	readOnly(&o)
	return o
}

// different makes the exit code tell of a difference.
func (a *app) different(d bellows.Difference) {
	if !d.Empty() {
		a.exit = fault.Pending.Exit()
	}
}

// diffHead compares the wanted schema with what the migrations make.
func (a *app) diffHead(ctx context.Context, d diffFlags, o bellows.DiffOptions, slug string) (answer.Answer, error) {
	m, s, err := a.forSchemas(ctx, d.dialect)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	if s.schema.Path == "" && s.schema.Exec == "" {
		return nil, fault.New(fault.Usage, "which schema is wanted?").Try("--schema schema.sql, or the key schema in bellows.toml; bellows inspect writes a first one")
	}
	parents, err := parentsOf(m.Graph(), d.parents)
	if err != nil {
		return nil, err
	}
	name := ""
	if o.To, name, err = a.wanted(ctx, s.schema, s.folder); err != nil {
		return nil, err
	}
	var open *answer.Choice
	if !d.check && len(d.renames) == 0 {
		o.Choose = func(c bellows.Choice) ([]diff.Rename, error) { return a.choose(ctx, c, &open) }
	}
	found, err := m.Diff(ctx, o)
	if err != nil {
		if open != nil {
			return *open, err
		}
		return nil, err
	}
	ans := answer.Diff{Difference: found, Form: "files", FromName: "the migrations", ToName: name}
	if d.check {
		ans.Form = "check"
		a.different(found)
		return ans, nil
	}
	ans.Files, err = a.writeDrafts(ctx, m, s, found, bellows.DraftOptions{Slug: slug, Parents: texts(parents), Now: a.now(), Source: name, NoProof: d.noProof})
	if err != nil {
		return nil, err
	}
	return ans, nil
}

// forSchemas opens the folder, and the database when there is a URL.
func (a *app) forSchemas(ctx context.Context, dialect string) (*bellows.Migrator, *settings, error) {
	s, err := a.settings()
	if err != nil {
		return nil, nil, err
	}
	if s.url == "" && dialect == "" && isURL(s.shadow) {
		dialect = scheme(s.shadow)
	}
	if s.url == "" && dialect == "" {
		return nil, nil, noURL()
	}
	if s.url == "" || dialect != "" {
		m, s, err := a.folder(dialect)
		return m, s, err
	}
	return a.open(ctx, readOnly)
}

// writeDrafts writes the migrations of a difference, all of them or none.
func (a *app) writeDrafts(ctx context.Context, m *bellows.Migrator, s *settings, d bellows.Difference, o bellows.DraftOptions) (answer.Files, error) {
	drafts, err := m.Draft(ctx, d, o)
	if err != nil || len(drafts) == 0 {
		return answer.Files{}, err
	}
	if err := a.sortsLast(ctx, s, revision.ID(drafts[0].ID)); err != nil {
		return answer.Files{}, err
	}
	out := answer.Files{Revises: drafts[0].Revises}
	var files []native.NewFile
	for _, x := range drafts {
		out.ID = x.ID
		out.Written = append(out.Written, x.Path)
		files = append(files, native.NewFile{Path: path.Clean(x.Path), Text: x.Text})
	}
	return out, native.WriteAll(native.Disk{}, files)
}

// choose asks a person about each rename that nobody told of; where there is
// none, it refuses, and leaves both plans to be shown.
func (a *app) choose(ctx context.Context, c bellows.Choice, open **answer.Choice) ([]diff.Rename, error) {
	if !a.interactive() {
		*open = &answer.Choice{Choice: c}
		var told []string
		for _, r := range c.Candidates {
			told = append(told, "--rename "+quote(r.From.Path()+"="+r.To.Path()))
		}
		return nil, fault.New(fault.Confirm, "%s may have become %s by a rename, and nobody is there to ask", c.Candidates[0].From, c.Candidates[0].To.Path()).
			Try("if it did: %s; if not: --rename none; in the file itself: -- bellows:rename %s %s", strings.Join(told, " "), c.Candidates[0].From.Path(), c.Candidates[0].To.Path())
	}
	var yes []diff.Rename
	for _, r := range c.Candidates {
		ok, err := a.askYes(ctx, fmt.Sprintf("Is %s now called %s? If not, it is dropped with what is in it, and the other one is new.", r.From, r.To.Path()))
		if err != nil {
			return nil, err
		}
		if ok {
			yes = append(yes, r)
		}
	}
	return yes, nil
}

// askYes puts a question to the person at the terminal.
func (a *app) askYes(ctx context.Context, question string) (bool, error) {
	a.show().Rest()
	_, _ = fmt.Fprintf(a.err, "%s [y/n] ", fault.Redact(question))
	replies := make(chan string, 1)
	go func() { // a read of a terminal ends with its line, and not with ctx
		word, _ := bufio.NewReader(a.in).ReadString('\n')
		replies <- strings.ToLower(strings.TrimSpace(word))
	}()
	select {
	case <-ctx.Done():
		return false, fault.New(fault.Interrupted, "interrupted; nothing was done")
	case word := <-replies:
		switch word {
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		return false, fault.New(fault.Confirm, "%q is neither yes nor no; nothing was done", word).Try("answer y or n, or say it with --rename")
	}
}
