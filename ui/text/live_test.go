package text_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/ui/answer"
	"github.com/bellowsdb/bellows/ui/internal/sample"
	"github.com/bellowsdb/bellows/ui/text"
)

// watched is a face on a terminal whose clock the test turns.
type watched struct {
	*text.Face
	err bytes.Buffer
	at  time.Time
}

func watch(width int) *watched {
	w := &watched{at: time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)}
	w.Face = text.New(text.Options{Out: &bytes.Buffer{}, Err: &w.err, Motion: true, Width: width, Now: func() time.Time { return w.at }})
	return w
}

// after lets time go by, and gives what was written since the last time.
func (w *watched) after(d time.Duration) string {
	w.at = w.at.Add(d)
	w.Tick()
	s := w.err.String()
	w.err.Reset()
	return visible(s)
}

// sees compares what is written after a while.
func (w *watched) sees(t *testing.T, d time.Duration, want string) {
	t.Helper()
	if diff := cmp.Diff(want, w.after(d)); diff != "" {
		t.Error(diff)
	}
}

const second = time.Second

func TestLongStatement(t *testing.T) {
	w := watch(72)
	w.Event(event.MigrationStarted{ID: "20261120101500", Name: "merge_location", Direction: "up", Number: 2, Of: 5})
	w.sees(t, 0, "up        20261120101500  merge_location (2 of 5)")
	w.sees(t, second/2, "")
	w.sees(t, second, `\r\e[Kup        20261120101500  merge_location (2 of 5)  1 s`)
	w.Event(event.StatementStarted{ID: "20261120101500", Number: 1, Of: 2, SQL: "ALTER TABLE posts\n\tADD COLUMN password='x' text"})
	w.sees(t, 0, `\r\e[Kup        merge_location (2 of 5)  1/2 ALTER TABLE posts ADD COLUMN pa…`)
	w.sees(t, 12*second, `\r\e[Kup        merge_location (2 of 5)  1/2 ALTER TABLE posts ADD COL…  12 s`)
	w.sees(t, 53*second, `\r\e[Kup        merge_location (2 of 5)  1/2 ALTER TABLE posts A…  1 min 05 s`)
	w.Event(event.StatementDone{ID: "20261120101500", Number: 1, Of: 2, SQL: "…"})
	w.sees(t, 2*second, `\r\e[Kup        20261120101500  merge_location (2 of 5)  2/2`+`\r\e[Kup        20261120101500  merge_location (2 of 5)  2/2  2 s`)
	w.Event(event.Notice{Severity: "WARNING", Text: "look"})
	w.sees(t, 0, `\r\e[Kserver    warning: look`+"\n"+"up        20261120101500  merge_location (2 of 5)  2/2  2 s")
	w.Event(event.MigrationDone{ID: "20261120101500", Name: "merge_location", Direction: "up", Duration: 70 * second})
	w.sees(t, second, `\r\e[Kapplied   20261120101500  merge_location  1 min 10 s`+"\n")
	w.Finish(answer.Outcome{})
	w.sees(t, second, "")
}

// TestWaitForLocks: the line that waits stands still; what it was for stays.
func TestWaitForLocks(t *testing.T) {
	w := watch(90)
	blocked := func(attempt int, in ...event.Blocker) {
		w.Event(event.Blocked{ID: "1", Table: "posts", Lock: "ACCESS EXCLUSIVE", Attempt: attempt, Wait: 3 * second, Blockers: in})
	}
	web := event.Blocker{PID: 812, User: "app", App: "web", Table: "posts", State: "idle in transaction", Age: 9 * second}
	w.Event(event.MigrationStarted{ID: "1", Name: "a", Direction: "up", Number: 1, Of: 1})
	w.sees(t, 0, "up        1  a (1 of 1)")
	blocked(1, web, event.Blocker{PID: 9, Vacuum: true})
	w.sees(t, 0, `\r\e[Kwaiting   1 for ACCESS EXCLUSIVE on posts: pid 812 web (idle in transaction); pid 9 auto…`)
	blocked(2, web)
	w.sees(t, 4*second, `\r\e[Kwaiting   1 for ACCESS EXCLUSIVE on posts: pid 812 web (idle in transaction)`+
		`\r\e[Kwaiting   1 for ACCESS EXCLUSIVE on posts: pid 812 web (idle in transaction)  4 s`)
	blocked(3)
	w.sees(t, 2*second, `\r\e[Kwaiting   1 for ACCESS EXCLUSIVE on posts: pid 812 web (idle in transaction)  6 s`)
	w.Event(event.StatementStarted{ID: "1", Number: 1, Of: 1, SQL: "SELECT 1"})
	const story = "waited    1 for ACCESS EXCLUSIVE on posts, 6.0 s, 3 attempts\n" +
		"          pid 812, user app, app web, table posts, idle in transaction, for 9.0 s\n"
	w.sees(t, 0, `\r\e[K`+story+"up        1  a (1 of 1)  SELECT 1")
	// Where nothing is heard after the next attempt, the locks were had.
	blocked(1)
	w.after(3 * second)
	w.sees(t, 6*second, `\r\e[Kwaited    1 for ACCESS EXCLUSIVE on posts, 9.0 s`+"\n"+"up        1  a (1 of 1)  SELECT 1  9 s")
}

// TestWaitForARun: whoever gives up tells it once, in the failure.
func TestWaitForARun(t *testing.T) {
	holder := event.Holder{Owner: "ann@web-3", PID: 4711, Run: "r1"}
	w := watch(60)
	w.Event(event.LockWaiting{Holder: holder})
	w.sees(t, second, `waiting   for the lock of ann@web-3 (process 4711), run r1`+`\r\e[Kwaiting   for the lock of ann@web-3 (process 4711), r…  1 s`)
	w.Event(event.RunDone{Err: errors.New("locked")})
	w.sees(t, second, `\r\e[K`)
	w.Event(event.LockWaiting{Holder: holder})
	w.after(second)
	w.Finish(answer.Outcome{Err: errors.New("locked")})
	w.sees(t, second, `\r\e[Kerror: locked`+"\ncode: failed\n")

	w = watch(60)
	w.Event(event.LockWaiting{Holder: holder})
	w.after(2 * second)
	w.Rest() // a question
	w.sees(t, second, `\r\e[Kwaited    for the lock of ann@web-3 (process 4711), run r1, 2.0 s`+"\n")
}

// TestCutPassword: a password is masked before the line that holds it is cut.
func TestCutPassword(t *testing.T) {
	for width := 30; width < 110; width++ {
		w := watch(width)
		w.Event(event.MigrationStarted{ID: "1", Name: "a", Direction: "up", Number: 1, Of: 1})
		w.Event(event.StatementStarted{ID: "1", Number: 1, Of: 1, SQL: "CREATE SUBSCRIPTION s CONNECTION 'postgres://ann:" + sample.Password + "@db/app' PUBLICATION p"})
		w.Event(event.Blocked{ID: "1", Blockers: []event.Blocker{{PID: 1, App: "postgres://ann:" + sample.Password + "@db/app"}}})
		if s := w.after(0); strings.Contains(s, sample.Password[:4]) {
			t.Errorf("width %d: %s", width, s)
		}
	}
}

// TestStill: nothing moves where nothing may, and nothing is hidden there.
func TestStill(t *testing.T) {
	var err bytes.Buffer
	face := text.New(text.Options{Out: &bytes.Buffer{}, Err: &err, Now: func() time.Time { return time.Unix(9, 0) }})
	face.Event(event.MigrationStarted{ID: "1", Name: "a", Direction: "up", Number: 1, Of: 1})
	face.Event(event.StatementStarted{ID: "1", Number: 1, Of: 1, SQL: "SELECT 1"})
	face.Event(event.Blocked{ID: "1", Table: "posts", Attempt: 1, Blockers: []event.Blocker{{PID: 7}}})
	face.Event(event.LockWaiting{Holder: event.Holder{Owner: "ann@web-3"}})
	face.Tick()
	face.Event(event.RunDone{})
	want := "waiting   1 for a lock on posts, attempt 1\n          pid 7\nwaiting   for the lock of ann@web-3\n"
	if got := err.String(); got != want || strings.ContainsAny(got, "\r\x1b") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBackfillBar: the line says as much of a backfill as the terminal has room
// for, and goes away when something else is to be said.
func TestBackfillBar(t *testing.T) {
	progress := func(done int64, limit string) event.FillProgress {
		return event.FillProgress{ID: "1", Table: "posts", RowsTotal: 1000000, RowsDone: done, Rate: 41200, ETALeast: 170 * second, ETAMost: 277 * second,
			ChunkSize: 4100, Workers: 2, Sweep: 1, LimitedBy: limit}
	}
	for width, want := range map[int]string{
		29:  "backfill  posts  ███░░░  60 %",
		44:  "backfill  posts  ███░░░  60 %  41,200 rows/s",
		65:  "backfill  posts  ██████░░░░  60 %  41,200 rows/s  3 to 5 min left",
		140: "backfill  posts  ██████████████░░░░░░░░░░  60 %  600,000 of 1,000,000 rows  41,200 rows/s  3 to 5 min left  chunks of 4,100  2 workers",
	} {
		w := watch(width + 1)
		w.Event(progress(600000, ""))
		w.sees(t, 0, want)
	}
	w := watch(101)
	w.Event(event.MigrationStarted{ID: "1", Name: "fill", Direction: "up", Number: 1, Of: 1})
	w.sees(t, 0, "up        1  fill (1 of 1)")
	w.Event(progress(600000, "waits for password=x of a replica that is far behind"))
	w.sees(t, second, `\r\e[Kbackfill  posts  60 %  41,200 rows/s  waits for password=xxxxx of a replica that is far behind`)
	w.Event(progress(600000, ""))
	w.sees(t, second, `\r\e[Kbackfill  posts  60 %  600,000 of 1,000,000 rows  41,200 rows/s  3 to 5 min left  chunks of 4,100`)
	w.Event(event.FillPoison{ID: "1", Table: "posts", Key: "id=7", Reason: "too long"})
	w.sees(t, 0, `\r\e[Kset aside posts id=7: too long`+"\n"+"backfill  posts  60 %  600,000 of 1,000,000 rows  41,200 rows/s  3 to 5 min left  chunks of 4,100")
	w.Event(event.FillPaused{ID: "1", Table: "posts", Why: "paused; bellows backfill resume goes on"})
	w.sees(t, 0, `\r\e[Kpaused    posts: bellows backfill resume goes on`+"\n"+"up        1  fill (1 of 1)  2 s")
	w.Event(event.FillDone{ID: "1", Table: "posts", State: "checked", RowsDone: 1000000, RowsChanged: 2, Chunks: 12, Duration: second})
	w.sees(t, 0, `\r\e[Kdone      posts: 1,000,000 rows in 12 chunks, 2 changed  1.0 s`+"\n"+"up        1  fill (1 of 1)  2 s")
}

// TestBackfillLines: without a terminal a backfill is told of now and then, and
// with each second where every statement is.
func TestBackfillLines(t *testing.T) {
	for verbose, want := range map[bool]int{false: 12, true: 101} {
		var err bytes.Buffer
		at := time.Unix(0, 0)
		face := text.New(text.Options{Out: &bytes.Buffer{}, Err: &err, Verbose: verbose, Now: func() time.Time { return at }})
		for i := range 101 {
			at = at.Add(second)
			if i == 55 {
				at = at.Add(2 * time.Minute)
			}
			face.Event(event.FillProgress{ID: "1", Table: "t", RowsTotal: 100, RowsDone: int64(i), Sweep: 1})
		}
		if got := strings.Count(err.String(), "\n"); got != want {
			t.Errorf("verbose %v: %d lines, want %d\n%s", verbose, got, want, err.String())
		}
	}
}
