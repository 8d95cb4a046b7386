package native

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/source"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestProblems reads the files of testdata/problems.txtar and compares what is
// wrong with each to the file behind it.
func TestProblems(t *testing.T) {
	const golden = "testdata/problems.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var out []txtar.File
	cases := 0
	for _, in := range archive.Files {
		if strings.HasSuffix(in.Name, ".want") {
			continue
		}
		cases++
		got := problemsOf(t, in)
		out = append(out, in, txtar.File{Name: in.Name + ".want", Data: []byte(got)})
		if *update {
			continue
		}
		if diff := cmp.Diff(wanted(archive, in.Name), got); diff != "" {
			t.Errorf("%s:\n%s", in.Name, diff)
		}
	}
	if cases < 60 {
		t.Errorf("only %d cases", cases)
	}
	if *update {
		archive.Files = out
		if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func wanted(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name+".want" {
			return string(f.Data)
		}
	}
	return ""
}

// problemsOf reads one file as its folder would and writes down the problems,
// checking that each has a place and a hint.
func problemsOf(t *testing.T, in txtar.File) string {
	path := "1_" + in.Name
	if strings.HasPrefix(in.Name, "repeatable/") {
		path = in.Name
	}
	f, err := folder(t, map[string]string{path: string(in.Data)})
	if err == nil {
		_, err = f.Script(f.Revisions()[0].ID)
	}
	var b strings.Builder
	for _, p := range flatten(err) {
		if p.Pos == nil || p.Pos.Line < 1 || p.Pos.Column < 1 || p.Hint == "" {
			t.Errorf("%s: no place or no hint: %+v", in.Name, p)
			continue
		}
		fmt.Fprintf(&b, "%d:%d %s\n", p.Pos.Line, p.Pos.Column, p.Msg)
		if p.Pos.Text != "" {
			fmt.Fprintf(&b, "    %s\n    %s^\n", p.Pos.Text, strings.Repeat(" ", p.Pos.Column-1))
		}
		fmt.Fprintf(&b, "  hint: %s\n", p.Hint)
	}
	return b.String()
}

// FuzzParse looks for panics, problems without a place, and bytes of a file
// that are in no section or in two.
func FuzzParse(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/problems.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, in := range archive.Files {
		if !strings.HasSuffix(in.Name, ".want") {
			f.Add(string(in.Data))
		}
	}
	f.Add("-- migrate:revises 1, 2\r\n-- migrate:up\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, script, err := Parse("m/1_a.sql", text)
		for _, p := range flatten(err) {
			if p.Pos == nil || p.Pos.File != "m/1_a.sql" || p.Pos.Line < 1 || p.Pos.Column < 1 {
				t.Errorf("no place: %+v", p)
			}
			if p.Hint == "" {
				t.Errorf("no hint: %v", p)
			}
		}
		lines := strings.Count(text, "\n") + 1
		if err == nil && script.Up != nil && script.Up.At.Line > lines {
			t.Errorf("up is in line %d of %d", script.Up.At.Line, lines)
		}
		rejoin(t, text)
	})
}

// rejoin checks that header, directive lines and bodies are the whole text.
func rejoin(t *testing.T, text string) {
	var d document
	d.read("x", []byte(text), "", full)
	at := 0
	if len(d.marks) > 0 {
		at = d.marks[0].at
	}
	for _, m := range d.marks {
		if m.at != at || m.end < m.args || m.body < m.end || m.bodyEnd < m.body {
			t.Fatalf("mark %+v does not begin at %d in %q", m, at, text)
		}
		at = m.bodyEnd
	}
	if len(d.marks) > 0 && at != len(text) {
		t.Fatalf("the last section ends at %d of %d in %q", at, len(text), text)
	}
}

func TestHugeFile(t *testing.T) {
	for name, text := range map[string]string{
		"one long line":       "-- migrate:up\nSELECT '" + strings.Repeat("x", 20<<20) + "';\n",
		"many directives":     "-- migrate:up\nSELECT 1;\n" + strings.Repeat("-- migrate:nothing\n", 1<<18),
		"many words":          "-- migrate:up\nSELECT '" + strings.Repeat("migrate -- ", 1<<20) + "';\n",
		"a long wrong line":   "-- migrate:up " + strings.Repeat("x", 20<<20) + "\nSELECT 1;\n",
		"many wrong options":  "-- migrate:up " + strings.Repeat("x ", 1<<18) + "\nSELECT 1;\n",
		"many wrong chunks":   "-- migrate:backfill table:a\n" + strings.Repeat("SELECT 1;", 1<<18),
		"many dollars":        "-- migrate:backfill table:a\nSELECT " + strings.Repeat("$a", 1<<20) + " :chunk",
		"many colons in list": "-- migrate:needs " + strings.Repeat("a:b,", 1<<16) + "\n-- migrate:up\nSELECT 1;\n",
	} {
		_, _, err := Parse("1_a.sql", text)
		if problems := flatten(err); len(problems) > worst+1 {
			t.Errorf("%s: %d problems", name, len(problems))
		} else if len(problems) > 0 && len(problems[0].Error()) > 1000 {
			t.Errorf("%s: a message of %d bytes", name, len(problems[0].Error()))
		}
	}
}

func TestOnlyDirectivesOfTheFolderFormat(t *testing.T) {
	f, err := folder(t, map[string]string{"1_a.sql": "-- migrate:up\nSELECT 1;\n"})
	if err != nil || f.Format() != source.Native {
		t.Errorf("%v %v", f, err)
	}
}
