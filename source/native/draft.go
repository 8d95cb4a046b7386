package native

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// Draft is a migration that is to be written.
type Draft struct {
	Kind    revision.Kind // "" is Schema
	ID      revision.ID   // see NextID
	Slug    string        // see Slug
	Parents []revision.ID // none makes a base, several make a merge
	Label   string
	// Replaces makes it a squash.
	Replaces *revision.Range
	Table    string   // backfill and change
	Program  string   // backfill: who works out its rows, "" for SQL
	Old, New []string // change: columns
	Into     string   // change: the table that the new columns are in, "" the same
	By       []string // change: how its rows are found there, each there=here
	Steps    Steps    // change: its sections; empty ones say where to write them
	// Up and Down are SQL for a schema migration. With both empty the template
	// says where to write it.
	Up, Down string
}

// Steps are the sections of a change. Notes stand above them as comments.
type Steps struct {
	Expand, Forward, Backward, Contract string
	Hold                                string
	Form                                string // what the directive says of the form, where it has to
	Notes                               []string
}

// File is the name of the draft's file.
func (d Draft) File() string {
	return string(d.ID) + "_" + d.Slug + ".sql"
}

// stamp is the form of the ids of new migrations, in UTC.
const stamp = "20060102150405"

// NextID is the id of a migration that is written now: the time in UTC, or just
// after the greatest of the ids there are when that is later or the same.
func NextID(now time.Time, there []revision.Revision) revision.ID {
	next := revision.ID(now.UTC().Format(stamp))
	for _, r := range there {
		if r.Kind != revision.Repeatable && files.Compare(r.ID, next) >= 0 {
			next = after(r.ID)
		}
	}
	return next
}

// after is the id one second or, when it is no time, one number later.
func after(id revision.ID) revision.ID {
	if t, err := time.Parse(stamp, string(id)); err == nil {
		return revision.ID(t.Add(time.Second).Format(stamp))
	}
	digits := []byte(id)
	for i := len(digits) - 1; i >= 0; i-- {
		switch {
		case digits[i] < '0' || digits[i] > '9':
			return id + "1"
		case digits[i] < '9':
			digits[i]++
			return revision.ID(digits)
		}
		digits[i] = '0'
	}
	return "1" + revision.ID(digits)
}

// longestSlug keeps file names well below what file systems take.
const longestSlug = 100

// Slug makes the slug of a file name of what a user wrote: small letters and
// digits, "_" between words.
func Slug(text string) (string, error) {
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c)
	})
	slug := strings.Join(words, "_")
	switch {
	case slug == "":
		return "", fault.New(fault.Usage, "a migration has no name").Try("name what it does: bellows new create_posts")
	case len(slug) > longestSlug:
		return "", fault.New(fault.Usage, "the name is longer than %d letters", longestSlug).Try("name what it does in a few words; the file has room for more")
	}
	return slug, nil
}

// Templates are the texts of new migrations. The zero value is the built-in ones.
type Templates struct {
	dir   string
	texts map[string]*sheet // by file name without .sql
}

// templateNames are the files that a folder of templates may have. Nothing
// changes them.
var templateNames = [...]string{"schema", "data", "backfill", "change", "merge"}

// ReadTemplates reads the files schema.sql, data.sql, backfill.sql, change.sql
// and merge.sql of a folder, each in the language of text/template; the built-in text stands in
// for one that is absent. dir is the folder's name in errors.
func ReadTemplates(fsys fs.FS, dir string) (Templates, error) {
	t := Templates{dir: dir, texts: map[string]*sheet{}}
	if info, err := fs.Stat(fsys, "."); err != nil || !info.IsDir() {
		return Templates{}, fault.At(fault.Pos{File: dir}, fault.Config, "there is no such folder of templates").
			Try("make it, or take the key templates out of bellows.toml")
	}
	for _, name := range templateNames {
		file := dir + "/" + name + ".sql"
		info, err := fs.Stat(fsys, name+".sql")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !info.Mode().IsRegular() {
			return Templates{}, fault.At(fault.Pos{File: file}, fault.Config, "this is no file that can be read").
				Try("make it a plain file, or remove it for the built-in text")
		}
		text, err := fs.ReadFile(fsys, name+".sql")
		if err != nil {
			return Templates{}, fault.At(fault.Pos{File: file}, fault.Config, "this template cannot be read").Because(err).
				Try("make it readable, or remove it for the built-in text")
		}
		parsed, err := readSheet(name, string(text))
		if err != nil {
			return Templates{}, badSheet(file, err)
		}
		t.texts[name] = parsed
	}
	return t, nil
}

// Text is the text of the draft's file. That of a template of the user's own is
// checked like any file, except that its sections may be empty.
func (d Draft) Text(t Templates) (string, error) {
	if d.Kind == "" {
		d.Kind = revision.Schema
	}
	name := string(d.Kind)
	if len(d.Parents) > 1 && d.Kind == revision.Schema {
		name = "merge"
	}
	own := t.texts[name]
	if own == nil || d.Replaces != nil || d.Steps.Expand != "" {
		return d.builtin(name), nil
	}
	file := t.dir + "/" + name + ".sql"
	filled, err := own.fill(file, map[string]string{
		"ID": string(d.ID), "Slug": d.Slug, "Revises": d.revises(), "Label": d.Label, "Table": d.Table,
		"Old": strings.Join(d.Old, ","), "New": strings.Join(d.New, ","), "Up": d.Up, "Down": d.Down,
	})
	if err != nil {
		return "", err
	}
	text := files.Normalise([]byte(filled))
	var doc document
	doc.read(file+" as filled in", text, "", skim)
	return string(text), files.Join(doc.problems)
}

func (d Draft) revises() string {
	if len(d.Parents) == 0 {
		return "none"
	}
	all := make([]string, len(d.Parents))
	for i, p := range d.Parents {
		all[i] = string(p)
	}
	return strings.Join(all, ", ")
}

// builtin is the text of the project's own template.
func (d Draft) builtin(name string) string {
	var b strings.Builder
	b.WriteString("-- migrate:revises " + d.revises() + "\n")
	if d.Label != "" {
		b.WriteString("-- migrate:label " + d.Label + "\n")
	}
	if d.Replaces != nil {
		b.WriteString("-- migrate:replaces " + string(d.Replaces.From) + ".." + string(d.Replaces.To) + "\n")
	}
	switch {
	case name == "change" && d.Steps.Expand != "":
		b.WriteString(d.written())
	case name == "change":
		b.WriteString(d.builtinChange())
	case name == "backfill":
		text := backfillText
		if d.Program != "" {
			text = strings.ReplaceAll(programText, "PROGRAM", value(d.Program))
		}
		b.WriteString(strings.ReplaceAll(text, "TABLE", value(d.Table)))
	case name == "data":
		b.WriteString(dataText)
	case d.Up != "" || d.Down != "":
		b.WriteString("\n-- migrate:up\n" + ended(d.Up))
		if d.Down != "" {
			b.WriteString("\n-- migrate:down\n" + ended(d.Down))
		}
	case name == "merge":
		b.WriteString(mergeText)
	default:
		b.WriteString(schemaText)
	}
	return b.String()
}

// written is a change whose sections are there.
func (d Draft) written() string {
	var b strings.Builder
	for _, note := range d.Steps.Notes {
		b.WriteString(comment(note))
	}
	form := ""
	if d.Steps.Form != "" {
		form = " form:" + d.Steps.Form
	}
	b.WriteString("\n-- migrate:change table:" + value(d.Table) + " old:" + value(strings.Join(d.Old, ",")) + " new:" + value(strings.Join(d.New, ",")) + form)
	if d.Into != "" {
		b.WriteString(" into:" + value(d.Into) + " by:" + value(strings.Join(d.By, ",")))
	}
	b.WriteString("\n")
	section := func(word, text string) {
		if text != "" {
			b.WriteString("\n-- migrate:" + word + "\n" + ended(text))
		}
	}
	section("expand", d.Steps.Expand)
	section("forward", d.Steps.Forward)
	section("backward", d.Steps.Backward)
	b.WriteString("\n-- migrate:hold " + strconv.Quote(d.Steps.Hold) + "\n")
	section("contract", d.Steps.Contract)
	return b.String()
}

// comment is a text as lines of comment, broken at blanks.
func comment(text string) string {
	var b strings.Builder
	line := "--"
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > 80 {
			b.WriteString(line + "\n")
			line = "--"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

func (d Draft) builtinChange() string {
	set := func(targets []string, from []string) string {
		all := make([]string, len(targets))
		for i, t := range targets {
			all[i] = t + " = …(" + strings.Join(from, ", ") + ")"
		}
		return strings.Join(all, ", ")
	}
	return strings.NewReplacer(
		"TABLE", value(d.Table), "OLD", value(strings.Join(d.Old, ",")), "NEW", value(strings.Join(d.New, ",")),
		"FORWARD", set(d.New, d.Old), "BACKWARD", set(d.Old, d.New),
	).Replace(changeText)
}

// value is an option's value, in quotes when it needs them.
func value(text string) string {
	if strings.ContainsAny(text, " \t\"\\") {
		return strconv.Quote(text)
	}
	return text
}

func ended(sql string) string {
	return strings.TrimRight(sql, "\n") + "\n"
}

const schemaText = `
-- migrate:up


-- migrate:down

`

const dataText = `
-- migrate:data


-- A query that returns no row when all is well; any row rolls the data back.
-- migrate:check


-- migrate:down

`

const mergeText = `
-- Joins the branches above. There is nothing to do unless they collide.
-- migrate:up
`

const backfillText = `
-- Changes many rows in chunks, each in its own short transaction, while the table
-- is in use. :chunk stands for the rows of one chunk and appears once in each
-- statement. With a condition that passes over rows it has changed, rows that are
-- added meanwhile are found too. Such as:
--   UPDATE TABLE SET new_column = lower(old_column)
--    WHERE new_column IS NULL AND :chunk;
-- Options: rows:1000 target:100ms workers:2 pause:100ms poison:10 key:id
-- migrate:backfill table:TABLE


-- A query that returns no row when all is done, such as:
--   SELECT id FROM TABLE WHERE new_column IS NULL;
-- Without this section it is made from the condition.
-- migrate:check


-- The way back, in chunks too when it says :chunk. Such as:
--   UPDATE TABLE SET new_column = NULL WHERE new_column IS NOT NULL AND :chunk;
-- migrate:down

`

const programText = `
-- Changes many rows in chunks while the table is in use. A program works them out:
-- it reads a row as JSON on each line, with the columns of this query, and answers
-- each with a line: what the write section takes, or {"skip": true}, or
-- {"error": "why"}, with the key that tells the row. Such as:
--   SELECT id, address FROM TABLE WHERE new_column IS NULL AND :chunk;
-- Options: rows:1000 target:100ms workers:2 pause:100ms poison:10 key:id program_timeout:1m
-- migrate:backfill table:TABLE program:PROGRAM


-- What is written for an answer, by the names of its fields. Such as:
--   UPDATE TABLE SET new_column = :new_column WHERE id = :id;
-- migrate:write


-- A query that returns no row when all is done. Without this section rows that the
-- query still gives are worked out again, until none of them is written.
-- migrate:check


-- The way back, in chunks when it says :chunk. Such as:
--   UPDATE TABLE SET new_column = NULL WHERE new_column IS NOT NULL AND :chunk;
-- migrate:down

`

const changeText = `
-- migrate:change table:TABLE old:OLD new:NEW

-- The DDL that adds the new side.
-- migrate:expand


-- The new side by the old one, such as:
--   FORWARD
-- migrate:forward


-- The old side by the new one; without it there is no way back after the first
-- write to the new side. Such as:
--   BACKWARD
-- migrate:backward


-- migrate:hold "every instance reads and writes only NEW"
`
