package dbtest

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// classes of errors tell what to do about them.
func (s suite) classes(t *testing.T) {
	ctx := background(t)
	url := s.URL(t)
	a := s.open(t, url, db.Options{})
	b := s.open(t, url, db.Options{LockTimeout: 50 * time.Millisecond})
	must(t, a, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)",
		a.Dialect().Traits().BeginWrite, "UPDATE t SET id = 2")
	_, err := b.Exec(ctx, "UPDATE t SET id = 3")
	wantClass(t, err, db.Wait)
	must(t, b, "ROLLBACK")
	must(t, a, "ROLLBACK")
	must(t, b, "UPDATE t SET id = 3")
	for _, text := range []string{"INSERT INTO t VALUES (3)", "SELECT * FROM nowhere", "CREATE TABLE t (id int)", "HELLO"} {
		_, err := b.Exec(ctx, text)
		wantClass(t, err, db.Bad)
		if e := failure(t, err); e.Code == "" || e.Message == "" || e.Err == nil {
			t.Errorf("%s: %#v", text, e)
		}
	}
}

// deadlock of two sessions ends with one of them told to wait and try again.
func (s suite) deadlock(t *testing.T) {
	ctx := background(t)
	url := s.URL(t)
	a := s.open(t, url, db.Options{LockTimeout: 20 * time.Second})
	b := s.open(t, url, db.Options{LockTimeout: 20 * time.Second})
	begin := a.Dialect().Traits().BeginWrite
	must(t, a, "CREATE TABLE t (id int PRIMARY KEY, n int)", "INSERT INTO t VALUES (1, 0), (2, 0)", begin, "UPDATE t SET n = 1 WHERE id = 1")
	must(t, b, begin, "UPDATE t SET n = 1 WHERE id = 2")
	other := make(chan error, 1)
	go func() {
		_, err := b.Exec(ctx, "UPDATE t SET n = 2 WHERE id = 1")
		b.Exec(ctx, "ROLLBACK")
		other <- err
	}()
	_, err := a.Exec(ctx, "UPDATE t SET n = 2 WHERE id = 2")
	a.Exec(ctx, "ROLLBACK")
	if err == nil {
		err = <-other
	} else if second := <-other; second != nil {
		t.Errorf("both failed: %v and %v", err, second)
	}
	wantClass(t, err, db.Wait)
}

// lock excludes, is the session's own, and goes with it.
func (s suite) lock(t *testing.T) {
	ctx := background(t)
	url := s.URL(t)
	wire := testdb.Proxy(t, url)
	a, b, far := s.open(t, url, db.Options{}), s.open(t, url, db.Options{}), s.open(t, wire.URL, db.Options{})
	try := func(c db.Conn, key string) bool {
		t.Helper()
		got, err := c.(db.Locker).TryLock(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if !try(a, "one") || try(b, "one") || !try(b, "two") {
		t.Fatal("the lock does not exclude by name")
	}
	must(t, a, a.Dialect().Traits().BeginWrite, "ROLLBACK")
	if try(b, "one") {
		t.Fatal("a rollback gave the lock away")
	}
	if err := a.(db.Locker).Unlock(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if !try(b, "one") {
		t.Fatal("an unlocked lock is not to be had")
	}
	b.Close()
	until(t, "the lock of a closed session is free", func() bool { return try(a, "one") && try(a, "two") })
	if !try(far, "three") {
		t.Fatal("no lock through the proxy")
	}
	wire.CutAll()
	until(t, "the lock of a broken session is free", func() bool { return try(a, "three") })
	if err := a.(db.Locker).Unlock(ctx, "never held"); err != nil {
		t.Errorf("unlocking what is not held: %v", err)
	}
}

// until polls for what the server does in its own time.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("still not so after %v: %s", limit, what)
		}
	}
}

// life of a session is seen by another one.
func (s suite) life(t *testing.T) {
	ctx := background(t)
	url := s.URL(t)
	a, b := s.open(t, url, db.Options{}), s.open(t, url, db.Options{})
	w := a.(db.Watcher)
	want := func(session db.Session, want db.Life) {
		t.Helper()
		if got, err := w.Life(ctx, session); err != nil || got != want {
			t.Errorf("life of %+v: %d, want %d; %v", session, got, want, err)
		}
	}
	if a.Session().PID == 0 || a.Session().Start == "" {
		t.Fatalf("session %+v", a.Session())
	}
	want(a.Session(), db.Alive)
	want(b.Session(), db.Alive)
	want(db.Session{}, db.Unknown)
	if s.Serverless {
		return // a session lives as long as its process; its room tests that
	}
	gone := b.Session()
	b.Close()
	until(t, "a closed session is dead", func() bool {
		life, err := w.Life(ctx, gone)
		return err == nil && life == db.Dead
	})
}

// gone connections are told from failed statements.
func (s suite) gone(t *testing.T) {
	ctx := background(t)
	url := s.URL(t)
	wire := testdb.Proxy(t, url)
	c := s.open(t, wire.URL, db.Options{})
	wire.CutAll()
	_, err := c.Exec(ctx, "SELECT 1")
	wantClass(t, err, db.Gone)
	_, err = c.Exec(ctx, "SELECT 1")
	wantClass(t, err, db.Gone)
	if _, err := c.Query(ctx, "SELECT 1"); failure(t, err).Class != db.Gone {
		t.Error(err)
	}

	c = s.open(t, wire.URL, db.Options{})
	must(t, c, "CREATE TABLE t (id int)")
	cut := wire.CutOn(testdb.Cut{Sent: "COMMIT"})
	err = c.Send(ctx, texts(c.Dialect().Traits().BeginWrite, "INSERT INTO t VALUES (1)", "COMMIT"), nil)
	<-cut
	wantClass(t, err, db.Gone)
}

// kill ends another session, which then knows it is gone.
func (s suite) kill(t *testing.T) {
	ctx := background(t)
	url := s.URL(t)
	a, b := s.open(t, url, db.Options{}), s.open(t, url, db.Options{})
	if err := a.(db.Killer).Kill(ctx, b.Session()); err != nil {
		t.Fatal(err)
	}
	until(t, "a killed session is gone", func() bool {
		_, err := b.Exec(ctx, "SELECT 1")
		return err != nil && failure(t, err).Class == db.Gone
	})
	if err := a.(db.Killer).Kill(ctx, b.Session()); err != nil {
		t.Errorf("killing what is gone: %v", err)
	}
}

// denied is what a user without rights hears.
func (s suite) denied(t *testing.T) {
	base := s.URL(t)
	must(t, s.open(t, base, db.Options{}), "CREATE TABLE t (id int)")
	c := s.open(t, testdb.Restricted(t, base), db.Options{})
	for _, text := range []string{"DROP TABLE t", "CREATE TABLE u (id int)"} {
		_, err := c.Exec(background(t), text)
		wantClass(t, err, db.Refused)
	}
	u, _ := url.Parse(base)
	u.User = url.UserPassword(u.User.Username(), "wrong"+secret)
	_, err := s.Driver.Open(background(t), u.String(), db.Options{})
	wantFault(t, err, fault.Denied, "password")
}

// wantFault demands a fault with a code and a hint, and without the password.
func wantFault(t testing.TB, err error, code fault.Code, hint string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("want a fault, got %T: %v", err, err)
	}
	if f.Code != code || !strings.Contains(f.Hint, hint) {
		t.Errorf("code %q, hint %q; want %q and %q: %v", f.Code, f.Hint, code, hint, err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), secret) || strings.Contains(f.Hint, secret) {
			t.Errorf("the password is in %T: %s", e, strings.ReplaceAll(e.Error(), secret, "!!!"))
		}
	}
}

// unreachable servers and missing databases say what to do.
func (s suite) unreachable(t *testing.T) {
	ctx := background(t)
	_, err := s.Driver.Open(ctx, s.Missing(t), db.Options{})
	wantFault(t, err, fault.Connect, "bellows db create")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(s.URL(t))
	u.Host = listener.Addr().String()
	_, err = s.Driver.Open(ctx, u.String(), db.Options{ConnectTimeout: 100 * time.Millisecond})
	wantFault(t, err, fault.Connect, "bellows db wait")
	listener.Close()
	_, err = s.Driver.Open(ctx, u.String(), db.Options{})
	wantFault(t, err, fault.Connect, "bellows db wait")
	u.Host = "no.such.host.invalid:1"
	_, err = s.Driver.Open(ctx, u.String(), db.Options{})
	wantFault(t, err, fault.Connect, "host name")
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.Driver.Open(stopped, s.URL(t), db.Options{})
	wantFault(t, err, fault.Interrupted, "")
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// badURL is refused without telling what may be a password.
func (s suite) badURL(t *testing.T) {
	scheme := s.Driver.Schemes()[0]
	bad := []string{"other://" + secret, "", scheme, secret + "@host"}
	if !s.Serverless {
		bad = append(bad,
			scheme+"://u:%zz"+secret+"@localhost/d",
			scheme+"://u:"+secret+"@localhost:"+secret+"/d",
			scheme+"://u:a#"+secret+"@localhost/d",
			scheme+"://u:a/"+secret+"@localhost/d",
			scheme+"://u:"+secret+"@localhost/d?x=%zz",
			scheme+"://u:"+secret+"@[::1/d",
		)
	}
	for _, u := range bad {
		_, err := s.Driver.Open(background(t), u, db.Options{})
		if fault.CodeOf(err) != fault.Config && fault.CodeOf(err) != fault.Connect {
			t.Errorf("%s: %v", strings.ReplaceAll(u, secret, "…"), err)
			continue
		}
		wantFault(t, err, fault.CodeOf(err), "")
	}
}

// create makes a database once, drop removes it once and ends its sessions.
func (s suite) create(t *testing.T) {
	ctx := background(t)
	url := s.Missing(t)
	for _, want := range []bool{true, false} {
		if made, err := s.Driver.Create(ctx, url); err != nil || made != want {
			t.Fatalf("create: %v, want %v; %v", made, want, err)
		}
	}
	must(t, s.open(t, url, db.Options{}), "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
	for _, want := range []bool{true, false} {
		if dropped, err := s.Driver.Drop(ctx, url); err != nil || dropped != want {
			t.Fatalf("drop: %v, want %v; %v", dropped, want, err)
		}
	}
}

// adopt takes the caller's connection and gives it back as it was.
func (s suite) adopt(t *testing.T) {
	ctx := background(t)
	open, settings := s.Adopt(t, s.URL(t))
	before := settings()
	c, err := open(ctx, db.Options{LockTimeout: 3 * time.Second, App: "bellows/test"})
	if err != nil {
		t.Fatal(err)
	}
	must(t, c, "CREATE TABLE t (id int)", c.Dialect().Traits().BeginWrite, "INSERT INTO t VALUES (1)")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if after := settings(); after != before {
		t.Errorf("settings %s became %s", before, after)
	}
	c, err = open(ctx, db.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, c, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows: the open transaction was not rolled back", got)
	}
	_, err = c.Exec(ctx, "INSERT INTO t VALUES (1)")
	wantClass(t, err, db.Refused)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if after := settings(); after != before {
		t.Errorf("settings %s became %s", before, after)
	}
}
