//go:build realinput

package realinput

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

var folders = flag.String("folders", "", "the `directory` under which migration folders are")

// TestFolders runs every folder on every database that it is for.
func TestFolders(t *testing.T) {
	if *folders == "" {
		t.Fatal("name the directory: make real DIR=/path/with/checkouts")
	}
	found := discover(t, *folders)
	if len(found) == 0 {
		t.Fatalf("there is no migration folder under %s", *folders)
	}
	var table []*count
	for _, f := range found {
		for _, e := range enginesFor(t, f) {
			name := strings.TrimPrefix(f.dir, *folders+"/") + " on " + e.name
			t.Run(strings.ReplaceAll(name, "/", "·"), func(t *testing.T) {
				c := &count{name: name}
				table = append(table, c)
				r := &round{T: t, folder: f, engine: e, count: c}
				r.run()
			})
		}
	}
	t.Log("\n" + tabulate(table))
}

// folderOf is a migration folder: its files in order.
type folderOf struct {
	dir, format string
	steps       []step
}

// step is one migration: its two files, "" where there is none.
type step struct{ id, up, down string }

var (
	halves  = regexp.MustCompile(`^(\d+)_.*\.(up|down)\.sql$`)
	dbmates = regexp.MustCompile(`^\d+.*\.sql$`)
)

// discover finds the migration folders under a directory.
func discover(t *testing.T, root string) []folderOf {
	var found []folderOf
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		m, err := bellows.OpenFolder(bellows.Options{Dir: path, Flat: true, Format: formatOf(path)}, "")
		if err != nil || m.Graph().Len() == 0 {
			return nil
		}
		f := folderOf{dir: path, format: m.Format()}
		for _, id := range m.Graph().Order() {
			rev, _ := m.Graph().Lookup(id)
			f.steps = append(f.steps, stepOf(t, m, string(id), rev.File))
		}
		found = append(found, f)
		return fs.SkipDir
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// formatOf tells dbmate's folders from our own, which their names do not.
func formatOf(dir string) string {
	items, _ := os.ReadDir(dir)
	for _, item := range items {
		if dbmates.MatchString(item.Name()) && !halves.MatchString(item.Name()) {
			return "dbmate"
		}
	}
	return ""
}

// stepOf finds the two files of a migration. Those of a format that has both
// directions in one file are written out.
func stepOf(t *testing.T, m *bellows.Migrator, id, file string) step {
	s := step{id: id}
	switch m.Format() {
	case "golang-migrate":
		// The two halves of a pair need not have the same name behind the number.
		s.up, s.down = half(t, file, id, "up"), half(t, file, id, "down")
	case "diesel":
		s.up, s.down = file, filepath.Join(filepath.Dir(file), "down.sql")
	default:
		_, script, err := m.Revision(id)
		if err != nil {
			t.Fatal(err)
		}
		if script.Up != nil {
			s.up = writeOut(t, script.Up.SQL)
		}
		if script.Down != nil {
			s.down = writeOut(t, script.Down.SQL)
		}
		return s
	}
	if info, err := os.Stat(s.down); err != nil || info.Size() == 0 && m.Format() == "diesel" {
		s.down = ""
	}
	return s
}

// half is the file of a version and direction in the folder of another, or "".
func half(t *testing.T, other, id, direction string) string {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(other), id+"_*."+direction+".*"))
	if err != nil || len(found) > 1 {
		t.Fatal(found, err)
	}
	return strings.Join(found, "")
}

func writeOut(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "section.sql")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// enginesFor are the databases that a folder is for: those that its path names,
// else those whose client takes all files up.
func enginesFor(t *testing.T, f folderOf) []engine {
	var named, fit []engine
	for _, e := range engines(t) {
		for _, word := range e.words {
			if strings.Contains(strings.ToLower(f.dir), word) {
				named = append(named, e)
				break
			}
		}
	}
	for i, e := range named {
		if e.name == "SQLite" {
			takes(t, e, f) // which finds out whether the shell is too old
		}
		if e.name == "MariaDB" && !takes(t, e, f) {
			if e.fresh = loose; takes(t, e, f) {
				named[i] = e
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	for _, e := range engines(t) {
		if takes(t, e, f) {
			fit = append(fit, e)
		}
	}
	if len(fit) == 0 {
		t.Errorf("%s: no database's client takes all of its files", f.dir)
	}
	return fit
}

// takes tells whether a database's client runs all files up.
func takes(t *testing.T, e engine, f folderOf) bool {
	url := e.fresh(t)
	for _, s := range f.steps {
		if s.up != "" && e.client(t, url, s.up) != "" {
			return false
		}
	}
	return true
}

// count is a line of the table.
type count struct {
	name                             string
	steps, up, far, down, again      int // migrations run
	upWrong, downWrong, againWrong   int // files on which the client fails in the same way
	noDown                           int
	volatile, tables, rows, compared int
	differences, ours                int
}

// round is one folder on one database.
type round struct {
	*testing.T
	folder   folderOf
	engine   engine
	count    *count
	url, ref string
	twin     string // the client a second time: what differs between two runs is nobody's fault
	files    map[string]step
}

func (r *round) run() {
	r.url, r.ref, r.twin = r.engine.fresh(r), r.engine.fresh(r), r.engine.fresh(r)
	r.files = map[string]step{}
	for _, s := range r.folder.steps {
		r.files[s.id] = s
	}
	r.count.steps = len(r.folder.steps)
	all := r.folder.steps
	r.count.up, r.count.upWrong = r.travel("up", all)
	r.compare("after up")
	// As far down as every down file is good, and up again: all is as before.
	far := r.reversible()
	_, _ = r.travel("down", all[far:])
	r.compare("after the way down to the first bad file")
	r.count.far, _ = r.travel("up", all[far:])
	r.compare("after the way up from there")
	r.count.down, r.count.downWrong = r.travel("down", all)
	r.compare("after down")
	r.count.again, r.count.againWrong = r.travel("up", all)
	r.compare("after up again")
}

// reversible is the number of the migration from which on the client can run
// every down file.
func (r *round) reversible() int {
	url := r.engine.fresh(r)
	for _, s := range r.folder.steps {
		if s.up != "" {
			_ = r.engine.client(r, url, s.up)
		}
	}
	for i := len(r.folder.steps) - 1; i >= 0; i-- {
		if s := r.folder.steps[i]; s.down == "" || r.engine.client(r, url, s.down) != "" {
			return i + 1
		}
	}
	return 0
}

// travel goes through all of the steps in one direction, and follows with the client.
func (r *round) travel(verb string, steps []step) (done, wrong int) {
	ctx := context.Background()
	left := []string{}
	for _, s := range steps {
		left = append(left, s.id)
	}
	target := "heads"
	if verb == "down" {
		slices.Reverse(left)
		target = "base"
		if before := len(r.folder.steps) - len(steps); before > 0 {
			target = r.folder.steps[before-1].id
		}
	}
	bound := 0 // all in one run, until a plan of all is refused for one in the middle
	for len(left) > 0 {
		m, err := bellows.Open(ctx, r.url, bellows.Options{Dir: r.folder.dir, Flat: true, Format: r.folder.format})
		if err != nil {
			r.Fatal(err)
		}
		var report bellows.Report
		if verb == "up" {
			report, err = m.UpWith(ctx, bellows.Request{Verb: verb, Target: target, Steps: bound})
		} else {
			report, err = m.DownWith(ctx, bellows.Request{Verb: verb, Target: target, Steps: bound})
		}
		for _, id := range append(report.Applied, report.Reverted...) {
			if left[0] != id {
				r.Fatalf("%s: ran %s where %s was next", verb, id, left[0])
			}
			r.follow(verb, id)
			left = left[1:]
			done++
		}
		if len(report.Applied)+len(report.Reverted) == 0 && err != nil && bound == 0 {
			bound = 1
		} else if err != nil && len(left) > 0 {
			r.both(verb, left[0], err)
			r.pass(m, verb, left)
			left = left[1:]
			wrong++
		} else if err != nil {
			r.Fatal(err)
		} else if len(left) > 0 && bound == 0 {
			r.Fatalf("%s: stopped before %s without an error", verb, left[0])
		}
		m.Close()
	}
	return done, wrong
}

func (s step) file(verb string) string {
	if verb == "down" {
		return s.down
	}
	return s.up
}

// follow does with the client what we did.
func (r *round) follow(verb, id string) {
	file := r.files[id].file(verb)
	if file == "" {
		return
	}
	for _, url := range []string{r.ref, r.twin} {
		if said := r.engine.client(r, url, file); said != "" {
			r.count.differences++
			r.Fatalf("%s %s went well here, but the client fails: %s", verb, id, said)
		}
	}
}

// both demands that the client fails as we did.
func (r *round) both(verb, id string, err error) {
	file := r.files[id].file(verb)
	if file == "" && fault.Has(err, fault.Irreversible) {
		r.count.noDown++
		return
	}
	said := r.engine.client(r, r.ref, file)
	_ = r.engine.client(r, r.twin, file)
	var e *db.Error
	switch {
	case said == "":
		r.count.ours++
		r.Errorf("%s %s: the client runs it, we do not: %v", verb, id, err)
	case !errors.As(err, &e):
		r.Logf("%s %s is refused by both.\nwe: %v\nclient: %s", verb, id, err, said)
	case !strings.Contains(r.anonymous(said), r.anonymous(e.Message)):
		r.count.differences++
		r.Errorf("%s %s fails differently.\nwe: %v\nclient: %s", verb, id, err, said)
	default:
		r.Logf("%s %s is wrong upstream, the client says the same: %s", verb, id, strings.TrimSpace(said))
	}
}

// anonymous leaves the names of the databases out.
func (r *round) anonymous(text string) string {
	for _, raw := range []string{r.url, r.ref} {
		if u, err := url.Parse(raw); err == nil && len(u.Path) > 1 {
			text = strings.ReplaceAll(text, u.Path[1:], "DATABASE")
		}
	}
	return text
}

// pass records a migration that nobody can run as done, to go on behind it.
func (r *round) pass(m *bellows.Migrator, verb string, left []string) {
	ctx := context.Background()
	fix := map[string]string{"up": "mark-applied", "down": "mark-reverted"}[verb]
	if err := m.Repair(ctx, bellows.RepairRequest{Action: fix, Revision: left[0]}); err == nil {
		return
	}
	target := left[0]
	if verb == "down" {
		target = "base"
		if len(left) > 1 {
			target = left[1]
		}
	}
	if _, err := m.Stamp(ctx, target, bellows.StampOptions{}); err != nil {
		r.Fatalf("stamping past %s: %v", left[0], err)
	}
}

// compare demands that schema and data are the client's.
func (r *round) compare(when string) {
	r.count.compared++
	got, want := r.engine.schema(r, r.url), r.engine.schema(r, r.ref)
	if got != want {
		r.count.differences++
		r.Errorf("%s: the schema differs from the client's:\n%s", when, firstDifference(got, want))
	}
	mine, theirs, twins := r.engine.data(r, r.url), r.engine.data(r, r.ref), r.engine.data(r, r.twin)
	if !slices.Equal(keys(mine), keys(theirs)) {
		r.count.differences++
		r.Errorf("%s: columns %v, the client's %v", when, keys(mine), keys(theirs))
		return
	}
	for column, want := range theirs {
		switch {
		case want != twins[column]:
			r.count.volatile++
		case mine[column] != want:
			r.count.differences++
			r.Errorf("%s: the data of %s differs from the client's:\n%s", when, column, firstDifference(mine[column], want))
		}
		r.count.tables++
		r.count.rows = max(r.count.rows, strings.Count(want, "\n"))
	}
}

func keys(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "(end)", "(end)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d\n got: %s\nwant: %s", i+1, x, y)
		}
	}
	return "(the same)"
}

func tabulate(table []*count) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-64s %5s %5s %9s %5s %5s | %7s %9s %8s %7s | %8s %8s %8s %5s\n", "folder", "files", "up", "there-back", "down", "again", "up-both", "down-both", "re-both", "no-down", "compared", "columns", "volatile", "wrong")
	for _, c := range table {
		fmt.Fprintf(&b, "%-64s %5d %5d %9d %5d %5d | %7d %9d %8d %7d | %8d %8d %8d %5d\n", c.name, c.steps, c.up, c.far, c.down, c.again,
			c.upWrong, c.downWrong-c.noDown, c.againWrong, c.noDown, c.compared, c.tables, c.volatile, c.differences+c.ours)
	}
	return b.String()
}
