package fill_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// TestCutAtCommit: wherever the connection breaks at a COMMIT, before it came to the
// server or before its answer came back, each row is changed once, and a bad row
// set aside once.
func TestCutAtCommit(t *testing.T) {
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 120)
			do(t, url, "UPDATE posts SET a = 1000 WHERE id = 77")
			wire := testdb.Proxy(t, url)
			f := planned(t, url, script(double, poisons(1)), options(url))
			strict(t, e, url)
			o := options(wire.URL)
			rec := &recorder{}
			o.Sink = rec
			var mu sync.Mutex
			const cuts = 14
			n, next := 0, (<-chan struct{})(nil)
			o.Point = func(name string) {
				mu.Lock()
				defer mu.Unlock()
				if n == cuts || name == "starting" || name == "started" {
					return
				}
				select {
				case <-next:
				default:
					if next != nil {
						return
					}
				}
				next = wire.CutOn(testdb.Cut{Sent: "COMMIT", Where: []testdb.Where{testdb.AfterAnswer, testdb.BeforeServer}[n/3%2]})
				n++
			}
			_, err := fill.Work(context.Background(), f.ID, o)
			if fault.CodeOf(err) != fault.Repair {
				t.Fatalf("%v", err)
			}
			asideAre(t, url, f.ID, 120, []string{"77"})
			if got := len(of[event.Reconnected](rec)); n < cuts || got < cuts-2 {
				t.Errorf("%d connections were cut, %d were replaced", n, got)
			}
		})
	}
}

// TestHalfOpen: a process whose connections carry nothing any more, and do not end,
// keeps nobody from the rows: the server frees the chunk that it has, and others do
// it. When it hears of the server again it changes no row twice.
func TestHalfOpen(t *testing.T) {
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 300)
			wire := testdb.Proxy(t, url)
			f := planned(t, url, script(double), options(url))
			small(t, url, f.ID, 50)
			far := options(wire.URL)
			far.Process, far.Idle = "far", time.Second
			stalled := make(chan struct{})
			var once1 sync.Once
			far.Point = func(name string) {
				if name == "changed" {
					once1.Do(func() { wire.Stall(); close(stalled) })
				}
			}
			ended := make(chan error, 1)
			go func() {
				_, err := fill.Work(context.Background(), f.ID, far)
				ended <- err
			}()
			<-stalled
			if _, err := fill.Work(context.Background(), f.ID, options(url)); err != nil {
				t.Error(err)
			}
			once(t, url, 300)
			wire.Resume()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			once(t, url, 300)
		})
	}
}

// TestPromoted: when the primary dies and its standby takes its place, which may
// lack the last chunks, the work goes on there. Rows and marks were lost together.
func TestPromoted(t *testing.T) {
	t.Parallel()
	e := engines()[1]
	server := testdb.PrivatePostgres(t, 0, "wal_receiver_status_interval=100ms")
	e.fresh = server.Database
	at := e.place(t, 2000)
	standby := server.Standby(t)
	var now atomic.Value
	now.Store(at)
	o := options(at)
	o.Open = func(ctx context.Context, app string) (db.Conn, error) { return open(ctx, now.Load().(string), app) }
	rec := &recorder{}
	o.Sink = rec
	f := planned(t, at, script(double), o)
	small(t, at, f.ID, 50)
	there := elsewhere(t, at, standby.AdminURL())
	for number(t, there, "SELECT COUNT(*) FROM bellows.fill_run") == 0 {
		continue // what was planned came over
	}
	chunks := 0
	o.Point = func(name string) {
		if name != "changed" {
			return
		}
		switch chunks++; chunks {
		case 3:
			do(t, standby.AdminURL(), "SELECT pg_wal_replay_pause()") // from here on it lacks what comes
		case 7:
			server.Stop(t, testdb.Killed)
			do(t, standby.AdminURL(), "SELECT pg_wal_replay_resume()", "SELECT pg_promote()")
			now.Store(there)
		}
	}
	if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
		t.Fatal(err)
	}
	once(t, there, 2000)
	if len(of[event.Reconnected](rec)) == 0 {
		t.Error("it does not say that the connection was replaced")
	}
}

// elsewhere is the same database on another server.
func elsewhere(t *testing.T, at, server string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	v, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = v.Host
	return u.String()
}

// TestClock: the clock of a process may be years away from the server's, and stand
// still while it works: whose a chunk is, and how long, the server's clock decides.
func TestClock(t *testing.T) {
	for _, e := range engines() {
		for name, s := range map[string]revision.Script{"sql": script(double), "rows": byLogic(readAll, writeOne)} {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 400)
				f := planned(t, url, s, logicOptions(url, doubles()))
				small(t, url, f.ID, 40)
				ctx, interrupt := context.WithCancel(context.Background())
				chunks := 0
				o := logicOptions(url, doubles())
				o.Point = func(name string) {
					if name == "committed" {
						if chunks++; chunks == 3 {
							interrupt()
						}
					}
				}
				if _, err := fill.Work(ctx, f.ID, o); fault.CodeOf(err) != fault.Interrupted {
					t.Fatalf("%v", err)
				}
				// In a bubble it is the first of January 2000.
				synctest.Test(t, func(t *testing.T) {
					if year := time.Now().UTC().Year(); year != 2000 {
						t.Fatalf("it is %d", year)
					}
					o := logicOptions(url, doubles())
					if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
						t.Error(err)
					}
				})
				once(t, url, 400)
				c := session(t, url)
				defer c.Close()
				all, err := fill.Read(context.Background(), c, options(url))
				if err != nil || len(all) != 1 || all[0].RowsDone != 400 || strings.Contains(all[0].LimitedBy, "lease") {
					t.Errorf("%+v, %v", all, err)
				}
			})
		}
	}
}
