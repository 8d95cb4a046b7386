package fill_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// limited is a backfill that is worked on while a test does things to its limits.
type limited struct {
	t    *testing.T
	url  string
	o    fill.Options
	rec  *recorder
	id   string
	done chan error
}

func limits(all limit.Set) func(*revision.Script) {
	return spec(func(s *revision.FillSpec) { s.Limits = all })
}

// limitedBy begins to work on a backfill.
func limitedBy(t *testing.T, url string, s revision.Script, change func(*fill.Options)) *limited {
	t.Helper()
	l := &limited{t: t, url: url, o: options(url), rec: &recorder{}, done: make(chan error, 1)}
	l.o.Sink = l.rec
	if change != nil {
		change(&l.o)
	}
	l.id = planned(t, url, s, l.o).ID
	go func() {
		_, err := fill.Work(context.Background(), l.id, l.o)
		l.done <- err
	}()
	return l
}

// pause waits until a limit has stopped the work for the n-th time, and gives the
// reason.
func (l *limited) pause(n int) string {
	l.t.Helper()
	for {
		var whys []string
		for _, p := range of[event.FillPaused](l.rec) {
			if p.Why != "" {
				whys = append(whys, p.Why)
			}
		}
		if len(whys) >= n {
			return whys[n-1]
		}
		select {
		case err := <-l.done:
			l.t.Fatalf("it ended: %v", err)
		case <-time.After(10 * time.Millisecond): // the next look
		}
	}
}

// says tells whether the status says what limits it.
func (l *limited) says(want string) bool {
	l.t.Helper()
	c := session(l.t, l.url)
	defer c.Close()
	all, err := fill.Read(context.Background(), c, l.o)
	if err != nil {
		l.t.Fatal(err)
	}
	select {
	case err := <-l.done:
		l.t.Fatalf("it ended: %v", err)
	case <-time.After(10 * time.Millisecond): // the next look
	}
	return strings.Contains(all[0].LimitedBy, want)
}

// shown waits until the status says what limits it.
func (l *limited) shown(want string) {
	l.t.Helper()
	for !l.says(want) {
		continue
	}
}

func (l *limited) set(name, value string) {
	l.t.Helper()
	c := session(l.t, l.url)
	defer c.Close()
	if err := fill.Set(context.Background(), c, l.id, fill.Setting{Limits: map[string]string{name: value}}, l.o); err != nil {
		l.t.Fatal(err)
	}
}

// ends demands that the work ends well, and that it said that it goes on.
func (l *limited) ends() {
	l.t.Helper()
	if err := <-l.done; err != nil {
		l.t.Fatal(err)
	}
	if all := of[event.FillPaused](l.rec); all[len(all)-1].Why != "" {
		l.t.Errorf("it does not say that it goes on: %+v", all)
	}
}

// TestLimits: a limit that is met before the first chunk lets no row be changed;
// the reason is told and shown, and the work goes on when it is met no longer.
// Limits are set, and taken back, while it runs.
func TestLimits(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 400)
			do(t, url, "CREATE TABLE brake (n "+e.integer+")", "INSERT INTO brake VALUES (3)")
			l := limitedBy(t, url, script(double, limits(limit.Set{"sql": "SELECT n FROM brake"})), nil)
			if why := l.pause(1); why != "the query of the limit sql gives 3" {
				t.Errorf("%q", why)
			}
			l.shown("gives 3")
			do(t, url, "UPDATE brake SET n = 2")
			l.set("sql", "SELECT n, 1, 'the brake' FROM brake")
			l.shown("the brake gives 2, of 1 at most")
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NOT NULL"); n != 0 {
				t.Errorf("%d rows were changed against the limit", n)
			}
			l.set("windows", shut())
			l.set("sql", limit.Off)
			l.shown("outside of the windows; work goes on at ")
			l.set("windows", limit.Usual)
			l.ends()
			once(t, url, 400)
		})
	}
}

// shut is a window that is far away.
func shut() string {
	if hour := time.Now().UTC().Hour(); hour < 2 || hour > 22 {
		return "12:00-13:00"
	}
	return "00:00-01:00"
}

// TestWindowIsShut: outside of its windows nothing is done.
func TestWindowIsShut(t *testing.T) {
	t.Parallel()
	url := engines()[0].place(t, 50)
	window := shut()
	l := limitedBy(t, url, script(double, limits(limit.Set{"windows": window})), nil)
	if why := l.pause(1); !strings.Contains(why, window[:5]+" UTC") {
		t.Errorf("%q", why)
	}
	l.set("windows", limit.Off)
	l.ends()
	once(t, url, 50)
}

// TestLimitOfOneSession: a process with one session looks between its chunks.
func TestLimitOfOneSession(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 100)
			do(t, url, "CREATE TABLE brake (n "+e.integer+")", "INSERT INTO brake VALUES (3)")
			c := session(t, url)
			defer c.Close()
			l := limitedBy(t, url, script(double, limits(limit.Set{"sql": "SELECT n FROM brake"})), func(o *fill.Options) { o.Open, o.Conn = nil, c })
			l.pause(1)
			do(t, url, "UPDATE brake SET n = 0")
			l.ends()
			once(t, url, 100)
		})
	}
}

// TestLimitThatCannotBeSeen: what was asked for and cannot be seen stops the
// work, unless somebody says that it may go on.
func TestLimitThatCannotBeSeen(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 100)
			l := limitedBy(t, url, script(double, limits(limit.Set{"sql": "SELECT n FROM nobrake"})), nil)
			if why := l.pause(1); !strings.HasPrefix(why, "sql cannot be seen (") || !strings.Contains(why, "nobrake") || !strings.Contains(why, "unseen to go") {
				t.Errorf("%q", why)
			}
			l.set("unseen", "go")
			l.ends()
			once(t, url, 100)
			if all := of[event.Warning](l.rec); !slices.ContainsFunc(all, func(w event.Warning) bool {
				return w.Code == "backfill.unseen" && strings.Contains(w.Text, "sql")
			}) {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestCommandLimit: work waits while a command of this machine fails, for the
// reason that it prints.
func TestCommandLimit(t *testing.T) {
	t.Parallel()
	url := engines()[0].place(t, 100)
	flag := filepath.Join(t.TempDir(), "stop")
	if err := os.WriteFile(flag, []byte("the queue is long\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	l := limitedBy(t, url, script(double), func(o *fill.Options) { o.Limits = limit.Set{"command": "! cat '" + flag + "'"} })
	if why := l.pause(1); why != "the queue is long" {
		t.Errorf("%q", why)
	}
	c := session(t, url)
	defer c.Close()
	err := fill.Set(context.Background(), c, l.id, fill.Setting{Limits: map[string]string{"command": "true"}}, l.o)
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "process's own") {
		t.Errorf("a command for all processes is taken: %v", err)
	}
	if err := os.Remove(flag); err != nil {
		t.Fatal(err)
	}
	l.ends()
	once(t, url, 100)
}

// TestTakenBack: what was set while it runs is taken back to what the file says.
func TestTakenBack(t *testing.T) {
	url := engines()[0].place(t, 10)
	o := options(url)
	o.Limits = limit.Set{"replica_lag": "5s", "history": "100"}
	id := planned(t, url, script(double, limits(limit.Set{"replica_lag": "30s"})), o).ID
	c := session(t, url)
	defer c.Close()
	for _, step := range []struct{ value, want string }{{"1m", "1m"}, {"off", "off"}, {limit.Usual, "30s"}} {
		if err := fill.Set(context.Background(), c, id, fill.Setting{Limits: map[string]string{"replica_lag": step.value}}, o); err != nil {
			t.Fatal(err)
		}
		all, err := fill.Read(context.Background(), c, o)
		if err != nil || all[0].Setting.Limits["replica_lag"] != step.want || all[0].Setting.Limits["history"] != "100" {
			t.Errorf("%s: %+v, %v", step.value, all[0].Setting.Limits, err)
		}
	}
}

// TestWrongLimits: each is refused where it is said.
func TestWrongLimits(t *testing.T) {
	url := engines()[0].place(t, 10)
	id := planned(t, url, script(double), options(url)).ID
	c := session(t, url)
	defer c.Close()
	for name, value := range map[string]string{"replica_lagg": "1s", "replica_lag": "soon", "sql": "DELETE FROM posts", "replicas": "postgres://x"} {
		if err := fill.Set(context.Background(), c, id, fill.Setting{Limits: map[string]string{name: value}}, options(url)); fault.CodeOf(err) != fault.Usage && fault.CodeOf(err) != fault.Config {
			t.Errorf("%s %s: %v", name, value, err)
		}
	}
	o := options(url)
	o.Limits = limit.Set{"sql": "DELETE FROM posts"}
	if _, err := fill.Work(context.Background(), id, o); fault.CodeOf(err) != fault.Config {
		t.Errorf("%v", err)
	}
	if _, err := fill.Plan(context.Background(), c, script(double, limits(limit.Set{"sql": "DROP TABLE posts"}), func(s *revision.Script) { s.Revision = "8" }), revision.Up, options(url)); err == nil || !strings.HasPrefix(err.Error(), "7_fill.sql:1") {
		t.Errorf("%v", err)
	}
}

// TestStandby: a replica that stops replaying holds the work back, whether the
// primary says so or the replica itself; so does a slot that keeps log.
func TestStandby(t *testing.T) {
	t.Parallel()
	e := engines()[1]
	server := testdb.PrivatePostgres(t, 0, "wal_receiver_status_interval=100ms")
	standby := server.Standby(t)
	e.fresh = server.Database
	url := e.place(t, 3000)
	do(t, server.AdminURL(), "SELECT pg_create_physical_replication_slot('lazy', true)")
	do(t, standby.AdminURL(), "SELECT pg_wal_replay_pause()")
	l := limitedBy(t, url, script(double, limits(limit.Set{"replica_bytes": "50kB"})), func(o *fill.Options) {
		o.Beside = func(ctx context.Context, url string) (db.Conn, error) { return open(ctx, url, "limits") }
	})
	l.shown("replica standby is ")
	l.set("replica_bytes", limit.Off)
	l.set("slot_bytes", "1kB")
	l.shown("slot lazy keeps ")
	l.set("slot_bytes", limit.Off)
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
	once(t, url, 3000)
	l.late(t, e, server.Database(t), standby)
	hiddenFrom(t, url)
}

// hiddenFrom: a role that may not see replicas is told that there is one.
func hiddenFrom(t *testing.T, url string) {
	c := session(t, testdb.Restricted(t, url))
	defer c.Close()
	for _, s := range c.Dialect().(dialect.Signaller).Signals(nil) {
		if !s.Vital {
			continue
		}
		readings, err := c.(db.Gauger).Gauge(context.Background(), s)
		if err != nil || len(readings) != 1 || !readings[0].Hidden || readings[0].Who == "" {
			t.Errorf("%s: %+v, %v", s.Limit, readings, err)
		}
	}
}

// late: the replica itself says that it is late, where the configuration names it.
func (l *limited) late(t *testing.T, e engine, url string, standby *testdb.Private) {
	e.fresh = func(testing.TB) string { return url }
	e.place(t, 100)
	do(t, url, "SELECT pg_switch_wal()")
	late := limitedBy(t, url, script(double), func(o *fill.Options) {
		o.Beside, o.Limits = l.o.Beside, limit.Set{"replicas": standby.AdminURL(), "replica_lag": "1ms"}
	})
	late.shown("replica 127.0.0.1:")
	do(t, standby.AdminURL(), "SELECT pg_wal_replay_resume()")
	late.set("replica_lag", "1h")
	if err := <-late.done; err != nil {
		t.Fatal(err)
	}
	once(t, url, 100)
}
