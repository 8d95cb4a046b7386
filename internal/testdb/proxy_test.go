package testdb_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bellowsdb/bellows/internal/testdb"
)

func connect(t *testing.T, raw string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx) // it may be cut already
	})
	return c
}

// insertInTransaction stops at the first error and gives it with the statement.
func insertInTransaction(c *pgx.Conn) (string, error) {
	for _, text := range []string{"BEGIN", "INSERT INTO things VALUES (1)", "commit"} {
		if _, err := c.Exec(context.Background(), text); err != nil {
			return text, err
		}
	}
	return "", nil
}

func TestProxyCarriesEverythingUntilTold(t *testing.T) {
	for name, fresh := range engines {
		raw := fresh(t)
		w := testdb.Proxy(t, raw)
		if w.URL == raw {
			t.Errorf("%s: the URL does not lead through the proxy", name)
		}
		mustExecute(t, w.URL, "CREATE TABLE things (id int)", "DROP TABLE things")
	}
}

func TestCutAtCommit(t *testing.T) {
	for _, test := range []struct {
		name  string
		where testdb.Where
		rows  int
	}{
		{"after answer", testdb.AfterAnswer, 1},
		{"before server", testdb.BeforeServer, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := testdb.Postgres(t)
			mustExecute(t, raw, "CREATE TABLE things (id int)")
			w := testdb.Proxy(t, raw)
			done := w.CutOn(testdb.Cut{Sent: "COMMIT", Where: test.where})
			if at, err := insertInTransaction(connect(t, w.URL)); at != "commit" {
				t.Fatalf("want an error at commit, got one at %q: %v", at, err)
			}
			<-done
			if got := one[int](t, raw, "SELECT count(*) FROM things"); got != test.rows {
				t.Errorf("%d rows, want %d", got, test.rows)
			}
			if at, err := insertInTransaction(connect(t, w.URL)); err != nil {
				t.Errorf("the cut happened twice: at %s: %v", at, err)
			}
		})
	}
}

func TestCutAtTheNthCommit(t *testing.T) {
	raw := testdb.Postgres(t)
	mustExecute(t, raw, "CREATE TABLE things (id int)")
	w := testdb.Proxy(t, raw)
	w.CutOn(testdb.Cut{Sent: "COMMIT", Nth: 3})
	c := connect(t, w.URL)
	for i := range 2 {
		if at, err := insertInTransaction(c); err != nil {
			t.Fatalf("cut at number %d, %s: %v", i+1, at, err)
		}
	}
	if at, _ := insertInTransaction(c); at != "commit" {
		t.Fatalf("want an error at the third commit, got %q", at)
	}
}

func TestCutAtCommitOnMariaDB(t *testing.T) {
	raw := testdb.MariaDB(t)
	mustExecute(t, raw, "CREATE TABLE things (id int) ENGINE=InnoDB")
	w := testdb.Proxy(t, raw)
	done := w.CutOn(testdb.Cut{Sent: "commit"})
	db := openMariaDB(w.URL)
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("INSERT INTO things VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err == nil {
		t.Fatal("the commit was answered")
	}
	<-done
	direct := openMariaDB(raw)
	defer direct.Close()
	var n int
	if err := direct.QueryRow("SELECT count(*) FROM things").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows, want 1 (%v)", n, err)
	}
}

func TestCutAllEndsConnectionsAndLetsNewOnesIn(t *testing.T) {
	w := testdb.Proxy(t, testdb.Postgres(t))
	c := connect(t, w.URL)
	w.CutAll()
	if _, err := c.Exec(context.Background(), "SELECT 1"); err == nil {
		t.Error("a cut connection answers")
	}
	mustExecute(t, w.URL, "SELECT 1")
	eventually(t, "the proxy lets go of ended connections", func() bool { return w.Open() == 0 })
}

func TestStalledWireSaysNothingUntilResumed(t *testing.T) {
	w := testdb.Proxy(t, testdb.Postgres(t))
	c := connect(t, w.URL)
	w.Stall()
	answered := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "SELECT 1")
		answered <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := pgx.Connect(ctx, w.URL); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new client wants to hear nothing, but hears %v", err)
	}
	select {
	case err := <-answered:
		t.Fatalf("the stalled wire carried an answer: %v", err)
	default:
	}
	w.Resume()
	if err := <-answered; err != nil {
		t.Errorf("nothing should be lost: %v", err)
	}
}

func TestRefusedClientsCannotConnectButOldOnesStay(t *testing.T) {
	w := testdb.Proxy(t, testdb.Postgres(t))
	c := connect(t, w.URL)
	w.Refuse()
	if err := execute(w.URL); err == nil {
		t.Error("a new client was let in")
	}
	if _, err := c.Exec(context.Background(), "SELECT 1"); err != nil {
		t.Errorf("an old client was cut: %v", err)
	}
	w.Resume()
	mustExecute(t, w.URL, "SELECT 1")
}

func TestDelayHoldsBack(t *testing.T) {
	w := testdb.Proxy(t, testdb.Postgres(t))
	c := connect(t, w.URL)
	w.Delay(time.Hour)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("an hour passed in no time")
	}
}
