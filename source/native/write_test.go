package native

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
)

// noon is some time, in a zone that is not UTC.
var noon = time.Date(2026, 11, 19, 12, 30, 0, 0, time.FixedZone("x", 3*3600))

func TestNextID(t *testing.T) {
	for _, c := range []struct{ there, want string }{
		{"", "20261119093000"},
		{"20261119092959 7", "20261119093000"},
		{"20261119093000", "20261119093001"},
		{"20261231235959 20261119093000", "20270101000000"},
		{"99999999999999", "100000000000000"},
		{"20269999999998", "20269999999999"},
		{"20261119093000b", "20261119093000b1"},
	} {
		var revs []revision.Revision
		for _, id := range strings.Fields(c.there) {
			revs = append(revs, revision.Revision{ID: revision.ID(id)})
		}
		revs = append(revs, revision.Revision{ID: "R:zzz", Kind: revision.Repeatable})
		if got := NextID(noon, revs); string(got) != c.want {
			t.Errorf("after %q: got %s, want %s", c.there, got, c.want)
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"create_posts": "create_posts", " Create  posts! ": "create_posts", "add-loc.sql": "add_loc_sql", "Größe ändern": "größe_ändern",
		"2FA": "2fa", "../../etc/passwd": "etc_passwd",
	} {
		if got, err := Slug(in); err != nil || got != want {
			t.Errorf("%q: got %q %v", in, got, err)
		}
	}
	for _, in := range []string{"", "--", strings.Repeat("x", 101)} {
		if _, err := Slug(in); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

// TestDraftsAreReadAgain: what is written can be read, by its head; the texts
// that need SQL say so when they are to be run.
func TestDraftsAreReadAgain(t *testing.T) {
	base := Draft{ID: "5", Slug: "x", Parents: []revision.ID{"4"}, Label: "geo"}
	with := func(change func(d *Draft)) Draft { d := base; change(&d); return d }
	for name, c := range map[string]struct {
		d     Draft
		ready bool
	}{
		"schema":   {base, false},
		"base":     {with(func(d *Draft) { d.Parents = nil }), false},
		"data":     {with(func(d *Draft) { d.Kind = revision.Data }), false},
		"backfill": {with(func(d *Draft) { d.Kind, d.Table = revision.Backfill, "my posts" }), false},
		"change": {with(func(d *Draft) {
			d.Kind, d.Table, d.Old, d.New = revision.Change, "posts", []string{"lat", "lng"}, []string{"loc"}
		}), false},
		"merge":  {with(func(d *Draft) { d.Parents = []revision.ID{"3", "4"} }), true},
		"sql":    {with(func(d *Draft) { d.Up, d.Down = "CREATE;\n\n", "DROP;" }), true},
		"squash": {with(func(d *Draft) { d.Up, d.Parents, d.Replaces = "CREATE;", nil, &revision.Range{From: "1", To: "4"} }), true},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.d.Text(Templates{})
			if err != nil {
				t.Fatal(err)
			}
			f, err := folder(t, map[string]string{c.d.File(): text})
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			r := f.Revisions()[0]
			if r.ID != c.d.ID || r.Name != c.d.Slug || r.Label != "geo" || r.Implied || len(r.Parents) != len(c.d.Parents) ||
				(r.Replaces == nil) != (c.d.Replaces == nil) || c.d.Kind != "" && r.Kind != c.d.Kind {
				t.Errorf("read back %+v of\n%s", r, text)
			}
			if _, err := f.Script("5"); (err == nil) != c.ready {
				t.Errorf("ready %v: %v", c.ready, err)
			}
		})
	}
}

func TestTemplates(t *testing.T) {
	own := fstest.MapFS{
		"schema.sql":   {Data: []byte("-- {{.Slug}}\r\n-- migrate:revises {{.Revises}}\r\n-- migrate:up\r\n")},
		"data.sql":     {Data: []byte("-- migrate:dta\n")},
		"backfill.sql": {Data: []byte("{{.Nothing}}")},
		"README.md":    {Data: []byte("{{")},
	}
	ts, err := ReadTemplates(own, "tpl")
	if err != nil {
		t.Fatal(err)
	}
	d := Draft{ID: "5", Slug: "a_b"}
	if text, err := d.Text(ts); err != nil || text != "-- a_b\n-- migrate:revises none\n-- migrate:up\n" {
		t.Errorf("%q %v", text, err)
	}
	if text, err := (Draft{ID: "5", Slug: "x", Parents: []revision.ID{"1", "2"}}).Text(ts); err != nil || !strings.Contains(text, "Joins") {
		t.Errorf("%q %v", text, err)
	}
	d.Kind = revision.Data
	if _, err := d.Text(ts); err == nil || !strings.HasPrefix(err.Error(), "tpl/data.sql as filled in:1:12: there is no directive \"dta\"") {
		t.Errorf("got %v", err)
	}
	d.Kind = revision.Backfill
	if _, err := d.Text(ts); fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), "tpl/backfill.sql") {
		t.Errorf("got %v", err)
	}
	own["schema.sql"] = &fstest.MapFile{Data: []byte("{{")}
	if _, err := ReadTemplates(own, "tpl"); fault.CodeOf(err) != fault.Config {
		t.Errorf("got %v", err)
	}
	if _, err := ReadTemplates(os.DirFS(filepath.Join(t.TempDir(), "no")), "tpl"); fault.CodeOf(err) != fault.Config {
		t.Errorf("got %v", err)
	}
}

// TestTemplateLanguage: what a template of the user's own may say.
func TestTemplateLanguage(t *testing.T) {
	d := Draft{ID: "20260101000000", Slug: "add_geo", Parents: []revision.ID{"1"}, Up: "CREATE;"}
	for _, c := range []struct{ text, want, bad string }{
		{text: "-- {{.ID}} {{ .Slug }} after {{.Revises}}", want: "-- 20260101000000 add_geo after 1"},
		{text: "a{{/* not shown */}}b {{- .Slug -}} c", want: "abadd_geoc"},
		{text: "{{if .Label}}label {{.Label}}{{else if .Up}}up{{else}}none{{end}}", want: "up"},
		{text: "{{if .Down}}x{{end}}{{if not .Down}}y{{end}}", want: "y"},
		{text: "{{if and .Up (not .Label)}}1{{end}}{{if or .Label .Down}}2{{end}}{{or .Label .Slug}}", want: "1add_geo"},
		{text: `{{if eq .Slug "x" "add_geo"}}eq{{end}}{{if ne .Slug "x"}}ne{{end}}`, want: "eqne"},
		{text: `{{.ID | printf "%.8s"}} {{printf "%q" .Slug}} {{print "a" true}}`, want: `20260101 "add_geo" atrue`},
		{text: "\n  {{.Author}}", bad: "tpl/schema.sql:3:5: this template cannot be filled in: there is no field .Author"},
		{text: "{{.Slug.Length}}", bad: "tpl/schema.sql:2:8: this template cannot be filled in: there is no field .Slug.Length"},
		{text: "{{range .Old}}x{{end}}", bad: "a template for migrations has no such thing as {{range .Old}}x{{end}}"},
		{text: "{{$x := .ID}}", bad: "no such thing as $x := .ID"},
		{text: "{{.}}", bad: "no such thing as ."},
		{text: "{{.Slug .ID}}", bad: ".Slug is no function"},
		{text: "{{eq .Slug}}", bad: "eq cannot be called with that"},
		{text: "{{printf true}}", bad: "printf cannot be called with that"},
	} {
		ts, err := ReadTemplates(fstest.MapFS{"schema.sql": {Data: []byte("-- migrate:up\n" + c.text)}}, "tpl")
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		text, err := d.Text(ts)
		if c.bad != "" && (fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), c.bad)) || c.bad == "" && (err != nil || text != "-- migrate:up\n"+c.want) {
			t.Errorf("%s: got %q %v", c.text, text, err)
		}
	}
	for text, want := range map[string]string{
		"x\n{{if .ID}}":   "tpl/data.sql:2: this is no template: unexpected EOF",
		"{{upper .Slug}}": "tpl/data.sql:1: this is no template: function \"upper\" not defined",
	} {
		if _, err := ReadTemplates(fstest.MapFS{"data.sql": {Data: []byte(text)}}, "tpl"); fault.CodeOf(err) != fault.Config || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestBeginning(t *testing.T) {
	disk := Disk{Dir: t.TempDir()}
	all := Beginning("db/m", `sqlite:C:\x "y".db`, noon)
	if err := WriteAll(disk, all); err != nil {
		t.Fatal(err)
	}
	f, err := Open(source.Options{Dir: filepath.Join(disk.Dir, "db/m")})
	if err != nil || len(f.Revisions()) != 1 {
		t.Fatalf("%v %v", f, err)
	}
	if _, err := f.Script("20261119093000"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(all[0].Text, `url   = "sqlite:C:\\x \"y\".db"`) {
		t.Errorf("%s", all[0].Text)
	}
	if err := os.Remove(filepath.Join(disk.Dir, all[0].Path)); err != nil {
		t.Fatal(err)
	}
	if err := WriteAll(disk, all); fault.CodeOf(err) != fault.Exists {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(disk.Dir, all[0].Path)); err == nil {
		t.Error("half of the files were written")
	}
}

func TestRevise(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"replace", "-- note\n--  migrate:revises 1,  2\n-- migrate:up\nx\n", "-- note\n--  migrate:revises 8, 9\n-- migrate:up\nx\n"},
		{"mark and CRLF", "\ufeff-- migrate:revises none \t\r\n-- migrate:up\r\nx\n", "\ufeff-- migrate:revises 8, 9 \t\r\n-- migrate:up\r\nx\n"},
		{"insert", "-- migrate:up\nx", "-- migrate:revises 8, 9\n-- migrate:up\nx"},
		{"insert with mark and CRLF", "\ufeff-- migrate:up\r\nx\r\n", "\ufeff-- migrate:revises 8, 9\r\n-- migrate:up\r\nx\r\n"},
		{"only the header counts", "-- migrate:up\n-- migrate:revises 1\n", "-- migrate:revises 8, 9\n-- migrate:up\n-- migrate:revises 1\n"},
		{"tab", "-- migrate:revises\t1\n-- migrate:up\n", "-- migrate:revises 8, 9\n-- migrate:up\n"},
		{"word in the middle", "-- migrate:label revises\n-- migrate:revises revises\n", "-- migrate:label revises\n-- migrate:revises 8, 9\n"},
	} {
		got, err := Revise("f", []byte(c.text), []revision.ID{"8", "9"})
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\ngot  %q %v\nwant %q", c.name, got, err, c.want)
		}
	}
	if _, err := Revise("f", []byte("-- migrate:revise 1\n"), nil); fault.CodeOf(err) != fault.Syntax {
		t.Errorf("got %v", err)
	}
	if got, err := Revise("f", []byte("-- migrate:revises 1\n"), nil); err != nil || string(got) != "-- migrate:revises none\n" {
		t.Errorf("%q %v", got, err)
	}
}

func TestDisk(t *testing.T) {
	disk := Disk{Dir: t.TempDir()}
	path, err := Write(disk, "a/b", Draft{ID: "1", Slug: "x"}, Templates{})
	if err != nil || filepath.ToSlash(path) != "a/b/1_x.sql" {
		t.Fatalf("%s %v", path, err)
	}
	if _, err := Write(disk, "a/b", Draft{ID: "1", Slug: "x"}, Templates{}); fault.CodeOf(err) != fault.Exists {
		t.Errorf("got %v", err)
	}
	full := filepath.Join(disk.Dir, path)
	old, err := os.ReadFile(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(full, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disk.Replace(path, []byte("other"), []byte("new")); fault.CodeOf(err) != fault.File {
		t.Errorf("a changed file was replaced: %v", err)
	}
	if err := disk.Replace(path, old, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(full); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	write(t, filepath.Join(disk.Dir, "a/b/2_y.sql"), "there")
	if err := disk.Move(path, "a/b/2_y.sql"); fault.CodeOf(err) != fault.Exists {
		t.Errorf("got %v", err)
	}
	if err := disk.Move(path, "a/b/3_x.sql"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(disk.Dir, "a/b"))
	if err != nil || len(entries) != 2 || entries[0].Name() != "2_y.sql" || entries[1].Name() != "3_x.sql" {
		t.Errorf("%v %v", entries, err)
	}
	if err := disk.Move("none", "other"); fault.CodeOf(err) != fault.File {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(disk.Dir, "file"), "")
	if err := disk.Create("file/1_x.sql", "x"); fault.CodeOf(err) != fault.File {
		t.Errorf("got %v", err)
	}
}
