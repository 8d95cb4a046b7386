package fill_test

import (
	"context"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// TestGivingWay: a session of the application that waits for a row of a chunk
// makes the chunk give way, and it is done later. The chunk itself waits, for as
// long as the test wants, for a row that another session holds: so the first
// session cannot get its row unless the chunk gives way.
func TestGivingWay(t *testing.T) {
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			if e.name == "mariadb" {
				// Its list of who waits is an old one while others read it, so nobody else may.
				e.fresh = testdb.PrivateMariaDB(t).Database
			}
			url := e.place(t, 300)
			o := options(url)
			rec := &recorder{}
			o.Sink, o.LockTimeout = rec, time.Hour
			f := planned(t, url, script(double), o)
			ctx := context.Background()
			holder := session(t, url)
			defer holder.Close()
			for _, sql := range []string{"BEGIN", "SELECT id FROM posts WHERE id = 50 FOR UPDATE"} {
				if _, err := holder.Exec(ctx, sql); err != nil {
					t.Fatal(err)
				}
			}
			done := make(chan error, 1)
			go func() {
				_, err := fill.Work(ctx, f.ID, o)
				done <- err
			}()
			awaitBlocked(t, url, holder, done)
			waits := "SET lock_timeout = 0"
			if e.name == "mariadb" {
				waits = "SET innodb_lock_wait_timeout = 3600"
			}
			do(t, url, waits, "UPDATE posts SET a = a + 1 WHERE id = 1") // it returns when the chunk gave way
			if _, err := holder.Exec(ctx, "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			once(t, url, 300)
			yields := 0
			for _, trouble := range of[event.FillTrouble](rec) {
				if trouble.Action == "yield" {
					yields++
				}
			}
			if yields == 0 {
				t.Errorf("no chunk gave way: %+v", of[event.FillTrouble](rec))
			}
		})
	}
}

// awaitBlocked returns when a session waits for one that the test has.
func awaitBlocked(t *testing.T, url string, by db.Conn, done <-chan error) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	for {
		waiting, err := c.(db.Keyer).Blocked(context.Background(), []db.Session{by.Session()})
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) > 0 {
			return
		}
		select {
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		case <-time.After(250 * time.Millisecond): // the next look: one server makes its list anew only when it was left alone
		}
	}
}
