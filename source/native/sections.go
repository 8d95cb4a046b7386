package native

import (
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// section reads one section into the script.
func (d *document) section(m *mark) {
	o := d.options(m)
	s := &d.script
	switch m.form.word {
	case "up", "data":
		s.Up = d.sql(m, o)
	case "down":
		d.down(m, o)
	case "check":
		s.Check = append(s.Check, *d.sql(m, o))
		d.wanted(m, "a query that returns no row when all is well")
	case "backfill":
		s.Fill = d.fill(m, o)
		s.Fill.Body = *d.sql(m, o)
		d.chunked(m, o)
	case "write":
		if s.Fill != nil {
			s.Fill.Write = d.sql(m, o)
		}
		d.wanted(m, "the statement that writes one row of the program's answer")
		d.unchunked(m)
	case "change":
		d.change(m, o)
	default:
		d.step(m, o)
	}
}

// step reads a section of a change.
func (d *document) step(m *mark, o options) {
	c := d.script.Change
	if c == nil {
		c = &revision.ChangeSpec{}
	}
	switch m.form.word {
	case "expand":
		c.Expand = *d.sql(m, o)
		d.wanted(m, "the DDL that adds the new side")
	case "forward":
		c.Forward = *d.sql(m, o)
		d.wanted(m, "what the new columns are, by the old ones: new = f(old)")
	case "backward":
		c.Backward = d.sql(m, o)
		d.wanted(m, "what the old columns are, by the new ones; or leave the section out")
	case "contract":
		c.Contract = d.sql(m, o)
		d.wanted(m, "the DDL that removes the old side; or leave the section out")
	case "hold":
		d.hold(m, o, c)
	}
}

func (d *document) hold(m *mark, o options, c *revision.ChangeSpec) {
	d.unwanted(m)
	if o.broken {
		return
	}
	if o.bare == nil || *o.bare == "" {
		d.fail(m.args, "a hold has no name").Try("say what must be approved: -- migrate:hold \"every instance reads only the new column\"")
		return
	}
	for _, h := range c.Holds {
		if h.Name == *o.bare {
			d.fail(m.args, "there is another hold of that name").Try("each is approved by its name, so names must differ")
			return
		}
	}
	c.Holds = append(c.Holds, revision.HoldSpec{Name: *o.bare, Quiet: o.quiet, At: d.place(m.at)})
}

func (d *document) down(m *mark, o options) {
	switch {
	case o.broken:
	case o.irreversible && (o.bare == nil || *o.bare == ""):
		d.fail(m.args, "irreversible has no reason").Try("say why there is no way back: -- migrate:down irreversible \"why\"")
	case o.irreversible:
		if at := files.Code(d.text[m.body:m.bodyEnd]); at >= 0 {
			d.fail(m.body+at, "there is SQL below a down that is irreversible").Try("take the SQL out, or the word irreversible")
		}
		d.script.Irreversible, d.script.IrreversibleAt = o.bare, d.place(m.at)
	case o.bare != nil:
		d.fail(m.args, "a text without irreversible before it").Try("write -- migrate:down irreversible \"why\"")
	case files.Code(d.text[m.body:m.bodyEnd]) >= 0:
		d.script.Down = d.sql(m, o)
	}
}

// fill reads the head of a backfill.
func (d *document) fill(m *mark, o options) *revision.FillSpec {
	spec := o.fill
	spec.At = d.place(m.at)
	if !o.has("table") && !o.broken {
		d.fail(m.args, "a backfill has no table").Try("write -- migrate:backfill table:NAME")
	}
	return &spec
}

func (d *document) change(m *mark, o options) {
	d.unwanted(m)
	d.script.Change = &revision.ChangeSpec{
		Table: o.fill.Table, Old: o.old, New: o.new, Into: o.into, By: o.by, Options: o.rest, At: d.place(m.at),
	}
	for _, key := range []string{"table", "old", "new"} {
		if !o.has(key) && !o.broken {
			d.fail(m.args, "a change has no %s", key).Try("write -- migrate:change table:NAME old:a,b new:c")
		}
	}
	if o.has("into") != o.has("by") && !o.broken {
		d.fail(m.args, "into and by stand together").Try("write into:profiles by:user_id=id: the other table, and its column that has this table's key")
	}
	if o.has("into") {
		return // columns of two tables may have one name
	}
	for _, a := range o.old {
		for _, b := range o.new {
			if a == b {
				d.fail(m.args, "column %q is old and new at once", a).Try("give the new column another name")
			}
		}
	}
}

// complete says what the file lacks as a whole.
func (d *document) complete(first int) {
	s, m := &d.script, &d.marks[first]
	switch d.kind {
	case revision.Schema:
		if !d.joins() {
			d.wanted(m, "what to do; or remove the file")
		}
		if s.Up != nil && d.joins() && s.Down == nil && s.Irreversible == nil && files.Code(d.text[m.body:m.bodyEnd]) < 0 {
			s.Down = &revision.Section{At: s.Up.At} // a mere join is undone by nothing
		}
	case revision.Data:
		d.wanted(m, "the rows to write")
	case revision.Backfill:
		if s.Fill == nil {
			return
		}
		d.logic(m)
	case revision.Change:
		c := s.Change
		d.lacks(c == nil || c.Expand.At.Line > 0, m, "expand section", "it adds the new side: -- migrate:expand")
		d.lacks(c == nil || c.Forward.At.Line > 0, m, "forward section", "it says what the new columns are: -- migrate:forward")
	}
}

// logic says what a backfill lacks whose rows a program or a function works out.
func (d *document) logic(m *mark) {
	f := d.script.Fill
	if f.Program != "" && f.Function != "" {
		d.fail(m.args, "a backfill has one of program and function").Try("take the other away")
		return
	}
	none := f.Program == "" && f.Function == ""
	if f.ProgramTimeout > 0 && f.Program == "" {
		d.fail(m.args, "program_timeout stands without program").Try("write program:\"COMMAND\", or take it away")
	}
	d.lacks(none == (f.Write == nil), m, pick(none, "program", "write section"),
		pick(none, "a write section writes what a program answers: program:\"COMMAND\"; or function:NAME, one written in Go",
			"its rows are written by a section -- migrate:write"))
}

// joins tells whether the file is a merge: several parents, so that its up
// section may be empty.
func (d *document) joins() bool { return len(d.header.parents) > 1 }

// lacks says what the file has not when ok is false.
func (d *document) lacks(ok bool, m *mark, what, hint string) {
	if !ok {
		d.fail(m.word, "%s has no %s", m.form.word, what).Try("%s", hint)
	}
}

func pick(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// wanted says that a section without SQL lacks something. Not while skimming: a
// file that was just made from a template must not keep others from being read.
func (d *document) wanted(m *mark, what string) {
	if d.depth == full && files.Code(d.text[m.body:m.bodyEnd]) < 0 {
		d.fail(m.word, "%s is empty", m.form.word).Try("below the line stands %s", what)
	}
}

// unwanted says that a section has SQL where none belongs.
func (d *document) unwanted(m *mark) {
	if at := files.Code(d.text[m.body:m.bodyEnd]); at >= 0 {
		d.fail(m.body+at, "there is SQL below %s, which has none", m.form.word).
			Try("move it into the section that it belongs to")
	}
}

// sql is the section of a mark.
func (d *document) sql(m *mark, o options) *revision.Section {
	if d.depth == skim {
		d.skimmed = o.section
		d.skimmed.At = d.place(m.body)
		return &d.skimmed
	}
	s := o.section
	s.At = d.place(m.body)
	s.SQL = string(d.text[m.body:m.bodyEnd])
	return &s
}

// place is the place of an offset; while skimming only that there is one.
func (d *document) place(at int) fault.Pos {
	if d.depth == skim {
		return fault.Pos{Line: 1}
	}
	return files.Place(d.file, d.text, at)
}

// repeatable reads a file that is run again when it changes: all of it is SQL,
// or there is one up section that carries options.
func (d *document) repeatable(first int) {
	whole := mark{body: 0, bodyEnd: len(d.text), form: formOf([]byte("up"))}
	if first == len(d.marks) {
		if len(d.marks) > 0 {
			whole.body = d.marks[len(d.marks)-1].body
			if at := files.Code(d.text[:whole.body]); at >= 0 {
				d.fail(at, "there is SQL above the header").Try("move it below the last \"-- migrate:\" line")
			}
		}
		if files.Code(d.text[whole.body:]) < 0 {
			d.fail(0, "this file has no SQL").Try("write a statement that may run again and again, such as CREATE OR REPLACE VIEW, or remove it")
		}
		d.script.Up = d.sql(&whole, options{})
		return
	}
	m := d.marks[first]
	if m.form == nil {
		return
	}
	if m.form.word == "up" {
		if at := files.Code(d.text[:m.at]); at >= 0 {
			d.fail(at, "there is SQL before the first section").Try("move it below the line \"-- migrate:up\"")
		}
		d.wanted(&m, "a statement that may run again and again, such as CREATE OR REPLACE VIEW")
		d.script.Up = d.sql(&m, d.options(&m))
		first++
	}
	for _, m := range d.marks[first:] {
		if m.form != nil {
			d.fail(m.word, "a repeatable file has no %s", m.form.word).Try("it is one text that is run again when it changes")
		}
	}
}
