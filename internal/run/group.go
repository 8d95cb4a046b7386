package run

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Where a commit waits for the disk and for nothing else (db.Sharer), it takes
// longer than what a small migration does. There a run of small ones shares one
// transaction, each with its record in the ledger behind its statements.
//
// Nobody is to notice anything but the time. So a group waits for no lock, and
// tells nothing before it is durable; whatever fails in it undoes it whole, and
// the same migrations are carried out one by one: what stays, what is said and
// where it failed is then what it always was. DESIGN.md argues why that is so.
const (
	// groupMost and groupTime bound a group, unless Options say otherwise. Other
	// writers wait for its end: for no longer than they do for one ordinary
	// migration on a slow disk, or one that makes an index. More members gain
	// nothing: the commit is a tenth by then.
	groupMost = 64
	groupTime = 50 * time.Millisecond
	// smallBytes of SQL are the most a member may have, and groupBytes all of them.
	smallBytes = 32 << 10
	groupBytes = 512 << 10
	// turnTime is how long the file is free, every Options.Turn. Who waits for a
	// file asks again and again, after a tenth of a second in the end, and would
	// hardly ever meet the moment between two transactions; then he reads the
	// schema, which is another one by now, and asks once more.
	turnTime = 200 * time.Millisecond
)

// grouping is what a run knows for its groups. The zero value is that of one
// which has not begun.
type grouping struct {
	apart  bool            // no groups any more: one of them failed
	little bool            // nothing in the database takes long
	made   map[string]bool // tables and indexes that this run made: they hold few rows
	turn   time.Time       // when others had theirs
}

// giveWay lets others write now and then, where one writes at a time.
func (w *work) giveWay(ctx context.Context) {
	if sharer, ok := w.conn.(db.Sharer); !ok || !sharer.Shares() || w.o.Turn == 0 {
		return
	}
	if now := time.Now(); w.grouping.turn.IsZero() {
		w.grouping.turn = now
	} else if now.Sub(w.grouping.turn) > w.o.Turn {
		sleep(ctx, turnTime)
		w.grouping.turn = time.Now()
	}
}

// grouped carries steps out in one transaction, those that may share one, and
// gives their number: 0 when the first is to be carried out by itself. number is
// that of the first in the run.
func (w *work) grouped(ctx context.Context, steps []plan.Step, number int) (int, error) {
	if n := w.small(ctx, steps); n > 1 {
		return w.group(ctx, steps[:n], number)
	}
	return 0, nil
}

// small is how many of the steps, from the first on, may share a transaction; 0
// when the first may not.
func (w *work) small(ctx context.Context, steps []plan.Step) int {
	sharer, ok := w.conn.(db.Sharer)
	if !ok || !sharer.Shares() || w.grouping.apart || w.o.Group < 2 {
		return 0
	}
	if w.grouping.made == nil {
		w.grouping.made = map[string]bool{}
	}
	w.grouping.little = sharer.Little(ctx)
	room := groupBytes
	for i := range steps[:min(len(steps), w.o.Group)] {
		s := &steps[i]
		size := sizeOf(s)
		room -= size
		fits := room >= 0 && size <= smallBytes && !w.waits(s.Move.ID) && w.isSmall(s)
		if !fits && i > 0 {
			return i
		}
		w.makes(s)
		if !fits {
			return 0
		}
	}
	return min(len(steps), w.o.Group)
}

func sizeOf(s *plan.Step) (n int) {
	for i := range s.Statements {
		n += len(s.Statements[i].SQL)
	}
	return n
}

// isSmall tells whether a step does nothing but what a transaction can undo, in
// no time, and alike in any company.
func (w *work) isSmall(s *plan.Step) bool {
	k := s.Revision.Kind
	switch {
	case k != revision.Schema && k != revision.Data && k != revision.Repeatable, s.Script.Go, s.Move.Direction != revision.Up, len(s.Checks) > 0 && !w.grouping.little:
		return false
	case s.Tx == plan.TxNone:
		return true
	case s.Tx != plan.TxOne:
		return false
	}
	made := map[string]bool{}
	for i := range s.Statements {
		if !w.isBrief(&s.Statements[i], made) {
			return false
		}
		w.notes(made, &s.Statements[i])
	}
	return true
}

// isBrief tells the same of a statement. What it reads and writes of the rows of
// existing tables is little: all of the database is, or they were made in this
// run, or in this step.
func (w *work) isBrief(s *plan.Statement, made map[string]bool) bool {
	e := &s.Effect
	if e.Unparsed || e.NoTx != "" || s.Derived || s.LockTimeout != 0 || s.Timeout != 0 || isCopy(s) {
		return false
	}
	few := func(n plan.Name) bool { return w.grouping.little || made[n.Key()] || w.grouping.made[n.Key()] }
	switch e.Verb {
	case "CREATE VIEW", "CREATE TRIGGER", "DROP VIEW", "DROP TRIGGER":
		return true // it says what others will do
	case "CREATE TABLE", "INSERT", "REPLACE", "UPDATE", "DELETE":
		switch {
		case w.says(s, "LAST_INSERT_ROWID", "CHANGES"):
			return false // it asks what the session did before
		case !w.grouping.little && (w.says(s, "SELECT") || e.Verb == "UPDATE" && w.says(s, "FROM")):
			return false // it reads others' rows
		}
	case "CREATE INDEX", "ALTER TABLE":
	case "DROP INDEX":
		if !few(e.Objects[0].Name) {
			return false
		}
	default:
		return false
	}
	return !slices.ContainsFunc(e.Touches, func(t plan.Touch) bool { return !few(t.Table) })
}

// says tells whether one of some words may be in a statement, but for comments.
func (w *work) says(s *plan.Statement, words ...string) bool {
	return holdsAny(s.SQL, words...) && holdsAny(w.conn.Dialect().Bare(s.SQL), words...)
}

func holdsAny(text string, words ...string) bool {
	text = strings.ToUpper(text)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// makes notes what a step makes.
func (w *work) makes(s *plan.Step) {
	for i := range s.Statements {
		w.notes(w.grouping.made, &s.Statements[i])
	}
}

// notes adds the tables and indexes that a statement makes. A table that gets the
// rows of a query is none of them.
func (w *work) notes(made map[string]bool, s *plan.Statement) {
	switch e := &s.Effect; {
	case e.Verb == "CREATE TABLE" && !w.says(s, "SELECT"), e.Verb == "CREATE INDEX":
		for _, o := range e.Objects {
			made[o.Name.Key()] = true
		}
	case len(e.Renames) > 0:
		for _, r := range e.Renames {
			made[r.To.Key()] = made[r.From.Key()]
		}
	}
}

// group is some steps in one transaction.
type group struct {
	transaction
	sharer db.Sharer
	steps  []plan.Step
	first  int             // number of the first step in the run
	told   [][]event.Event // of each member
	times  []time.Duration // that each member took
}

// group carries small steps out in one transaction, as many as there is time for,
// and gives their number. With 0 and no error nothing of them is there.
func (w *work) group(ctx context.Context, steps []plan.Step, first int) (int, error) {
	sharer, _ := w.conn.(db.Sharer)
	g := &group{transaction: transaction{work: w}, sharer: sharer, steps: steps, first: first}
	free, err := g.begin(ctx)
	if err == nil && !free {
		return 0, nil
	}
	if err == nil {
		err = g.members(ctx, time.Now())
	}
	if err == nil {
		err = g.end(ctx)
	}
	switch {
	case err == nil:
		g.tell()
		return len(g.times), nil
	case isGone(err):
		w.grouping.apart = true
		g.tellTried()
		return 0, err
	}
	w.rollback(ctx)
	w.grouping.apart = true
	if ctx.Err() != nil {
		return 0, w.interrupted(ctx)
	}
	return 0, nil
}

// begin begins the transaction, unless that would have to wait: whoever waits does
// it for one migration.
func (g *group) begin(ctx context.Context) (free bool, err error) {
	t := g.conn.Dialect().Traits()
	usual := dialect.Budget(t.BudgetSession, g.o.LockTimeout, g.o.StatementTimeout)
	if _, err := g.conn.Exec(ctx, dialect.Budget(t.BudgetSession, 0, g.o.StatementTimeout)); err != nil {
		return false, err
	}
	g.add(t.BeginWrite, origin{})
	err = g.flush(ctx)
	if _, again := g.conn.Exec(context.WithoutCancel(ctx), usual); err == nil {
		err = again
	}
	if isWait(err) {
		return false, nil
	}
	return err == nil, err
}

// members carries them out, until the time is over or somebody interrupts.
func (g *group) members(ctx context.Context, begun time.Time) error {
	for i := range g.steps {
		since := time.Now()
		if i > 0 && (ctx.Err() != nil || since.Sub(begun) > g.o.GroupTime) {
			return nil
		}
		var told []event.Event
		g.later = &told
		if err := g.member(ctx, i, since); err != nil {
			g.told = append(g.told, told)
			return err
		}
		g.point("recorded")
		g.told, g.times = append(g.told, told), append(g.times, time.Since(since))
	}
	return nil
}

// member carries one out. It must be in order as it would have to be if the
// transaction ended here.
func (g *group) member(ctx context.Context, i int, begun time.Time) error {
	s := &g.steps[i]
	g.step = i
	if err := g.fillStep(ctx, i, s); err != nil {
		return err
	}
	for _, sql := range g.records(s, int64(i)+1, g.took(s, begun)) {
		g.add(sql, origin{step: i, record: true})
	}
	if err := g.flush(ctx); err != nil {
		return err
	}
	return g.sharer.Settled(ctx)
}

// end makes it durable, also when somebody interrupts: what the members did is done.
func (g *group) end(ctx context.Context) error {
	begun := time.Now()
	g.point("commit")
	g.add("COMMIT", origin{step: len(g.times) - 1, commit: true})
	err := g.flush(context.WithoutCancel(ctx))
	g.point("committed")
	share := time.Since(begun) / time.Duration(len(g.times))
	for i := range g.times {
		g.times[i] += share
	}
	return err
}

// tell tells what the members did, in the order in which they did it.
func (g *group) tell() {
	g.later = nil
	for i := range g.times {
		g.tellMember(i)
		s := &g.steps[i]
		g.finished(s.Move, s.Revision.Name, g.times[i])
		*s = plan.Step{} // a long run need not keep what is done
	}
}

// tellTried tells what the members tried, where nobody knows what became of it.
func (g *group) tellTried() {
	g.later = nil
	for i := range g.told {
		g.tellMember(i)
	}
}

func (g *group) tellMember(i int) {
	g.started(&g.steps[i], g.first+i)
	for _, e := range g.told[i] {
		g.emit(e)
	}
}
