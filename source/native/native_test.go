package native

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
)

func parse(t *testing.T, text string) (revision.Revision, revision.Script) {
	t.Helper()
	rev, script, err := Parse("migrations/20261119093000_a_b.sql", text)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return rev, script
}

func at(line, column int, text string) fault.Pos {
	return fault.Pos{File: "migrations/20261119093000_a_b.sql", Line: line, Column: column, Text: text}
}

func TestSchema(t *testing.T) {
	rev, script := parse(t, "-- about posts\n-- migrate:revises 1, 2\n-- migrate:needs 3:contract,4\n-- migrate:label geo\n"+
		"-- migrate:replaces 5..6\n\n-- migrate:up lock_timeout:2s mixed:true\nALTER TABLE a;\n\n"+
		"-- migrate:down transaction:false statement_timeout:1m\nDROP TABLE a;")
	want := revision.Revision{
		ID: "20261119093000", Name: "a_b", Kind: revision.Schema, Parents: []revision.ID{"1", "2"},
		Needs: []revision.Need{{ID: "3", Phase: revision.Contract}, {ID: "4"}}, Label: "geo",
		Replaces: &revision.Range{From: "5", To: "6"}, File: "migrations/20261119093000_a_b.sql", Native: true,
		Said: revision.Said{
			Parents: []revision.Spot{{Line: 2, Column: 20}, {Line: 2, Column: 23}}, Needs: []revision.Spot{{Line: 3, Column: 18}, {Line: 3, Column: 29}},
			Label: revision.Spot{Line: 4, Column: 18}, Replaces: revision.Spot{Line: 5, Column: 21},
		},
		Checksum: rev.Checksum,
	}
	if diff := cmp.Diff(want, rev); diff != "" {
		t.Error(diff)
	}
	if len(rev.Checksum) != 64 {
		t.Errorf("checksum %q", rev.Checksum)
	}
	wantScript := revision.Script{
		Head:     &revision.Section{At: at(1, 1, "-- about posts"), SQL: "-- about posts\n-- migrate:revises 1, 2\n-- migrate:needs 3:contract,4\n-- migrate:label geo\n-- migrate:replaces 5..6\n\n"},
		Revision: "20261119093000", Kind: revision.Schema,
		Up:   &revision.Section{SQL: "ALTER TABLE a;\n\n", At: at(8, 1, "ALTER TABLE a;"), Mixed: true, LockTimeout: 2 * time.Second},
		Down: &revision.Section{SQL: "DROP TABLE a;", At: at(11, 1, "DROP TABLE a;"), Tx: revision.TxEach, StatementTimeout: time.Minute},
	}
	if diff := cmp.Diff(wantScript, script); diff != "" {
		t.Error(diff)
	}
}

func TestDataAndIrreversible(t *testing.T) {
	rev, script := parse(t, "-- migrate:revises none\n-- migrate:data\nINSERT;\n-- migrate:check\nSELECT 1\n-- migrate:check statement_timeout:5s\nSELECT 2\n"+
		"-- migrate:down irreversible \"the \\\"old\\\" rows are gone\"\n-- so be it\n")
	if rev.Kind != revision.Data || rev.Implied || rev.Parents != nil {
		t.Errorf("head %+v", rev)
	}
	if len(script.Check) != 2 || script.Check[1].StatementTimeout != 5*time.Second || script.Check[1].SQL != "SELECT 2\n" {
		t.Errorf("checks %+v", script.Check)
	}
	if script.Down != nil || script.Irreversible == nil || *script.Irreversible != `the "old" rows are gone` {
		t.Errorf("down %+v %v", script.Down, script.Irreversible)
	}
}

func TestBackfill(t *testing.T) {
	_, script := parse(t, `-- migrate:backfill table:app.posts key:a,b rows:500 target:50ms workers:2 pause:0s poison:7 program:"node \"x y\".mjs" lock_timeout:1s
-- a ; comment with :chunk
SELECT ':chunk', "c;d:chunk", x::chunk, $q$ ; :chunk $q$ FROM posts WHERE loc IS NULL AND :chunk; -- end

-- migrate:write
UPDATE posts SET loc = :loc WHERE id = :id;
`)
	f := script.Fill
	want := revision.FillSpec{Table: "app.posts", Key: []string{"a", "b"}, Rows: 500, Target: 50 * time.Millisecond, Workers: 2,
		Poison: 7, Program: `node "x y".mjs`, Body: f.Body, Write: f.Write, At: f.At}
	if diff := cmp.Diff(want, *f); diff != "" {
		t.Error(diff)
	}
	if f.Body.LockTimeout != time.Second || f.At.Line != 1 || f.Body.At.Line != 2 || f.Write.At.Line != 6 {
		t.Errorf("%+v", f)
	}
}

func TestChange(t *testing.T) {
	rev, script := parse(t, `-- migrate:revises 20261119093000
-- One location column instead of two numbers.
-- migrate:change table:posts old:lat,lng new:loc retention:30d rows:10

-- migrate:expand transaction:false
ALTER TABLE posts ADD COLUMN loc point;

-- migrate:forward
loc = point(lng, lat)

-- migrate:backward
lng = loc[0], lat = loc[1]

-- migrate:hold "every instance reads and writes only loc"
-- migrate:hold "dba" quiet:2h

-- migrate:contract
ALTER TABLE posts DROP COLUMN lat, DROP COLUMN lng;
`)
	if rev.Kind != revision.Change || rev.Parents[0] != "20261119093000" {
		t.Errorf("head %+v", rev)
	}
	c := script.Change
	want := &revision.ChangeSpec{
		Table: "posts", Old: []string{"lat", "lng"}, New: []string{"loc"},
		Expand:   revision.Section{SQL: "ALTER TABLE posts ADD COLUMN loc point;\n\n", Tx: revision.TxEach, At: c.Expand.At},
		Forward:  revision.Section{SQL: "loc = point(lng, lat)\n\n", At: c.Forward.At},
		Backward: &revision.Section{SQL: "lng = loc[0], lat = loc[1]\n\n", At: c.Backward.At},
		Holds: []revision.HoldSpec{{Name: "every instance reads and writes only loc", At: c.Holds[0].At},
			{Name: "dba", Quiet: 2 * time.Hour, At: c.Holds[1].At}},
		Contract: &revision.Section{SQL: "ALTER TABLE posts DROP COLUMN lat, DROP COLUMN lng;\n", At: c.Contract.At},
		Options:  map[string]string{"retention": "30d", "rows": "10"}, At: c.At,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if c.Forward.At.Line != 9 || c.Holds[1].At.Line != 15 {
		t.Errorf("places %v %v", c.Forward.At, c.Holds[1].At)
	}
}

func TestMergeMayBeEmpty(t *testing.T) {
	_, script := parse(t, "-- migrate:revises 1, 2\n-- migrate:up\n")
	if script.Up == nil || script.Down == nil || script.Up.SQL+script.Down.SQL != "" {
		t.Errorf("%+v", script)
	}
	_, script = parse(t, "-- migrate:revises 1, 2\n-- migrate:up\nSELECT 1;\n")
	if script.Down != nil {
		t.Error("a merge that does something is not undone by nothing")
	}
}

func TestEmptyDownIsNone(t *testing.T) {
	rev, script := parse(t, "--   migrate:up\nSELECT 1;\n-- migrate:down\n-- perhaps later\n")
	if script.Down != nil || script.Irreversible != nil || !rev.Implied {
		t.Errorf("%+v", script)
	}
}

func TestLineEndsAndMarkDoNotMatter(t *testing.T) {
	text := "-- migrate:up\nSELECT 'é';\n\n-- migrate:down\nSELECT 2;\n"
	a, sa := parse(t, text)
	b, sb := parse(t, "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"))
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sa, sb); diff != "" {
		t.Error(diff)
	}
}

func folder(t *testing.T, files map[string]string) (source.Folder, error) {
	t.Helper()
	m := fstest.MapFS{".": {Mode: fs.ModeDir | 0o755}}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Open(source.Options{FS: m})
}

const up = "-- migrate:up\nSELECT 1;\n"

func ids(f source.Folder) string {
	var all []string
	for _, r := range f.Revisions() {
		all = append(all, string(r.ID)+"="+r.Name)
	}
	return strings.Join(all, " ")
}

func TestFolder(t *testing.T) {
	f, err := folder(t, map[string]string{
		"10_ten.sql": up, "9_nine.sql": up, "sub/deeper/11-eleven.SQL": up, "12.sql": up, "README.md": "x", ".hidden.sql": "x", ".d/1_x.sql": up,
		"repeatable/views/b.sql": "CREATE VIEW b;\n", "repeatable/a.sql": "-- migrate:needs 9\n\n-- migrate:up transaction:false\nCREATE VIEW a;\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ids(f), "9=nine 10=ten 11=eleven 12= R:a=a R:views/b=views/b"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if f.Format() != "bellows" {
		t.Errorf("format %s", f.Format())
	}
	s, err := f.Script("R:a")
	if err != nil || s.Up.SQL != "CREATE VIEW a;\n" || s.Up.Tx != revision.TxEach || s.Kind != revision.Repeatable || s.Revision != "R:a" {
		t.Errorf("%+v %v", s, err)
	}
	r := f.Revisions()[4]
	if r.Implied || len(r.Needs) != 1 || r.File != "migrations/repeatable/a.sql" {
		t.Errorf("%+v", r)
	}
	if s, err = f.Script("R:views/b"); err != nil || s.Up.SQL != "CREATE VIEW b;\n" || s.Up.At.Line != 1 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := f.Script("77"); fault.CodeOf(err) != fault.Target {
		t.Errorf("unknown id: %v", err)
	}
}

func TestFlat(t *testing.T) {
	m := fstest.MapFS{"1_a.sql": {Data: []byte(up)}, "sub/2_b.sql": {Data: []byte(up)}, "again/v.sql": {Data: []byte("SELECT 1")}}
	f, err := Open(source.Options{FS: m, Flat: true, Repeatable: "again"})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(f); got != "1=a R:v=v" {
		t.Errorf("got %s", got)
	}
}

func TestEmptyFolderIsNoError(t *testing.T) {
	f, err := Open(source.Options{Dir: t.TempDir()})
	if err != nil || len(f.Revisions()) != 0 {
		t.Errorf("%v %v", f, err)
	}
}

func TestChangedFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "1_a.sql")
	write(t, file, up)
	f, err := Open(source.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, up+"SELECT 2;\n")
	if _, err := f.Script("1"); fault.CodeOf(err) != fault.File || !strings.Contains(err.Error(), "changed while") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Script("1"); fault.CodeOf(err) != fault.File {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOnDisk(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "1_a.sql"), up)
	write(t, filepath.Join(dir, "other", "2_b.sql"), up)
	write(t, filepath.Join(dir, "..2026", "3_c.sql"), up) // as a mounted configuration map has them
	for link, to := range map[string]string{"3_c.sql": "..2026/3_c.sql", "linked": "..2026x"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "..2026x", "4_d.sql"), up)
	f, err := Open(source.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(f); got != "1=a 2=b 3=c 4=d" {
		t.Errorf("got %s", got)
	}
	if text, err := f.Text("3"); err != nil || text != up {
		t.Errorf("%q %v", text, err)
	}
}

// flatten lists the faults in an error.
func flatten(err error) []*fault.Error {
	var one *fault.Error
	var many interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var all []*fault.Error
		for _, e := range many.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	case errors.As(err, &one):
		return []*fault.Error{one}
	}
	panic(fmt.Sprintf("no fault: %v", err))
}

func TestProblemsOnDisk(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"folder named like a file", func(d string) error { return os.Mkdir(d+"/1_a.sql", 0o755) }, "1_a.sql: this is a folder"},
		{"file link to itself", func(d string) error { return os.Symlink("1_a.sql", d+"/1_a.sql") }, "1_a.sql: symbolic links lead in a circle"},
		{"folder link upwards", func(d string) error { return os.Symlink(".", d+"/again") }, "again: symbolic links lead in a circle"},
		{"link to nothing", func(d string) error { return os.Symlink("nowhere", d+"/1_a.sql") }, "1_a.sql: this is not there"},
		{"socket or device", func(d string) error { return os.Symlink("/dev/null", d+"/1_a.sql") }, "1_a.sql: this is not a regular file"},
		{"no digits", func(d string) error { return os.WriteFile(d+"/a.sql", []byte(up), 0o644) }, "a.sql: the name of a migration begins with digits"},
		{"half of a pair", func(d string) error { return os.WriteFile(d+"/1_a.up.sql", []byte(up), 0o644) }, "1_a.up.sql: one file holds both directions"},
		{"NUL", func(d string) error { return os.WriteFile(d+"/1_a.sql", []byte(up+"x\x00"), 0o644) }, "1_a.sql:3:2: there is a NUL byte"},
		{"UTF-16", func(d string) error { return os.WriteFile(d+"/1_a.sql", []byte("-\x00-\x00"), 0o644) }, "1_a.sql:1:2: there is a NUL byte"},
		{"Latin-1", func(d string) error { return os.WriteFile(d+"/1_a.sql", []byte(up+"é\xe9"), 0o644) }, "1_a.sql:3:2: byte 0xe9 is not valid UTF-8"},
		{"one id twice", func(d string) error {
			return errors.Join(os.WriteFile(d+"/1_a.sql", []byte(up), 0o644), os.WriteFile(d+"/001_b.sql", []byte(up), 0o644))
		}, "1_a.sql: id 1 is also that of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.make(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Open(source.Options{Dir: dir})
			got := flatten(err)
			if len(got) != 1 || !strings.Contains(got[0].Error(), c.want) || got[0].Hint == "" {
				t.Errorf("got %v, want %q with a hint", err, c.want)
			}
		})
	}
}

func TestAbsentFolder(t *testing.T) {
	_, err := Open(source.Options{Dir: filepath.Join(t.TempDir(), "x")})
	if fault.CodeOf(err) != fault.File || !strings.Contains(flatten(err)[0].Hint, "bellows init") {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "x")
	write(t, file, "")
	if _, err = Open(source.Options{Dir: file}); !strings.Contains(err.Error(), "a file, not a folder") {
		t.Errorf("got %v", err)
	}
}

// TestUnreadable uses a file system that refuses, because root reads everything.
func TestUnreadable(t *testing.T) {
	_, err := Open(source.Options{FS: refusing{fstest.MapFS{"1_a.sql": {Data: []byte(up)}}}})
	if fault.CodeOf(err) != fault.File || !strings.Contains(err.Error(), "migrations/1_a.sql: no right to read this") {
		t.Errorf("got %v", err)
	}
}

type refusing struct{ fstest.MapFS }

func (r refusing) Open(name string) (fs.File, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return r.MapFS.Open(name)
}

func TestManyProblemsAreCut(t *testing.T) {
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("%03d_x.sql", i)] = "-- migrate:upp\n"
	}
	_, err := folder(t, files)
	all := flatten(err)
	if len(all) != 21 || all[20].Msg != "30 problems more" || !strings.HasPrefix(all[0].Error(), "migrations/000_x.sql:1:12") {
		t.Errorf("%d problems: %v", len(all), err)
	}
}

// TestTemplateStateIsReadable: a file without SQL is an error when it is to be
// run, not when the folder is read, so that two new files can be made in a row.
func TestTemplateStateIsReadable(t *testing.T) {
	f, err := folder(t, map[string]string{"1_a.sql": "-- migrate:up\n-- to be written\n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Script("1"); fault.CodeOf(err) != fault.Syntax {
		t.Errorf("got %v", err)
	}
}
