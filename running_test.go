package bellows_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// The running_*_test.go files prove, sentence by sentence, what is promised of
// running migrations. Each kind of database is a [server]; what only one of them
// can do is tested on that one.

// server is a kind of database.
type server struct {
	name  string
	fresh func(testing.TB) string
}

var (
	onSQLite   = server{"sqlite", testdb.SQLite}
	onPostgres = server{"postgres", testdb.Postgres}
	onMariaDB  = server{"mariadb", testdb.MariaDB}
)

// everywhere runs a test on every kind of database, side by side.
func everywhere(t *testing.T, test func(t *testing.T, s server)) {
	t.Helper()
	on(t, []server{onSQLite, onPostgres, onMariaDB}, test)
}

func on(t *testing.T, servers []server, test func(t *testing.T, s server)) {
	t.Helper()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// table spells one of the ledger's tables.
func (s server) table(name string) string {
	if s.name == "postgres" {
		return "bellows." + name
	}
	return "bellows_" + name
}

// mark is the first argument of a statement.
func (s server) mark() string {
	if s.name == "postgres" {
		return "$1"
	}
	return "?"
}

// patient is a context that ends when something hangs.
func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// migrator opens a migrator that is closed at the end of the test.
func migrator(t testing.TB, url string, o bellows.Options) *bellows.Migrator {
	t.Helper()
	m, err := bellows.Open(patient(t), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// up applies everything and demands success.
func up(t testing.TB, m *bellows.Migrator) bellows.Report {
	t.Helper()
	rep, err := m.Up(patient(t), "heads")
	if err != nil {
		t.Fatalf("up: %v", err)
	}
	return rep
}

// down reverts to a target and demands success.
func down(t testing.TB, m *bellows.Migrator, target string) bellows.Report {
	t.Helper()
	rep, err := m.Down(patient(t), target)
	if err != nil {
		t.Fatalf("down %s: %v", target, err)
	}
	return rep
}

// refused demands an error with a code, whose text and hint hold all the words.
func refused(t testing.TB, err error, code fault.Code, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want %s", code)
	}
	if !fault.Has(err, code) {
		t.Fatalf("%s: %v; want %s", fault.CodeOf(err), err, code)
	}
	all := said(err)
	for _, w := range words {
		if !strings.Contains(all, w) {
			t.Errorf("%q is missing in: %s", w, all)
		}
	}
	if strings.Contains(all, testdb.Password) {
		t.Errorf("the password is in: %s", all)
	}
}

// said is everything a person reads of an error.
func said(err error) string {
	var b strings.Builder
	b.WriteString(err.Error())
	for _, f := range faults(err) {
		b.WriteString("\n" + f.Hint)
		if f.Pos != nil {
			b.WriteString("\n" + f.Pos.Text)
		}
	}
	return b.String()
}

// faults are all faults in an error's tree.
func faults(err error) []*fault.Error {
	if err == nil {
		return nil
	}
	var out []*fault.Error
	if f, ok := err.(*fault.Error); ok {
		out = append(out, f)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		out = append(out, faults(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, x := range e.Unwrap() {
			out = append(out, faults(x)...)
		}
	}
	return out
}

// record keeps every event.
type record struct {
	mu   sync.Mutex
	all  []event.Event
	also func(event.Event)
}

func (r *record) Event(e event.Event) {
	r.mu.Lock()
	r.all = append(r.all, e)
	r.mu.Unlock()
	if r.also != nil {
		r.also(e)
	}
}

// events are those of one type.
func events[E event.Event](r *record) []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []E
	for _, e := range r.all {
		if x, ok := e.(E); ok {
			out = append(out, x)
		}
	}
	return out
}

// gate lets something in one goroutine wait for another one.
type gate struct {
	entered, leave chan struct{}
	once           sync.Once
}

func newGate() *gate { return &gate{entered: make(chan struct{}), leave: make(chan struct{})} }

// pass tells that somebody came, once, and waits.
func (g *gate) pass() {
	g.once.Do(func() { close(g.entered); <-g.leave })
}

// came waits until somebody came.
func (g *gate) came(t testing.TB) {
	t.Helper()
	select {
	case <-g.entered:
	case <-patient(t).Done():
		t.Fatal("nobody came")
	}
}

func (g *gate) open() { close(g.leave) }

// at is a hook that passes the gate at a point.
func (g *gate) at(point string) func(string) {
	return func(name string) {
		if name == point {
			g.pass()
		}
	}
}

// later runs something in the background; the function waits for its error.
func later(t testing.TB, do func() error) func() error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	return func() error {
		t.Helper()
		select {
		case err := <-done:
			return err
		case <-patient(t).Done():
			t.Fatal("it does not end")
			return nil
		}
	}
}

// until looks again and again until something is so.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	ctx := patient(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still not so: %s", what)
		}
	}
}

// other is a session that does not belong to what is tested.
type other struct {
	t testing.TB
	db.Conn
}

func another(t testing.TB, url string) other {
	t.Helper()
	c := session(t, url)
	t.Cleanup(func() { c.Close() })
	return other{t, c}
}

func (o other) do(sqls ...string) {
	o.t.Helper()
	for _, sql := range sqls {
		if _, err := o.Exec(patient(o.t), sql); err != nil {
			o.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// one is the first value of a query's first row as text, "(none)" without a row.
func (o other) one(sql string) string {
	o.t.Helper()
	rows, err := o.Query(patient(o.t), sql)
	if err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	out := "(none)"
	for rows.Next() {
		var s *string
		if err := rows.Scan(&s); err != nil {
			o.t.Fatal(err)
		}
		if out = "NULL"; s != nil {
			out = *s
		}
	}
	if err := rows.Err(); err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// goMigration is one written in Go without a way back.
func goMigration(id string, up func(context.Context, bellows.Tx) error) bellows.GoMigration {
	return bellows.GoMigration{ID: id, Name: "go", Version: "1", Up: up}
}

// states are the lines of the status, as "1 applied".
func states(t testing.TB, m *bellows.Migrator) string {
	t.Helper()
	s, err := m.Status(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range s.Revisions {
		out = append(out, r.ID+" "+r.State)
	}
	return strings.Join(out, ", ")
}

// journal is the journal as "up 1, down 1", without starts of statement-by-statement work.
func journal(t testing.TB, m *bellows.Migrator) string {
	t.Helper()
	lines, err := m.Journal(patient(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range lines {
		if l.Action != "start" {
			out = append(out, strings.TrimSpace(l.Action+" "+l.Revision))
		}
	}
	return strings.Join(out, ", ")
}

func equal(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func list(v any) string { return fmt.Sprint(v) }
