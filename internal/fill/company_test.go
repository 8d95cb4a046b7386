package fill_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// trail is the points that a backfill has passed.
type trail struct {
	mu     sync.Mutex
	passed []string
}

func (r *trail) point(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passed = append(r.passed, name)
}

// waited tells whether a vacuum was waited for, and always to its end.
func (r *trail) waited() (some, always bool) {
	tidied, awaited := 0, 0
	always = true
	for _, name := range r.passed {
		switch name {
		case "tidied":
			tidied++
		case "tidy awaited":
			awaited++
		case "claimed":
			always = always && tidied >= awaited
		}
	}
	return awaited > 0, always
}

// TestCompany: while sessions of others are at work on the server, the only
// worker waits while the table is vacuumed, and its COMMIT for the disk. Alone it
// waits for neither. Of several workers one waits for the vacuum.
func TestCompany(t *testing.T) {
	server := testdb.PrivatePostgres(t, 0)
	for _, test := range []struct {
		name    string
		company bool
		workers int
		awaited bool
		commit  string
	}{
		{"alone", false, 1, false, "off"},
		{"company", true, 1, true, "on"},
		{"company of two workers", true, 2, true, "on"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := engines()[1]
			e.fresh = server.Database
			url := e.place(t, 500)
			do(t, url, "ALTER TABLE posts ADD commits text")
			r := &trail{}
			o := options(url)
			o.Point = r.point
			f := planned(t, url, script("UPDATE posts SET b = a * 2, commits = current_setting('synchronous_commit') WHERE :chunk", func(s *revision.Script) {
				s.Fill.Workers = test.workers
			}), o)
			if test.company {
				other := session(t, url)
				defer other.Close()
				if _, err := other.Exec(context.Background(), "BEGIN"); err != nil {
					t.Fatal(err)
				}
			} else {
				leaveAlone(t, url)
			}
			if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
				t.Fatal(err)
			}
			once(t, url, 500)
			if some, always := r.waited(); some != test.awaited || test.workers == 1 && !always {
				t.Errorf("a vacuum was waited for: %v, always to its end: %v; %q", some, always, r.passed)
			}
			if got := text(t, url, "SELECT string_agg(DISTINCT commits, ' ') FROM posts"); got != test.commit {
				t.Errorf("synchronous_commit was %s, not %s", got, test.commit)
			}
		})
	}
}

// leaveAlone waits until the sessions that the test had are gone.
func leaveAlone(t *testing.T, url string) {
	t.Helper()
	c, err := open(context.Background(), url, "bellows/test")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for others(t, c) != "0" {
		time.Sleep(10 * time.Millisecond) // the next look
	}
}

func others(t *testing.T, c db.Conn) string {
	t.Helper()
	rows, err := c.Query(context.Background(), c.Dialect().(dialect.Filler).Fill().Company)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n string
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestVacuumGivesWay: who wants the table for itself does not wait for the vacuum
// of a backfill, which would last for long here, but makes it give way.
func TestVacuumGivesWay(t *testing.T) {
	t.Parallel()
	url := engines()[1].place(t, 5000)
	for _, set := range []string{"vacuum_cost_delay = '100ms'", "vacuum_cost_limit = 1"} {
		do(t, url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "+strings.ReplaceAll(set, "'", "''")+"', current_database()); END $$")
	}
	ctx := context.Background()
	o := options(url)
	o.LockTimeout = time.Hour
	f := planned(t, url, script(double, func(s *revision.Script) { s.Fill.Workers = 2 }), o)
	holder := session(t, url) // of the last row, so that it does not end before
	defer holder.Close()
	if err := holder.Send(ctx, []db.Item{{SQL: "BEGIN"}, {SQL: "SELECT id FROM posts WHERE id = 5000 FOR UPDATE"}}, nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := fill.Work(ctx, f.ID, o)
		done <- err
	}()
	const runs = "SELECT COUNT(*) FROM pg_stat_progress_vacuum WHERE relid = 'posts'::regclass"
	for number(t, url, runs) == 0 {
		select {
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		case <-time.After(10 * time.Millisecond): // the next look
		}
	}
	c := session(t, url)
	defer c.Close()
	if err := c.Send(ctx, []db.Item{{SQL: "BEGIN"}, {SQL: "SET LOCAL lock_timeout = 0"},
		{SQL: "LOCK TABLE posts IN SHARE UPDATE EXCLUSIVE MODE"}, {SQL: "COMMIT"}}, nil); err != nil {
		t.Fatal(err)
	}
	if n := number(t, url, "SELECT vacuum_count FROM pg_stat_all_tables WHERE relid = 'posts'::regclass"); n != 0 {
		t.Errorf("%d vacuums went to their end first", n)
	}
	do(t, url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET ALL', current_database()); END $$",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%/tidy'")
	if _, err := holder.Exec(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	once(t, url, 5000)
}
