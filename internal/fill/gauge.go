package fill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
)

const (
	// gaugeTime is how often it is looked how hard the server is pressed.
	gaugeTime = time.Second
	// gaugeLong bounds one question.
	gaugeLong = 5 * time.Second
	// blindTime is how long work goes on after it could be looked last.
	blindTime = 15 * time.Second
)

// pressed is what the workers of a process know of the limits.
type pressed struct {
	effort backfill.Effort
	why    string // what is pressed most; "" while nothing is given up
	// company: others than this tool are at work on the server.
	company bool
}

// press is how much of a limit is used: 1 is the limit.
type press struct {
	use float64
	why string
}

// gauge watches, for one process, what it must not do to the database and to
// those who use it, and decides how hard its workers work.
type gauge struct {
	*job
	session
	spec    string // the task, and its limits, as they were read last
	limits  limit.Limits
	effort  backfill.Effort
	counted map[string]counted
	unseen  map[string]bool // limits of which was said that they cannot be seen
	others  map[string]db.Conn
	command ran
	seen    time.Time // when it was looked last
	company bool      // as it was seen last
	due     time.Time
	tidied  time.Time
}

// counted is what a counter was when it was read last.
type counted struct {
	at     time.Time
	amount float64
}

func (j *job) newGauge(s session, workers int) *gauge {
	return &gauge{job: j, session: s, effort: backfill.Effort{Most: workers}, counted: map[string]counted{}, unseen: map[string]bool{},
		others: map[string]db.Conn{}, seen: time.Now()}
}

// limitsOf are the limits that hold for a backfill in this process: of what its
// file, this process's configuration and a person said the last that says
// something.
func limitsOf(f ledger.Fill, o Options) (limit.Limits, error) {
	s, err := readSpec(f)
	if err != nil {
		return limit.Limits{}, err
	}
	return limit.Read(s.layers(o)...)
}

func (s spec) layers(o Options) []limit.Set {
	return []limit.Set{o.Limits, s.Script.Fill.Limits, s.Limits}
}

// said are the limits that somebody has set.
func (s spec) said(o Options) map[string]string {
	all := map[string]string{}
	for _, layer := range s.layers(o) {
		maps.Copy(all, layer)
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == limit.Usual })
	return all
}

// watch looks until ctx ends, on a session of its own, which is replaced when it
// breaks.
func (g *gauge) watch(ctx context.Context) {
	defer g.close()
	for ctx.Err() == nil {
		sleep(ctx, gaugeTime)
		if ctx.Err() == nil {
			g.look(ctx)
		}
	}
}

func (g *gauge) close() {
	for _, c := range g.others {
		_ = c.Close()
	}
	if g.o.Open != nil && g.Conn != nil {
		_ = g.Close()
	}
}

// look looks once, and tells the workers.
func (g *gauge) look(ctx context.Context) {
	now := time.Now()
	worst, err := g.ask(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		g.reopen(ctx, err)
		if time.Since(g.seen) < blindTime {
			return
		}
		worst = press{1, "how hard the server is pressed cannot be seen: " + words(err)}
	} else {
		g.seen = now
	}
	stopped := g.effort.Stopped
	g.effort = g.effort.Next(now, worst.use)
	why := worst.why
	if g.effort.Whole() {
		why = ""
	}
	g.pressed.Store(&pressed{g.effort, why, g.company})
	switch {
	case g.effort.Stopped && !stopped:
		g.emit(event.FillPaused{ID: string(g.task.Revision), Table: g.table, Why: why})
	case stopped && !g.effort.Stopped:
		g.emit(event.FillPaused{ID: string(g.task.Revision), Table: g.table})
	}
}

// reopen replaces a session that broke, for the next look.
func (g *gauge) reopen(ctx context.Context, err error) {
	if g.o.Open == nil || !isGone(err) && !errors.Is(err, context.DeadlineExceeded) {
		return
	}
	c, err := g.o.Open(ctx, g.app("limits"))
	if err != nil {
		return // or with the next look
	}
	if g.Conn != nil {
		_ = g.Close()
	}
	g.Conn = c
	clear(g.counted)
}

// ask asks everything that has a limit, and gives what is pressed most. An error
// is that nothing could be asked.
func (g *gauge) ask(ctx context.Context) (worst press, err error) {
	if g.Conn == nil {
		return worst, context.DeadlineExceeded
	}
	short, cancel := context.WithTimeout(ctx, gaugeLong)
	defer cancel()
	f, err := g.led.ReadFill(short, g.Conn, g.id)
	if err != nil {
		return worst, err
	}
	if f.Spec != g.spec {
		if g.limits, err = limitsOf(f, g.o); err != nil {
			return worst, err
		}
		g.spec = f.Spec
	}
	more := func(p press) {
		if p.why != "" && (worst.why == "" || p.use > worst.use) {
			worst = p
		}
	}
	more(g.window())
	g.company = g.accompanied(short)
	signals, err := g.signals(short)
	if err != nil {
		return worst, err
	}
	for _, p := range signals {
		more(p)
	}
	for _, u := range g.limits.Replicas {
		more(g.replica(ctx, u))
	}
	p, err := g.query(ctx)
	more(p)
	more(g.runCommand(ctx))
	return worst, err
}

// accompanied tells whether others are at work. Where it cannot be seen they are.
func (g *gauge) accompanied(ctx context.Context) bool {
	ask := g.lang.Fill().Company
	if ask == "" {
		return false
	}
	line, err := firstLine(ctx, g.Conn, ask)
	return err != nil || len(line) == 0 || line[0] != "0"
}

// window tells whether it is a time at which work is allowed.
func (g *gauge) window() press {
	open, next := g.limits.Windows.Open(time.Now())
	if open {
		return press{}
	}
	return press{1, "it is outside of the windows; work goes on at " + next.Format("Mon 2006-01-02 15:04 MST")}
}

// signals asks the server.
func (g *gauge) signals(ctx context.Context) ([]press, error) {
	signaller, ok := g.lang.(dialect.Signaller)
	gauger, ok2 := g.Conn.(db.Gauger)
	if !ok || !ok2 {
		return nil, nil
	}
	var all []press
	for _, s := range signaller.Signals(g.tables()) {
		most, on := g.limits.Most[s.Limit]
		if !on || s.Limit == limit.ReplicaLag && len(g.limits.Replicas) > 0 {
			continue
		}
		readings, err := gauger.Gauge(ctx, s)
		if isGone(err) || ctx.Err() != nil {
			return all, errors.Join(err, ctx.Err())
		}
		if err != nil {
			all = append(all, g.hidden(s.Limit, s.Vital, "", words(err)))
			continue
		}
		for _, r := range readings {
			all = append(all, g.hold(s, r, most))
		}
	}
	return all, nil
}

// tables are the table, or its leaves.
func (j *job) tables() []plan.Name {
	j.mu.Lock()
	defer j.mu.Unlock()
	names := make([]plan.Name, len(j.parts))
	for i, p := range j.parts {
		names[i] = p.Table
	}
	return names
}

// hold holds a reading against its limit.
func (g *gauge) hold(s dialect.Signal, r db.Reading, most float64) press {
	if r.Hidden {
		return g.hidden(s.Limit, s.Vital, r.Who, "")
	}
	if most == 0 {
		most = r.Most
	}
	amount := r.Amount
	if s.Grows {
		was, now := g.counted[s.Limit+r.Who], counted{time.Now(), r.Amount}
		g.counted[s.Limit+r.Who] = now
		if was.at.IsZero() || now.amount < was.amount {
			return press{}
		}
		amount = (now.amount - was.amount) / max(now.at.Sub(was.at).Seconds(), 0.001)
	}
	if most <= 0 {
		return press{}
	}
	p := press{amount / most, phrase(s.Limit, r.Who, amount, most)}
	if s.Limit == limit.Vacuum && p.use < 1 {
		return press{} // it is a word, not an amount
	}
	if s.Limit == limit.DeadRows && p.use >= 1 && time.Since(g.tidied) > 30*time.Second {
		g.tidied = time.Now()
		g.tidy()
	}
	return p
}

// hidden is about a limit whose use cannot be seen: it stops the work where it
// matters, and is said once where not.
func (g *gauge) hidden(name string, vital bool, who, why string) press {
	if who != "" {
		why = who + map[bool]string{true: ": " + why}[why != ""]
	}
	if why != "" {
		why = " (" + why + ")"
	}
	if !g.limits.Blind && (vital || g.limits.Asked[name]) {
		hint := "set " + name + " to off, or unseen to go"
		if name == limit.ReplicaLag {
			hint = "name the replicas in bellows.toml, or set replica_lag to off, or unseen to go"
		}
		return press{1, name + " cannot be seen" + why + "; " + hint}
	}
	if !g.unseen[name] {
		g.unseen[name] = true
		g.emit(event.Warning{Code: "backfill.unseen", Text: "the limit " + name + " does not hold, because this role cannot see it" + why,
			Hint: "give the role the right, or set " + name + " to off"})
	}
	return press{}
}

// phrases say how much of a limit is used: %[1]s is who, %[2]s how much, %[3]s
// the limit.
var phrases = map[string]string{
	limit.ReplicaLag:     "%[1]s is %[2]s behind, of %[3]s at most",
	limit.ReplicaBytes:   "%[1]s is %[2]s behind, of %[3]s at most",
	limit.SlotBytes:      "%[1]s keeps %[2]s of log, of %[3]s at most",
	limit.LogRate:        "the server writes %[2]s of log, of %[3]s at most",
	limit.Vacuum:         "%[1]s goes first",
	limit.DeadRows:       "%[2]s of the rows of %[1]s are dead, of %[3]s at most",
	limit.SnapshotAge:    "%[1]s has had a transaction open for %[2]s, of %[3]s at most",
	limit.History:        "%[2]s old versions of rows wait to be removed, of %[3]s at most",
	limit.ActiveSessions: "%[2]s sessions are at work, of %[3]s at most",
	limit.WALSize:        "%[2]s of %[1]s wait to be written back, of %[3]s at most",
}

func phrase(name, who string, amount, most float64) string {
	return fmt.Sprintf(phrases[name], who, limit.Text(name, amount), limit.Text(name, most))
}
