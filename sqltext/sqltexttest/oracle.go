package sqltexttest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/sqltext"
)

// Oracle is a database and its own client, as the judge of a cutter.
type Oracle struct {
	Split  Split
	Driver db.Driver
	Fresh  func(t testing.TB) string             // the URL of a new, empty database
	Whole  func(t testing.TB, url, file string)  // the client runs a file
	Dump   func(t testing.TB, url string) string // schema and data, as the client's tools write them
}

// Plain marks a file that only the cutter can read: without what the client
// needs (such as DELIMITER), it must say the same as the file of that name
// without the mark.
const Plain = ".plain.sql"

// Judge demands of every file in dir that its pieces, sent one by one, leave
// the same schema and data as the client that runs the file as a whole.
func (o Oracle) Judge(t *testing.T, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, Plain) {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
			whole := o.Fresh(t)
			o.Whole(t, whole, file)
			want := o.Dump(t, whole)
			if empty := o.Dump(t, o.Fresh(t)); want == empty {
				t.Fatalf("%s leaves nothing behind: it proves nothing", file)
			}
			texts := []string{file}
			if plain := strings.TrimSuffix(file, ".sql") + Plain; exists(plain) {
				texts = append(texts, plain)
			}
			for _, text := range texts {
				cut := o.Fresh(t)
				o.Pieces(t, cut, text)
				if diff := cmp.Diff(want, o.Dump(t, cut)); diff != "" {
					t.Errorf("%s (-the client +the pieces):\n%s", text, diff)
				}
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Pieces cuts a file and sends what comes, one by one.
func (o Oracle) Pieces(t testing.TB, url, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	c, err := o.Driver.Open(ctx, url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for st, err := range o.Split(string(text), sqltext.Options{File: file}) {
		if err != nil {
			t.Fatal(err)
		}
		item := db.Item{SQL: st.Text}
		switch st.Kind {
		case sqltext.Note, sqltext.Blank:
			continue
		case sqltext.Copy:
			item.Copy, item.Data = true, string(text)[st.DataStart:st.DataEnd]
		}
		if err := c.Send(ctx, []db.Item{item}, nil); err != nil {
			t.Fatalf("%s:%d:%d: %v in:\n%s", file, st.Line, st.Column, err, st.Text)
		}
	}
}

// Run runs a program with in as its input and gives what it writes; the test
// fails when it fails.
func Run(t testing.TB, in string, words ...string) string {
	t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PGTZ=UTC", "PGCLIENTENCODING=UTF8")
	cmd.Stdin = strings.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", words[0], err, errs.String())
	}
	return string(out)
}
