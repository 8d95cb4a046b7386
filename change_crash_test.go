package bellows_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// changeVerb is what a process that may be killed does with a change.
func changeVerb(ctx context.Context, m *bellows.Migrator, verb, id string) (err error) {
	r := bellows.ChangeRequest{Revision: id, Hold: "every instance uses loc", Why: "seen", Now: true}
	switch verb {
	case "up":
		_, err = m.UpWith(ctx, bellows.Request{})
	case "wait":
		_, err = m.UpWith(ctx, bellows.Request{Wait: true})
	case "verify":
		err = m.VerifyChange(ctx, r)
	case "approve":
		err = m.Approve(ctx, r)
	case "contract":
		err = m.Contract(ctx, r)
	case "undo":
		err = m.Undo(ctx, r)
	case "purge":
		err = m.Purge(ctx, r)
	case "resync old", "resync new":
		r.Keep = strings.TrimPrefix(verb, "resync ")
		err = m.Resync(ctx, r)
	case "brownout":
		r.For = time.Millisecond
		err = m.Brownout(ctx, r)
	case "abort":
		err = m.Abort(ctx, r)
	case "down":
		_, err = m.Down(ctx, "-1")
	}
	return err
}

// A process is killed at every point that a verb passes, one after another; the
// same verb again leads to where an undisturbed one leads, each time.
func TestChangeSurvivesKills(t *testing.T) {
	ways := map[string][]string{
		"through": {"up", "wait", "verify", "approve", "contract", "undo", "approve", "contract", "purge"},
		"aborted": {"up", "wait", "approve", "abort", "up", "abort"},
		"down":    {"wait", "approve", "contract", "down"},
		"brown":   {"wait", "approve", "brownout", "contract"},
		"anew":    {"wait", "approve", "resync old", "wait", "approve", "resync new", "wait"},
	}
	for _, s := range swapsAndMoves() {
		for name, verbs := range ways {
			if s.kind != "" && s.name == "mariadb" && (name == "brown" || name != "through" && name != "aborted" && os.Getenv("BELLOWS_SOAK") == "") {
				continue // a brown-out is refused there; the others take minutes
			}
			t.Run(s.name+s.kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				calm, calmDir := s.place(t)
				url, dir := s.place(t)
				for i, verb := range verbs {
					out, code, _ := child{URL: calm, Dir: calmDir, Verb: "change " + verb, Target: oneMerge, Names: true}.run(t)
					if code != 0 {
						t.Fatalf("%d. %s: undisturbed it ends with %d: %s", i, verb, code, out)
					}
					kills := killed(t, child{URL: url, Dir: dir, Verb: "change " + verb, Target: oneMerge}, pointNames(out))
					if kills == 0 {
						t.Fatalf("%d. %s was killed nowhere: %s", i, verb, out)
					}
					want, got := s.picture(t, calm, calmDir), s.picture(t, url, dir)
					if want != got {
						t.Fatalf("%d. %s: after %d kills\n%s\nand undisturbed\n%s", i, verb, kills, got, want)
					}
				}
			})
		}
	}
}

// pointNames are the names of the points that a process has passed, each once, in
// order.
func pointNames(out string) []string {
	var names []string
	for _, l := range strings.Split(out, "\n") {
		if name, is := strings.CutPrefix(l, "point "); is && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// killed kills a process at one point after another, as long as it comes there,
// and lets it end then.
func killed(t *testing.T, c child, names []string) (kills int) {
	t.Helper()
	c.LockWait = 30e9
	for _, name := range names {
		c.KillName, c.KillAt = name, 1
		out, code, killed := c.run(t)
		switch {
		case killed:
			kills++
		case code != 0 && !wasDone(out):
			t.Fatalf("%s ends with %d instead of a kill at %q: %s", c.Verb, code, name, out)
		}
	}
	c.KillName, c.KillAt = "", 0
	if out, code, _ := c.run(t); code != 0 && !wasDone(out) {
		t.Fatalf("%s ends with %d after %d kills: %s", c.Verb, code, kills, out)
	}
	return kills
}

// wasDone tells whether a verb ended so because it had been carried out before it
// was killed.
func wasDone(out string) bool {
	return strings.Contains(out, "is past its") || strings.Contains(out, "has not begun") || strings.Contains(out, "0 revisions are applied")
}

// The connection is cut after COMMIT went to the server, before the server had it
// and after: whether expand with sync, and the contract, took effect is found out,
// and nothing is done twice.
func TestChangeCommitAnswerLost(t *testing.T) {
	s := swaps()[1]
	for _, verb := range []string{"up", "contract"} {
		place := s.place
		if verb == "contract" {
			place = func(t *testing.T, _ ...string) (url, dir string) { return s.held(t) }
		}
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			calm, calmDir := place(t)
			must(t, s.do(t, calm, calmDir, verb))
			want := s.picture(t, calm, calmDir) + s.deeds(t, calm)
			for nth := 0; ; nth++ {
				url, dir := place(t)
				wire := testdb.Proxy(t, url)
				cut := wire.CutOn(testdb.Cut{Sent: "COMMIT", Nth: nth / 2, Where: []testdb.Where{testdb.AfterAnswer, testdb.BeforeServer}[nth%2]})
				reconnected := 0
				o := bellows.Options{Sink: event.SinkFunc(func(e event.Event) {
					if _, ok := e.(event.Reconnected); ok {
						reconnected++
					}
				})}
				err := with(t, wire.URL, dir, o, func(ctx context.Context, m *bellows.Migrator) error { return changeVerb(ctx, m, verb, oneMerge) })
				select {
				case <-cut:
				default:
					if nth < 4 {
						t.Fatalf("only %d commits went by", nth/2)
					}
					return
				}
				if err != nil {
					t.Fatalf("COMMIT %d: %v", nth, err)
				}
				if reconnected == 0 {
					t.Errorf("COMMIT %d: the connection was cut and nobody noticed", nth)
				}
				if got := s.picture(t, url, dir) + s.deeds(t, url); got != want {
					t.Fatalf("COMMIT %d:\n%s\nwant:\n%s", nth, got, want)
				}
			}
		})
	}
}

// deeds is what the journal says was done with a change.
func (s swap) deeds(t *testing.T, url string) string {
	return strings.Join(column(t, url, "SELECT action || ' ' || coalesce(detail, '') FROM bellows.journal WHERE revision = '1' ORDER BY seq"), "\n")
}

// picture is everything that a change may leave: the table, its rows, what keeps
// the sides in step, and what the ledger says.
func (s swap) picture(t *testing.T, url, dir string) string {
	t.Helper()
	c := phaseOf(t, url, dir)
	var st bellows.Status
	must(t, with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) (err error) {
		st, err = m.Status(ctx)
		return err
	}))
	out := fmt.Sprintf("phase %q policy %q proof %v %d approved %v\n", c.Phase, c.Policy, c.Proof.Valid, c.Proof.Rows, len(c.Holds) > 0 && c.Holds[0].Approved)
	for _, r := range st.Revisions {
		out += fmt.Sprintf("revision %s %s %s\n", r.ID, r.State, r.Phase)
	}
	for _, sql := range s.looks {
		out += strings.Join(column(t, url, sql), "\n") + "\n"
	}
	return out
}
