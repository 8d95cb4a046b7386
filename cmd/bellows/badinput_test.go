package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// bad is a thing that goes wrong, and what must be said about it.
type bad struct {
	name string
	on   string            // kind of database: "" is SQLite, "none" is no URL at all
	args string            // of the command line, separated by blanks; "" is "up"
	m    map[string]string // files in the folder m, where m/1_base.sql is applied; "-" removes one
	set  func(t *testing.T, s *scene)

	exit int
	code fault.Code
	at   string // place of the first error, "" for none
	// acts: something is applied before it goes wrong, as the case is meant.
	acts  bool
	after func(t *testing.T, s *scene)
}

// scene is where one case is played: a project with one applied migration.
type scene struct {
	dir   string
	url   string // of the database, for us
	use   string // of the database, for the program
	args  []string
	env   []string
	in    io.Reader
	out   io.Writer // nil: what is written is looked at
	as    *syscall.Credential
	shell string            // wraps the program; "" is none
	words map[string]string // what stands in the golden file for words of this run
}

const baseSQL = "-- migrate:revises none\n-- migrate:up\nCREATE TABLE base (id integer PRIMARY KEY, name varchar(20));\n-- migrate:down\nDROP TABLE base;\n"

// TestBadInput plays every case twice, for each face in a scene of its own, and
// demands of each: the exit code; the code, place and hint of the error; the
// same from both faces; that nothing was applied and nothing was lost; that no
// password is shown or kept; and that it ends.
func TestBadInput(t *testing.T) {
	all := slices.Concat(badFiles(), badStatements(), badHistory(), badSettings(), badWords(), badServers(), badSystem())
	said := make([]string, len(all))
	t.Cleanup(func() {
		if program, err := publicProgram(); err == nil {
			_ = os.RemoveAll(filepath.Dir(program))
		}
	})
	names := map[string]bool{}
	t.Run("case", func(t *testing.T) {
		for i, b := range all {
			if names[b.name] {
				t.Fatalf("two cases are called %s", b.name)
			}
			names[b.name] = true
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				said[i] = b.play(t)
			})
		}
	})
	if !slices.Contains(said, "") { // all were played
		golden(t, "testdata/badinput.golden", goldenHead(len(all))+strings.Join(said, "\n"))
	}
}

func goldenHead(n int) string {
	return fmt.Sprintf("What %d kinds of bad input get to read. Folder m holds 1_base.sql, which is applied.\n\n", n)
}

// play shows the case to both faces.
func (b bad) play(t *testing.T) string {
	text := b.show(t, false)
	told := b.show(t, true)
	faults := b.faults(t, told.out)
	b.compare(t, text, faults)
	return b.golden(text)
}

// showing is how a program that went wrong ended.
type showing struct {
	args     []string
	out, err string
	words    map[string]string
}

func (b bad) show(t *testing.T, asJSON bool) showing {
	t.Helper()
	s := b.scene(t)
	if asJSON {
		s.args = append([]string{"--json"}, s.args...)
	}
	before := stateOf(t, s.url)
	out, errs, exit := s.run(t)
	if exit != b.exit {
		t.Errorf("exit code %d, want %d\n%s%s", exit, b.exit, out, errs)
	}
	if b.after != nil {
		b.after(t, s)
	}
	after := stateOf(t, s.url)
	if !b.acts && (before.user != after.user || before.applied != after.applied) {
		t.Errorf("the database is not what it was:\n%s%s\nbut was:\n%s%s", after.user, after.applied, before.user, before.applied)
	}
	if !strings.HasPrefix(after.journal, before.journal) {
		t.Errorf("the journal lost something: %s, was %s", after.journal, before.journal)
	}
	for what, text := range map[string]string{"stdout": out, "stderr": errs, "the database": after.all} {
		if strings.Contains(text, testdb.Password) {
			t.Errorf("the password stands in %s:\n%s", what, text)
		}
	}
	return showing{args: b.words(), out: out, err: errs, words: s.words}
}

func (b bad) words() []string {
	if b.args == "" {
		return []string{"up"}
	}
	return strings.Fields(b.args)
}

// scene makes the project and the database.
func (b bad) scene(t *testing.T) *scene {
	t.Helper()
	s := &scene{dir: t.TempDir(), args: b.words(), words: map[string]string{}}
	s.write(t, "m/1_base.sql", baseSQL)
	switch b.on {
	case "":
		s.url = testdb.SQLite(t)
	case "postgres":
		s.url = testdb.Postgres(t)
	case "mariadb":
		s.url = testdb.MariaDB(t)
	}
	if s.url != "" {
		s.base(t)
	}
	if u, err := url.Parse(s.url); err == nil && u.User != nil {
		s.words[u.User.Username()] = "OWNER"
	}
	s.use = s.url
	for name, text := range b.m {
		s.write(t, "m/"+name, text)
	}
	if b.set != nil {
		b.set(t, s)
	}
	return s
}

// base applies the first migration and puts a row into its table.
func (s *scene) base(t *testing.T) {
	t.Helper()
	if path, ok := strings.CutPrefix(s.url, "sqlite:"); ok {
		data, err := sqliteBase()
		if err == nil {
			err = os.WriteFile(path, data, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := applyBase(s.url); err != nil {
		t.Fatal(err)
	}
}

// sqliteBase is the file that [applyBase] makes.
var sqliteBase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "bellows-base-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := applyBase("sqlite:" + dir + "/base.db"); err != nil {
		return nil, err
	}
	return os.ReadFile(dir + "/base.db")
})

func applyBase(url string) error {
	dir, err := os.MkdirTemp("", "bellows-base-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(dir+"/1_base.sql", []byte(baseSQL), 0o666); err != nil {
		return err
	}
	ctx := context.Background()
	m, err := bellows.Open(ctx, url, bellows.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := m.Up(ctx, bellows.Head); err != nil {
		return err
	}
	return execute(url, "INSERT INTO base VALUES (1, 'kept')")
}

// execute runs statements in a session of its own.
func execute(url string, statements ...string) error {
	ctx := context.Background()
	c, err := bellows.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// write writes a file of the project; the text "-" removes it.
func (s *scene) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	switch {
	case err != nil:
	case text == "-":
		err = os.Remove(path)
	default:
		err = os.WriteFile(path, []byte(text), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// limit is how long any case may take: it only ends what hangs.
const limit = 90 * time.Second

// run runs the program and gives what it says and its exit code.
func (s *scene) run(t *testing.T) (out, errs string, exit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := s.command(ctx)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if s.out != nil {
		cmd.Stdout = s.out
	}
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("it hangs: %s%s", o.String(), e.String())
	}
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// command is the program in the scene, with nothing of this process's environment.
func (s *scene) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bellows", s.args...)
	if s.shell != "" {
		cmd = exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", s.shell, "bellows"}, s.args...)...)
	}
	cmd.Dir, cmd.Stdin = s.dir, s.in
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "BELLOWS_DIR=m"}
	if s.use != "" {
		cmd.Env = append(cmd.Env, "BELLOWS_URL="+s.use)
	}
	cmd.Env = append(cmd.Env, s.env...)
	if s.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	return cmd
}

// told is an error as the face for programs shows it.
type told struct {
	Type, Code, Message, Hint, File string
	Line, V, Exit                   int
	Column                          any // the name of a column in other objects
	OK                              bool
}

func (x told) pos() string {
	column, _ := x.Column.(float64)
	return fault.Pos{File: x.File, Line: x.Line, Column: int(column)}.String()
}

// faults reads the objects of the JSON face and checks their form.
func (b bad) faults(t *testing.T, out string) []told {
	t.Helper()
	var faults []told
	var last told
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		last = told{}
		if err := json.Unmarshal([]byte(line), &last); err != nil || last.V != 1 || last.Type == "" {
			t.Fatalf("not an object of ours: %q (%v)", line, err)
		}
		if last.Type == "error" {
			faults = append(faults, last)
		}
	}
	if last.Type != "result" || last.OK || last.Exit != b.exit {
		t.Errorf("the last object is %+v", last)
	}
	if len(faults) == 0 {
		t.Fatalf("no error among the objects:\n%s", out)
	}
	for _, f := range faults {
		if f.Code == "" || f.Message == "" || f.Hint == "" {
			t.Errorf("incomplete: %+v", f)
		}
		if fault.Code(f.Code) == fault.Internal {
			t.Errorf("a defect, not an answer: %+v", f)
		}
	}
	if fault.Code(faults[0].Code) != b.code || faults[0].pos() != b.at {
		t.Errorf("code %s at %q, want %s at %q: %s", faults[0].Code, faults[0].pos(), b.code, b.at, faults[0].Message)
	}
	return faults
}

// compare demands that both faces say the same.
func (b bad) compare(t *testing.T, text showing, faults []told) {
	t.Helper()
	if got := strings.Count("\n"+text.err, "\nerror: "); got != min(len(faults), 21) {
		t.Errorf("%d errors for people and %d for programs:\n%s", got, len(faults), text.err)
	}
	if got := strings.Count(text.err, "\nhint: "); got != min(len(faults), 21) {
		t.Errorf("%d of %d errors have a hint:\n%s", got, len(faults), text.err)
	}
	if b.at != "" && !strings.Contains(text.err, "\n  at "+b.at+"\n") {
		t.Errorf("no place %s in:\n%s", b.at, text.err)
	}
}

// golden is what a person gets to read, without what differs from run to run.
func (b bad) golden(s showing) string {
	text := s.err
	for _, word := range slices.SortedFunc(maps.Keys(s.words), func(a, b string) int { return len(b) - len(a) }) {
		text = strings.ReplaceAll(text, word, s.words[word])
	}
	for _, v := range varying {
		text = v.form.ReplaceAllString(text, v.word)
	}
	on := b.on
	if on == "" {
		on = "sqlite"
	}
	return fmt.Sprintf("=== %s (%s)\n$ bellows %s\n%s[exit %d]\n", b.name, on, strings.Join(s.args, " "), text, b.exit)
}

// varying are the forms of words that differ from run to run.
var varying = []struct {
	form *regexp.Regexp
	word string
}{
	{regexp.MustCompile(`(/[\w.+-]+)*/TestBadInput\w*/\d+`), "DIR"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST:PORT"},
	{regexp.MustCompile(`\bt_\d+_\d+\b`), "NAME"},
	{regexp.MustCompile(`\b\d{8}T\d{6}-[0-9a-f]{8}\b`), "RUN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?( UTC)?`), "TIME"},
	{regexp.MustCompile(`\b(in|for) \d+(\.\d+)? ?(ms|µs|s)\b`), "$1 DURATION"},
	{regexp.MustCompile(`(?m)  <?\d+(\.\d+)? ?(ms|µs|s)$`), "  DURATION"},
	{regexp.MustCompile(`20\d{12}`), "ID"},
	{regexp.MustCompile(`\b(pid|process|session|PID) \d+`), "$1 N"},
}

// state is what a database holds.
type state struct{ user, applied, journal, all string }

// stateOf reads all of a database; nothing of one that is not there.
func stateOf(t *testing.T, raw string) state {
	t.Helper()
	var st state
	path, isFile := strings.CutPrefix(raw, "sqlite:")
	if _, err := os.Stat(path); raw == "" || isFile && err != nil {
		return st
	}
	list := map[string]string{
		"sqlite":   "SELECT '\"' || name || '\"', sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
		"postgres": "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name), string_agg(column_name || ' ' || data_type, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema') GROUP BY 1 ORDER BY 1",
		"mysql":    "SELECT CONCAT('`', table_name, '`'), GROUP_CONCAT(column_name, ' ', column_type) FROM information_schema.columns WHERE table_schema = DATABASE() GROUP BY 1 ORDER BY 1",
	}[strings.Split(raw, ":")[0]]
	tables, err := rowsOf(raw, list)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		name := fmt.Sprint(table[0])
		rows, err := rowsOf(raw, "SELECT * FROM "+name)
		if err != nil {
			t.Fatal(err)
		}
		text := name + " (" + fmt.Sprint(table[1]) + ")\n"
		for _, row := range rows {
			text += "  " + fmt.Sprint(row) + "\n"
		}
		st.all += text
		switch {
		case !strings.Contains(name, "bellows"):
			st.user += text
		case strings.Contains(name, "revision"):
			st.applied += appliedOf(rows)
		case strings.Contains(name, "journal"):
			st.journal = strings.Join(strings.Split(text, "\n")[1:], "\n")
		}
	}
	return st
}

// appliedOf are the revisions that the rows of the ledger call applied.
func appliedOf(rows [][]any) string {
	var ids []string
	for _, row := range rows {
		if slices.Contains(row, any("applied")) {
			ids = append(ids, fmt.Sprint(row[0]))
		}
	}
	slices.Sort(ids)
	return "applied: " + strings.Join(ids, " ")
}

func rowsOf(url, sql string) ([][]any, error) {
	ctx := context.Background()
	c, err := bellows.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	defer rows.Close()
	var all [][]any
	for rows.Next() {
		row := make([]any, len(rows.Columns()))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// sql runs statements on the scene's database, as its owner.
func (s *scene) sql(t *testing.T, statements ...string) {
	t.Helper()
	if err := execute(s.url, statements...); err != nil {
		t.Fatal(err)
	}
}

// with changes a URL.
func with(t *testing.T, raw string, change func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("not a URL")
	}
	change(u)
	return u.String()
}

// nobody makes the program run as a user without rights, who may read what the
// scene holds and use its database file.
func (s *scene) nobody(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const id = 65534
	s.as = &syscall.Credential{Uid: id, Gid: id, NoSetGroups: false}
	for _, root := range []string{s.dir, strings.TrimPrefix(s.url, "sqlite:")} {
		if root == "" {
			continue
		}
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, id, id))
		})
		if err != nil {
			t.Fatal(err)
		}
		for dir := filepath.Dir(root); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	open, err := publicProgram()
	if err != nil {
		t.Fatal(err)
	}
	s.shell = open + ` "$@"`
}

// publicProgram is the program at a place where everybody may run it.
var publicProgram = sync.OnceValues(func() (string, error) {
	program, err := exec.LookPath("bellows")
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("bellows-badinput-%d", os.Getpid()))
	to := filepath.Join(dir, "bellows")
	return to, errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(to, data, 0o755))
})
