package bellows_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// hiders are the databases with a brown-out: all.
func hiders(t *testing.T, test func(t *testing.T, s swap)) {
	for _, s := range swaps() {
		t.Run(s.name, func(t *testing.T) { test(t, s) })
	}
}

// fails tells whether a statement fails, in a session of its own.
func fails(t *testing.T, url, sql string) bool {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	_, err := c.Exec(context.Background(), sql)
	return err != nil
}

// brownout is one in which something is done while the columns are away.
func brownout(t *testing.T, url, dir string, span time.Duration, meanwhile func(cancel func())) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	away := 0
	err := with(t, url, dir, bellows.Options{Point: func(name string) {
		if name == "change away" {
			away++
			meanwhile(cancel)
		}
	}}, func(_ context.Context, m *bellows.Migrator) error {
		return m.Brownout(ctx, req(bellows.ChangeRequest{For: span}))
	})
	if away != 1 {
		t.Fatalf("the columns were away %d times: %v", away, err)
	}
	return err
}

// While the old columns are away who uses them fails, and who writes the new side
// does not; then all is as before, and the rows written meanwhile agree. That holds
// before the approval, when a write of both sides is refused, and after it.
func TestBrownout(t *testing.T) {
	hiders(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		must(t, s.do(t, url, dir, "wait"))
		id := 3000
		for _, verb := range []string{"wait", "approve"} {
			must(t, s.do(t, url, dir, verb))
			shape := func() string { return strings.Join(column(t, url, s.looks[0]), "\n") }
			before, was := shape(), phaseOf(t, url, dir)
			must(t, brownout(t, url, dir, time.Millisecond, func(func()) {
				// Another run waits its turn, and puts nothing back under the nose of this one.
				wantCode(t, with(t, url, dir, bellows.Options{LockWait: -1}, upWith(bellows.Request{})), fault.Locked, "")
				for _, sql := range []string{"SELECT lat FROM posts", "INSERT INTO posts (id, lat, lng) VALUES (9000, 1, 2)", "UPDATE posts SET lat = 3"} {
					if !fails(t, url, sql) {
						t.Errorf("%s works while the old columns are away", sql)
					}
				}
				id++
				exec1(t, url, "INSERT INTO posts (id, loc) VALUES ("+strconv.Itoa(id)+", (SELECT loc FROM (SELECT loc FROM posts WHERE id = 7) q))")
				exec1(t, url, "UPDATE posts SET loc = (SELECT loc FROM (SELECT loc FROM posts WHERE id = 9) q) WHERE id = 8")
				exec1(t, url, "DELETE FROM posts WHERE id = "+strconv.Itoa(id-2990))
				if now := phaseOf(t, url, dir); now.Trouble != nil || !strings.Contains(strings.Join(now.WaitingFor, " "), "are away since") {
					t.Errorf("status tells %v, waiting for %q", now.Trouble, now.WaitingFor)
				}
			}))
			if after := shape(); after != before {
				t.Fatalf("it leaves\n%s\nwhere was\n%s", after, before)
			}
			wantRows(t, url, "SELECT count(*) FROM posts WHERE id = "+strconv.Itoa(id)+" AND lat = 14 AND lng = 21", "1")
			wantRows(t, url, "SELECT count(*) FROM posts WHERE id = 8 AND lat = 18 AND lng = 27", "1")
			wantRows(t, url, s.agree, "0")
			now := phaseOf(t, url, dir)
			if now.Trouble != nil || !now.Proof.Valid || now.Phase != "hold" || strings.Join(now.WaitingFor, " ") != strings.Join(was.WaitingFor, " ") {
				t.Fatalf("afterwards the change is %+v", now)
			}
			exec1(t, url, "UPDATE posts SET lat = 50 WHERE id = 11")
			wantRows(t, url, s.agree, "0")
		}
		must(t, s.do(t, url, dir, "contract"))
	})
}

// An interrupt puts the columns back at once.
func TestBrownoutInterrupted(t *testing.T) {
	hiders(t, func(t *testing.T, s swap) {
		url, dir := s.held(t)
		err := brownout(t, url, dir, 10*time.Minute, func(cancel func()) { cancel() })
		wantCode(t, err, fault.Interrupted, "")
		exec1(t, url, "UPDATE posts SET lat = 50 WHERE id = 11")
		must(t, s.do(t, url, dir, "contract"))
	})
}

// A process that is killed while the columns are away leaves it to the next one
// to put them back, whatever that is asked to do.
func TestBrownoutKilled(t *testing.T) {
	hiders(t, func(t *testing.T, s swap) {
		for _, verb := range []string{"up", "verify", "approve", "contract", "brownout", "abort", "down"} {
			url, dir := s.held(t)
			want := s.picture(t, url, dir)
			c := child{URL: url, Dir: dir, Verb: "change brownout", Target: oneMerge, KillName: "change away", KillAt: 1}
			if out, code, killed := c.run(t); !killed {
				t.Fatalf("it ends with %d instead of a kill: %s", code, out)
			}
			if !fails(t, url, "SELECT lat FROM posts") {
				t.Fatal("the columns are there")
			}
			if now := phaseOf(t, url, dir); now.Trouble != nil || !strings.Contains(strings.Join(now.WaitingFor, " "), "for 1ms") {
				t.Fatalf("status tells %v, waiting for %q", now.Trouble, now.WaitingFor)
			}
			again := child{URL: url, Dir: dir, Verb: "change " + verb, Target: oneMerge, LockWait: 30 * time.Second}
			if out, code, _ := again.run(t); code != 0 {
				t.Fatalf("%s ends with %d: %s", verb, code, out)
			}
			switch verb {
			case "up", "verify", "approve", "brownout":
				if got := s.picture(t, url, dir); got != want {
					t.Fatalf("%s leaves\n%s\nwhere was\n%s", verb, got, want)
				}
			case "abort", "down":
				wantRows(t, url, "SELECT count(*) FROM posts WHERE lat = id * 2 AND lng = id * 3", "500")
			case "contract":
				wantPhase(t, url, dir, "contract")
			}
		}
	})
}

// The connection is cut at any commit of a brown-out: the columns are back at its
// end, and the last thing that the journal says is so.
func TestBrownoutCommitAnswerLost(t *testing.T) {
	s := swaps()[1]
	url, dir := s.held(t)
	want := s.picture(t, url, dir)
	for nth := 0; ; nth++ {
		wire := testdb.Proxy(t, url)
		cut := wire.CutOn(testdb.Cut{Sent: "COMMIT", Nth: nth / 2, Where: []testdb.Where{testdb.AfterAnswer, testdb.BeforeServer}[nth%2]})
		must(t, s.do(t, wire.URL, dir, "brownout"))
		if got := s.picture(t, url, dir); got != want {
			t.Fatalf("COMMIT %d leaves\n%s\nwhere was\n%s", nth, got, want)
		}
		wantRows(t, url, "SELECT detail FROM bellows.journal WHERE action = 'brownout' ORDER BY seq DESC LIMIT 1", "the old columns are back")
		select {
		case <-cut:
		default:
			if nth < 4 {
				t.Fatalf("only %d commits went by", nth/2)
			}
			return
		}
	}
}

// They are put back also where the file was edited, or is gone, which is refused
// all the same.
func TestBrownoutKilledAndEdited(t *testing.T) {
	hiders(t, func(t *testing.T, s swap) {
		for _, edit := range []func(path string) error{os.Remove, func(path string) error {
			return os.WriteFile(path, []byte(strings.Replace(s.file, "uses loc", "reads loc", 1)), 0o644)
		}} {
			url, dir := s.held(t)
			c := child{URL: url, Dir: dir, Verb: "change brownout", Target: oneMerge, KillName: "change away", KillAt: 1}
			if out, code, killed := c.run(t); !killed {
				t.Fatalf("it ends with %d instead of a kill: %s", code, out)
			}
			must(t, edit(filepath.Join(dir, "1_merge.sql")))
			err := with(t, url, dir, bellows.Options{LockWait: 30 * time.Second}, upWith(bellows.Request{}))
			if fails(t, url, "SELECT lat FROM posts") {
				t.Fatal("the columns are still away:", err)
			}
			wantRows(t, url, s.agree, "0")
		}
	})
}

// A table whose subscribers would stop at the other names is left alone.
func TestBrownoutOfAPublishedTable(t *testing.T) {
	s := swaps()[1]
	url, dir := s.held(t)
	exec1(t, url, "CREATE PUBLICATION feed FOR TABLE posts")
	wantCode(t, s.do(t, url, dir, "brownout"), fault.Unsupported, "it is in the publication feed, whose subscribers stop")
	exec1(t, url, "DROP PUBLICATION feed")
	must(t, s.do(t, url, dir, "brownout"))
}

// Where it cannot be made safe, or the change does not hold, it is refused.
func TestBrownoutIsRefused(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		must(t, s.do(t, url, dir, "up"))
		for _, span := range []time.Duration{0, -time.Second, time.Hour} {
			err := with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
				return m.Brownout(ctx, req(bellows.ChangeRequest{For: span}))
			})
			wantCode(t, err, fault.Usage, "cannot be away for "+span.String())
		}
		wantCode(t, s.do(t, url, dir, "brownout"), fault.Confirm, "1 does not hold: it is at backfill")
	})
}
