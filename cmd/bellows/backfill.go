package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	brake "github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) backfillVerb() *cobra.Command {
	cmd := a.command(verb{use: "backfill status|run|pause|resume|cancel|set|poison", short: "the changes of many rows that are under way",
		long: `A backfill changes the rows of a table in chunks, each in a short transaction of
its own. bellows up runs it in its place in the chain; these verbs look at it,
steer it and help with it, from any process on any machine. Without an ID they
mean the only one that is under way.`,
		example: "bellows backfill status\nbellows backfill pause\nbellows backfill resume\nbellows backfill run", exits: []int{7, 130}, max: -1,
		run: func(_ context.Context, args []string) (answer.Answer, error) {
			return nil, whichOf("backfill", first(args), "status", "run", "pause", "resume", "cancel", "set", "poison")
		}})
	cmd.AddCommand(a.backfillStatusVerb(), a.backfillRunVerb(), a.backfillPauseVerb(), a.backfillResumeVerb(), a.backfillCancelVerb(),
		a.backfillSetVerb(), a.poisonVerb())
	return cmd
}

// whichOf is the error of a verb that wants one of others behind it.
func whichOf(verb, word string, others ...string) error {
	e := fault.New(fault.Usage, "bellows %s wants %s", verb, either(others))
	if near := fault.Nearest(word, others); near != "" {
		return e.Try("did you mean bellows %s %s?", verb, near)
	}
	return e.Try("bellows %s --help", verb)
}

// either is "a, b or c".
func either(words []string) string {
	s := words[0]
	for i, w := range words[1:] {
		s += map[bool]string{true: " or ", false: ", "}[i == len(words)-2] + w
	}
	return s
}

func (a *app) backfillStatusVerb() *cobra.Command {
	return a.command(verb{
		use: "status [ID]", short: "how far backfills are, and what limits them",
		long: `Shows every backfill that has begun: rows done and changed, rows a second of all
workers together, the time that is left, what limits it now, rows set aside, and
the command that brings it on. Every process sees the same: the numbers come from
the database. It writes nothing.`,
		example: "bellows backfill status\nbellows backfill status --json",
		exits:   []int{6, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			m, _, err := a.open(ctx, readOnly)
			if err != nil {
				return nil, err
			}
			defer func() { _ = m.Close() }()
			fills, err := m.Backfills(ctx)
			if err != nil {
				return nil, err
			}
			fills, err = ofRevision(m, fills, first(args))
			return answer.Backfills{Fills: fills}, err
		},
	})
}

func (a *app) backfillRunVerb() *cobra.Command {
	var workers workers
	cmd := a.command(verb{
		use: "run [ID]", acts: true, short: "work on the backfills that are under way",
		long: `Joins the backfills that are under way, that of ID or all, and works on them
beside whoever else does, until they are at their end: start it in as many
processes on as many machines as you like. They share the work through the
database; each row is changed once. One that had stopped goes on. bellows up does
the same before it goes on to what comes next.`,
		example: "bellows backfill run\nbellows backfill run --workers 2",
		exits:   []int{5, 6, 7, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			m, _, err := a.open(ctx, nil)
			if err != nil {
				return nil, err
			}
			defer func() { _ = m.Close() }()
			report, err := m.RunBackfills(ctx, first(args), int(workers))
			return answer.Run{Report: report}, err
		},
	})
	cmd.Flags().Var(&workers, "workers", "how many workers this process has, `N`; on PostgreSQL, MySQL and MariaDB (default: as the file says)")
	a.tagFlag(cmd.Flags())
	return cmd
}

func (a *app) backfillPauseVerb() *cobra.Command {
	return a.tellVerb("paused", (*bellows.Migrator).PauseBackfill, verb{
		use: "pause [ID]", short: "make the workers wait",
		long: `Makes the workers of a backfill, wherever they are, wait after the chunk they are
at. They keep their sessions and hold no locks. bellows backfill resume goes on.`,
		example: "bellows backfill pause\nbellows backfill resume",
	})
}

func (a *app) backfillResumeVerb() *cobra.Command {
	return a.tellVerb("resumed", (*bellows.Migrator).ResumeBackfill, verb{
		use: "resume [ID]", short: "make the workers go on",
		long: `Makes the workers of a paused backfill go on. Where none is left it says so:
bellows backfill run is one.`,
		example: "bellows backfill pause\nbellows backfill resume",
	})
}

func (a *app) backfillCancelVerb() *cobra.Command {
	return a.tellVerb("cancelled", (*bellows.Migrator).CancelBackfill, verb{
		use: "cancel [ID]", short: "give a backfill up",
		long: `Gives a backfill up. Workers leave after the chunk they are at; what was done is
kept. The migration then stands as before the backfill: pending when it was going
up, and the next bellows up begins it anew, with the text its file has then; that
is how to correct one. A way down that was given up leaves it applied.`,
		example: "bellows backfill cancel\nbellows up",
	})
}

// tellVerb is a verb that makes one decision about a backfill.
func (a *app) tellVerb(did string, tell func(*bellows.Migrator, context.Context, string) error, v verb) *cobra.Command {
	v.exits, v.max, v.complete = []int{6, 130}, 1, a.targets
	v.run = func(ctx context.Context, args []string) (answer.Answer, error) {
		return a.tell(ctx, first(args), did, tell)
	}
	return a.command(v)
}

func (a *app) tell(ctx context.Context, id, did string, tell func(*bellows.Migrator, context.Context, string) error) (answer.Answer, error) {
	m, _, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	fill, err := theFill(ctx, m, id)
	if err != nil {
		return nil, err
	}
	if err := tell(m, ctx, fill.Revision); err != nil {
		return nil, err
	}
	if fill, err = theFill(ctx, m, fill.Revision); err != nil {
		return nil, err
	}
	return answer.Backfills{Fills: []bellows.Backfill{fill}, Did: did}, nil
}

// theFill is the newest backfill of a revision; with "" the only one that is
// under way.
func theFill(ctx context.Context, m *bellows.Migrator, id string) (bellows.Backfill, error) {
	all, err := m.Backfills(ctx)
	if err != nil {
		return bellows.Backfill{}, err
	}
	if id == "" {
		if all = underWay(all); len(all) == 1 {
			return all[0], nil
		}
		if len(all) == 0 {
			return bellows.Backfill{}, fault.New(fault.Target, "no backfill is under way").Try("bellows backfill status lists those that were; bellows up begins those that are pending")
		}
		return bellows.Backfill{}, fault.New(fault.Target, "%s are under way", plural(len(all), "backfill")).Try("name one: %s", either(idsOf(all)))
	}
	if all, err = ofRevision(m, all, id); err != nil {
		return bellows.Backfill{}, err
	}
	return all[len(all)-1], nil
}

// ofRevision are the backfills of one revision, all with "".
func ofRevision(m *bellows.Migrator, all []bellows.Backfill, id string) ([]bellows.Backfill, error) {
	if id == "" {
		return all, nil
	}
	var its []bellows.Backfill
	rev, _, err := m.Revision(id)
	for _, b := range all {
		if b.Revision == id || err == nil && b.Revision == string(rev.ID) {
			its = append(its, b)
		}
	}
	if len(its) > 0 {
		return its, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Target, "no backfill of %s %s has begun", rev.ID, rev.Name).Try("bellows up begins those that are pending")
}

// underWay are the backfills that are not at their end.
func underWay(all []bellows.Backfill) []bellows.Backfill {
	var left []bellows.Backfill
	for _, b := range all {
		if b.State != "applied" && b.State != "cancelled" {
			left = append(left, b)
		}
	}
	return left
}

func idsOf(all []bellows.Backfill) []string {
	ids := make([]string, len(all))
	for i, b := range all {
		ids[i] = b.Revision
	}
	return ids
}

// setFlags are what can be tuned; a flag that was not given changes nothing.
type setFlags struct {
	target, pause         span
	rows, workers, poison whole
	limits                limits
}

func (a *app) backfillSetVerb() *cobra.Command {
	s := setFlags{target: span{least: time.Millisecond}, workers: whole{least: 1}}
	cmd := a.command(verb{
		use: "set [ID]", short: "tune a backfill while it runs",
		long: `Changes how a backfill goes about its work, and what holds it back. Workers read
it with their next chunk, limits within about a second; more workers than a
process began with take effect in those that join from then on. It holds for this
backfill only; the file says what the next one begins with.`,
		example: "bellows backfill set --target 50ms --pause 200ms\nbellows backfill set --workers 1 --rows 1000 --poison 10\nbellows backfill set --limit replica_lag=30s --limit \"windows=22:00-06:00 Europe/Berlin\"",
		exits:   []int{6, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			setting := bellows.BackfillSetting{Target: s.target.value, Pause: s.pause.value, Rows: s.rows.value, Workers: s.workers.value, Poison: s.poison.value, Limits: s.limits}
			if reflect.ValueOf(setting).IsZero() {
				return nil, fault.New(fault.Usage, "backfill set wants something to set").Try("--target, --pause, --rows, --workers, --poison or --limit")
			}
			return a.tell(ctx, first(args), "set", func(m *bellows.Migrator, ctx context.Context, id string) error {
				return m.SetBackfill(ctx, id, setting)
			})
		},
	})
	f := cmd.Flags()
	f.Var(&s.target, "target", "how long a chunk should take, a `DURATION` of 20ms to 2s")
	f.Var(&s.pause, "pause", "how long a worker waits between two chunks, a `DURATION`")
	f.Var(&s.rows, "rows", "most rows in a chunk, `N`; 0 is the usual 50000")
	f.Var(&s.workers, "workers", "how many workers each process has, `N`")
	f.Var(&s.poison, "poison", "most rows set aside before it stops, `N`")
	f.Var(&s.limits, "limit", "what holds it back, `NAME=VALUE`, such as replica_lag=30s; =off ends it, =usual takes back what was set; may be repeated")
	return cmd
}

// limits is a flag that may be repeated.
type limits map[string]string

func (l *limits) Type() string   { return "limit" }
func (l *limits) String() string { return "" }

func (l *limits) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if wrong, hint := brake.Check(name, value); !ok || wrong != "" {
		if !ok {
			wrong, hint = "has no value", "write NAME=VALUE"
		}
		return fmt.Errorf("%s %s; %s", name, wrong, hint)
	}
	if *l == nil {
		*l = limits{}
	}
	(*l)[name] = value
	return nil
}

// span is a flag for a duration of least or more, nil when it is not given.
type span struct {
	value *time.Duration
	least time.Duration
}

func (s *span) Type() string { return "duration" }

func (s *span) String() string {
	if s.value == nil {
		return ""
	}
	return s.value.String()
}

func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < s.least || d > 24*time.Hour {
		return fmt.Errorf("it is a duration of at least %s, such as 100ms or 2s", s.least)
	}
	s.value = &d
	return nil
}

// whole is a flag for a number of least or more, nil when it is not given.
type whole struct {
	value *int64
	least int64
}

func (w *whole) Type() string { return "int" }

func (w *whole) String() string {
	if w.value == nil {
		return ""
	}
	return strconv.FormatInt(*w.value, 10)
}

func (w *whole) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < w.least || n > 1<<30 {
		return fmt.Errorf("it is a whole number of at least %d", w.least)
	}
	w.value = &n
	return nil
}

// workers is a number of workers; 0, which no one can write, is as the file says.
type workers int

func (w *workers) String() string { return strconv.Itoa(int(*w)) }
func (*workers) Type() string     { return "int" }

func (w *workers) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return errors.New("it is a number of workers, 1 to 1000")
	}
	*w = workers(n)
	return nil
}
