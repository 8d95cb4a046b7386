// Package sqltexttest puts every cutter through the same proofs.
//
// Charter: the corpus format, the property that pieces join to their text, fuzz
// seeds, and the benchmark, shared by the tests of dialect/*.
// Invariant: nothing here knows a database; a test hands in its cutter and files.
// Example: sqltexttest.Corpus(t, os.DirFS("testdata/split"), Split, nil)
package sqltexttest

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/sqltext"
)

// Split is a cutter.
type Split func(text string, o sqltext.Options) sqltext.Pieces

// Case is one text of the corpus. An archive holds its text as a file "name" or
// "name: flags" and what is expected as the file "name =" behind it. Flags:
// quoted (the text is Go string literals, one per line), noeol (the last line
// feed is not part of it), backslash, noescapes, ansi, line=N.
type Case struct {
	Name    string
	Text    string
	Options sqltext.Options
}

// Corpus checks every case of every archive of files. With a write function it
// rewrites the archives instead.
func Corpus(t *testing.T, files fs.FS, split Split, write func(name string, data []byte) error) {
	names, err := fs.Glob(files, "*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, name := range names {
		archive := read(t, files, name)
		for i := 0; i+1 < len(archive.Files); i += 2 {
			c := parse(t, archive.Files[i])
			t.Run(strings.TrimSuffix(name, ".txtar")+"/"+c.Name, func(t *testing.T) {
				got := cuts(c, split)
				if write == nil {
					if diff := cmp.Diff(string(archive.Files[i+1].Data), got); diff != "" {
						t.Errorf("cuts (-want +got):\n%s", diff)
					}
				}
				archive.Files[i+1].Data = []byte(got)
				Check(t, c.Text, c.Options, split)
			})
		}
		if write != nil {
			if err := write(name, txtar.Format(archive)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Cases are all texts of the corpus.
func Cases(t testing.TB, files fs.FS) []Case {
	names, err := fs.Glob(files, "*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var all []Case
	for _, name := range names {
		archive := read(t, files, name)
		for i := 0; i < len(archive.Files); i += 2 {
			all = append(all, parse(t, archive.Files[i]))
		}
	}
	return all
}

// read gives an archive in which every text is followed by its expectation; a
// missing one is added, empty.
func read(t testing.TB, files fs.FS, name string) *txtar.Archive {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(data)
	var paired []txtar.File
	for i, f := range archive.Files {
		if strings.HasSuffix(f.Name, " =") {
			continue
		}
		want := txtar.File{Name: strings.SplitN(f.Name, ":", 2)[0] + " ="}
		if i+1 < len(archive.Files) && archive.Files[i+1].Name == want.Name {
			want = archive.Files[i+1]
		}
		paired = append(paired, f, want)
	}
	archive.Files = paired
	return archive
}

func parse(t testing.TB, f txtar.File) Case {
	name, flags, _ := strings.Cut(f.Name, ":")
	c := Case{Name: name, Text: string(f.Data), Options: sqltext.Options{File: "x.sql"}}
	for _, flag := range strings.Fields(flags) {
		switch flag {
		case "quoted":
			c.Text = unquote(t, c.Text)
		case "noeol":
			c.Text = strings.TrimSuffix(c.Text, "\n")
		case "backslash":
			c.Options.BackslashQuotes = true
		case "noescapes":
			c.Options.NoBackslashEscapes = true
		case "ansi":
			c.Options.ANSIQuotes = true
		default:
			n, err := strconv.Atoi(strings.TrimPrefix(flag, "line="))
			if err != nil {
				t.Fatalf("%s: unknown flag %q", f.Name, flag)
			}
			c.Options.FirstLine = n
		}
	}
	return c
}

func unquote(t testing.TB, text string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		s, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		b.WriteString(s)
	}
	return b.String()
}

var kinds = [...]string{sqltext.SQL: "sql", sqltext.Copy: "copy", sqltext.Note: "note", sqltext.Blank: "blank"}

// cuts spells the pieces of a case: kind and place, the text behind bars, COPY
// data behind angles, and an error with its hint and line.
func cuts(c Case, split Split) string {
	var b strings.Builder
	for st, err := range split(c.Text, c.Options) {
		if err != nil {
			var f *fault.Error
			errors.As(err, &f)
			fmt.Fprintf(&b, "error %s\n  hint %s\n  line %q\n", f, f.Hint, f.Pos.Text)
			break
		}
		fmt.Fprintf(&b, "%s %d:%d\n", kinds[st.Kind], st.Line, st.Column)
		lines(&b, "  |", st.Text)
		lines(&b, "  >", strings.TrimSuffix(c.Text[st.DataStart:st.DataEnd], "\n"))
	}
	return b.String()
}

func lines(b *strings.Builder, mark, text string) {
	if text == "" {
		return
	}
	for _, line := range strings.Split(text, "\n") {
		if quoted := strconv.Quote(line); strings.Trim(quoted, `"`) != line && strings.ContainsAny(line, "\r\x00\v\f") {
			line = quoted
		}
		b.WriteString(strings.TrimRight(mark+" "+line, " ") + "\n")
	}
}
