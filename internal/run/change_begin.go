package run

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// trialRows is how many rows the expressions are tried on.
const trialRows = 200

// deed is an action with statements: those of ours, which can be repeated or are
// left out once they are done, and behind them perhaps a section of the file.
type deed struct {
	action change.Action
	phase  revision.Phase
	ours   []string
	step   plan.Step // of the section; its Tx is "" without one
	// off ends sync. In a transaction it comes first; where statements commit one by
	// one it comes behind the others, so that nothing is written meanwhile that the
	// other side does not get, and the tables are held around all of them.
	off []string
	// holds: the tables are held around the statements all the same. also are those
	// that they touch beside the change's own. inside is asked once they are held.
	holds  bool
	also   []plan.Name
	inside func(context.Context) error
	// begun is what the record of the intent says beside the action.
	begun func(next *change.State)
	// then finds out, behind the statements and where possible in their
	// transaction, what the state is now.
	then func(ctx context.Context) (change.State, error)
	more func(next change.State) []string // records beside the state's own
	verb string                           // for the journal
	text string
}

// perform carries a deed out and records it: in one transaction where DDL can be
// rolled back; else the intent before, each statement by itself, the record after.
func (c *changing) perform(ctx context.Context, d deed) error {
	var next change.State
	records := func() []string {
		out := c.saved(next, d.verb, d.text)
		if d.more != nil {
			out = append(d.more(next), out...)
		}
		return out
	}
	var err error
	if c.atomic() && d.step.Tx != plan.TxEach {
		s := c.step(d.phase, slices.Concat(d.off, d.ours))
		s.Statements = append(s.Statements, d.step.Statements...)
		err = c.whole(ctx, s, func(ctx context.Context, t *transaction) (err error) {
			if err = t.flush(ctx); err == nil {
				next, err = d.then(ctx)
			}
			return err
		}, records)
	} else {
		err = c.piecemeal(ctx, d, &next, records)
	}
	if err == nil {
		c.became(next, d.text)
	}
	return err
}

// piecemeal is perform where no transaction holds it all.
func (c *changing) piecemeal(ctx context.Context, d deed, next *change.State, records func() []string) error {
	fresh := c.st.Doing != d.action
	if err := c.intends(ctx, d.action, d.begun); err != nil {
		return err
	}
	h := c.holding(&d, fresh)
	var err error
	if h != nil {
		err = c.whileHeld(ctx, d.phase, d.ours, h)
	} else {
		err = c.oneByOne(ctx, d.phase, d.ours)
	}
	if h.mistrusts() {
		return c.undoes(ctx, h)
	}
	if err != nil {
		return err
	}
	if d.step.Tx == "" || len(d.step.Statements) == 0 {
		return c.concludes(ctx, d, next, records)
	}
	e := c.stepwise(&d.step)
	e.held = h
	e.key = revision.ID(string(c.rev.ID) + ":" + string(d.action))
	var failed error
	c.act = &act{begins: func() []string { return nil }, records: func() []string {
		if *next, failed = d.then(ctx); failed != nil {
			return nil
		}
		return append(records(), c.led.ClearProgress(e.key))
	}}
	defer func() { c.act = nil }()
	err = e.carry(ctx, time.Now())
	if failed != nil {
		return explainUnlessGone(failed, "looking what the statements have made")
	}
	if h.mistrusts() {
		return c.undoes(ctx, h)
	}
	return err
}

// holding is how the tables of a deed are held: around its statements and the end
// of sync; nil where they are not.
func (c *changing) holding(d *deed, fresh bool) *held {
	if len(d.off) == 0 && !d.holds || c.lang.Traits().HoldTable == "" {
		return nil
	}
	h := &held{after: d.off}
	here := ""
	if c.spec.Table.Schema == "" {
		here = c.st.Table.Schema
	}
	others := d.also
	if c.spec.Moves() {
		others = append(slices.Clone(others), c.st.Into.Table)
	}
	for _, name := range change.Tables(c.st.Table, here, d.step.Statements, others) {
		h.tables = append(h.tables, c.quoted(name))
	}
	inside := d.inside
	h.looks = func(ctx context.Context) error {
		if fresh && len(d.off) > 0 {
			if err := c.trusts(ctx, h); err != nil {
				return err
			}
		}
		if inside == nil {
			return nil
		}
		err := inside(ctx)
		if fresh && err != nil && !isGone(err) && !isWait(err) && ctx.Err() == nil {
			h.declined = err
		}
		return err
	}
	if off, then := d.off, d.then; len(off) > 0 {
		d.then = func(ctx context.Context) (change.State, error) {
			if err := c.oneByOne(ctx, d.phase, off); err != nil {
				return change.State{}, err
			}
			return then(ctx)
		}
	}
	return h
}

// concludes records a deed without a section.
func (c *changing) concludes(ctx context.Context, d deed, next *change.State, records func() []string) (err error) {
	if *next, err = d.then(ctx); err != nil {
		return explainUnlessGone(err, "looking what the statements have made")
	}
	c.point("change recording")
	if err := c.commit(ctx, records()); err != nil {
		if isGone(err) {
			return err
		}
		c.rollback(ctx)
		return c.recordFailed(err)
	}
	return nil
}

// expand adds the new side and, where it can be one transaction, sets sync on
// with it: whatever is wrong leaves nothing behind then.
func (c *changing) expand(ctx context.Context) error {
	if err := c.tables(ctx); err != nil {
		return err
	}
	step, err := plan.Section(c.rev, c.spec.Script, c.spec.Change.Expand, Reader(c.lang))
	if err != nil {
		return err
	}
	st := c.st
	if st.Doing != change.Expand {
		if st, err = c.first(ctx, step); err != nil {
			return c.failed(ctx, step, err, "nothing was changed")
		}
	}
	if c.atomic() && step.Tx == plan.TxOne {
		return c.install(ctx, step, st)
	}
	return c.expandEach(ctx, step, st)
}

// tables makes the ledger's tables of changes where they are not there.
func (c *changing) tables(ctx context.Context) error {
	has, err := c.led.HasChange(ctx, c.conn)
	if err != nil || has {
		return explainUnlessGone(err, "reading the ledger")
	}
	if err := c.commit(ctx, c.led.CreateChange()); err != nil {
		c.rollback(ctx)
		return explainUnlessGone(err, "making the ledger's tables of changes")
	}
	c.point("change tables")
	return nil
}

// first looks at the table before anything is done to it.
func (c *changing) first(ctx context.Context, step plan.Step) (change.State, error) {
	var st change.State
	at := c.spec.Change.At
	shape, ok, err := c.shape(ctx, c.spec.Table)
	switch {
	case err != nil:
		return st, explainUnlessGone(err, "looking at the table")
	case !ok:
		return st, fault.At(at, fault.Failed, "there is no table %s", c.spec.Change.Table).Try("correct table: in the directive")
	case shape.Kind != "table":
		return st, fault.At(at, fault.Unsupported, "%s is a %s, and a change goes through the rows of a table", c.spec.Change.Table, shape.Kind).
			Try("name the table behind it")
	}
	st.Table = shape.Table
	if len(shape.Keys) > 0 {
		for _, col := range shape.Keys[0].Columns {
			st.Key = append(st.Key, col.Name)
		}
	}
	columns, err := c.columns(ctx, st.Table)
	if err != nil {
		return st, explainUnlessGone(err, "looking at the table")
	}
	for _, col := range columns {
		st.Before = append(st.Before, col.Name)
	}
	st.Old, err = c.side(columns, c.spec.Old, c.spec.Change.Table, "there is no column %s in %s", "correct old: in the directive")
	if err == nil && c.spec.Moves() {
		err = c.firstInto(ctx, &st, shape)
	}
	if err == nil {
		err = c.widenable(ctx, st)
	}
	if err == nil {
		err = c.droppable(ctx, st)
	}
	c.made(&st, step)
	return st, err
}

// droppable refuses old columns that could not be dropped at the end.
func (c *changing) droppable(ctx context.Context, st change.State) error {
	cl, ok := c.lang.(dialect.Clinger)
	if own := c.spec.Change.Contract; !ok || own != nil && !strings.Contains(strings.ToUpper(own.SQL), "DROP COLUMN") {
		return nil
	}
	names := make([]string, len(st.Old))
	for i, col := range st.Old {
		names[i] = col.Name
	}
	rows, err := c.texts(ctx, cl.Clings(st.Table, names))
	if err != nil {
		return explainUnlessGone(err, "looking what rests on the old columns")
	}
	if len(rows) > 0 {
		return fault.At(c.spec.Change.At, fault.Unsupported, "column %s of %s could not be dropped at the end: %s rests on it, which %s takes away with the table only", rows[0][0], c.spec.Change.Table, rows[0][1], c.lang.Name()).
			Try(clingHint + " (an index of its own, such as CREATE UNIQUE INDEX, is no hindrance); or say in a contract section how the change ends")
	}
	return c.without(ctx, cl, st, names)
}

const clingHint = "first make the table anew without that constraint, in a migration of its own, which bellows diff can write"

// without drops the old columns of an empty table like this one, and takes that back:
// what a constraint says of them, or a column is computed of, only the database can
// tell.
func (c *changing) without(ctx context.Context, cl dialect.Clinger, st change.State, names []string) error {
	made, err := c.texts(ctx, cl.Made(st.Table))
	if err != nil || len(made) == 0 {
		return explainUnlessGone(err, "reading how the table was made")
	}
	items := []db.Item{{SQL: "BEGIN"}}
	for _, sql := range cl.Without(made[0][0], names) {
		items = append(items, db.Item{SQL: sql})
	}
	err = c.conn.Send(ctx, items, nil)
	if isGone(err) {
		return err
	}
	c.rollback(ctx)
	var e *db.Error
	if asError(err, &e) && e.Item > 1 {
		return fault.At(c.spec.Change.At, fault.Unsupported, "column %s of %s could not be dropped at the end: a CHECK constraint or a computed column rests on it: %s", names[e.Item-2], c.spec.Change.Table, e.Message).
			Try(clingHint + "; or say in a contract section how the change ends")
	}
	return nil
}

// side finds the columns of a side.
func (c *changing) side(all []dialect.Column, names []string, table, missing, hint string) ([]dialect.Column, error) {
	var out []dialect.Column
	for _, name := range names {
		col, ok := change.Find(all, name)
		if !ok {
			return nil, fault.At(c.spec.Change.At, fault.Failed, missing, name, table).Try("%s", hint)
		}
		if col.Made == "generated" {
			return nil, fault.At(c.spec.Change.At, fault.Unsupported, "column %s of %s is computed by the database, and a trigger sees no value of it", col.Name, table).
				Try("name the columns it is computed of")
		}
		if col.Made == "identity" && c.lang.Traits().LateNumbers && !c.spec.Wide() {
			return nil, fault.At(c.spec.Change.At, fault.Unsupported, "column %s of %s counts by itself, and a trigger does not know the number of a row that is about to be written", col.Name, table).
				Try("leave the column out of the change; where it is the key and gets a wider type, bellows new --form key writes a change that can")
		}
		out = append(out, col)
	}
	return out, nil
}

// made notes what the statements of expand make beside columns of the table.
func (c *changing) made(st *change.State, step plan.Step) {
	for _, s := range step.Statements {
		e := s.Effect
		st.Tables = append(st.Tables, e.Creates...)
		switch own := len(e.Touches) > 0 && (e.Touches[0].Table.Key() == st.Table.Key() || c.spec.Moves() && c.isInto(st, e.Touches[0].Table)); {
		case len(e.Creates) > 0, e.Class == plan.Session, e.Class == plan.Query:
		case strings.HasPrefix(e.Verb, "CREATE INDEX"), strings.HasPrefix(e.Verb, "CREATE UNIQUE INDEX"):
			for _, o := range e.Objects {
				if o.Kind == "index" {
					st.Indexes = append(st.Indexes, o.Name)
				}
			}
		case own && e.Verb == "ALTER TABLE":
		default:
			st.Others = append(st.Others, shorten(s.SQL))
		}
	}
}

// sees reads the columns of both sides as they are now.
func (c *changing) sees(ctx context.Context, st change.State) (change.State, error) {
	columns, err := c.columns(ctx, st.Table)
	if err != nil {
		return st, err
	}
	if st.Old, err = c.side(columns, c.spec.Old, c.spec.Change.Table, "column %s of %s is gone", "expand must leave the old columns as they are"); err != nil {
		return st, err
	}
	there, table := columns, c.spec.Change.Table
	if c.spec.Moves() {
		if there, err = c.seesInto(ctx, &st); err != nil {
			return st, err
		}
		table = c.spec.Change.Into
	}
	if st.New, err = c.side(there, c.spec.New, table, "expand has made no column %s in %s", "add it in the expand section, or correct new: in the directive"); err != nil {
		return st, err
	}
	st.Columns, st.Added = nil, nil
	for _, col := range columns {
		st.Columns = append(st.Columns, col.Name)
		if !slices.Contains(st.Before, col.Name) {
			st.Added = append(st.Added, col)
		}
	}
	return st, nil
}

// install is expand and sync in one transaction.
func (c *changing) install(ctx context.Context, step plan.Step, first change.State) error {
	var next change.State
	err := c.whole(ctx, step, func(ctx context.Context, t *transaction) error {
		if err := t.flush(ctx); err != nil {
			return err
		}
		st, err := c.sees(ctx, first)
		if err != nil {
			return err
		}
		if err := c.tryOut(ctx, st); err != nil {
			return err
		}
		on := c.step(revision.Sync, c.lang.SyncOn(c.spec.Sync(st, c.led.Writes())))
		for i := range on.Statements {
			t.items = append(t.items, item(&on.Statements[i]))
			t.from = append(t.from, origin{statement: &on.Statements[i], id: string(c.rev.ID), number: i + 1, of: len(on.Statements)})
		}
		if err := t.flush(ctx); err != nil {
			return err
		}
		next, err = c.synced(ctx, change.Fold(st, c.spec, change.Expand))
		return err
	}, func() []string { return c.applies(next) })
	if err != nil {
		return err
	}
	c.isApplied(next)
	return nil
}

// expandEach is expand where its statements stand alone.
func (c *changing) expandEach(ctx context.Context, step plan.Step, st change.State) error {
	if c.st.Doing != change.Expand {
		if err := c.insist(ctx, func() error { return c.tryOut(ctx, st) }); err != nil {
			return c.failed(ctx, step, err, "nothing was changed")
		}
	}
	var next change.State
	var failed error
	e := c.stepwise(&step)
	c.act = &act{begins: func() []string {
		st.Doing = change.Expand
		return append(c.led.Record(ledger.Done{Revision: c.rev, Script: c.spec.Script, State: ledger.Running, Phase: revision.Expand, Seq: c.seq + 1, Action: "start",
			Detail: "up, expand statement by statement"}, c.by), c.led.PutChange(c.record(st), c.by))
	}, records: func() []string {
		if next, failed = c.sees(ctx, st); failed != nil {
			return nil
		}
		next = change.Fold(next, c.spec, change.Expand)
		return append(c.saved(next, "change", "expand is done"), c.led.ClearProgress(e.key))
	}}
	defer func() { c.act = nil }()
	err := e.carry(ctx, time.Now())
	if failed != nil {
		return c.failed(ctx, step, failed, "the statements of expand took effect")
	}
	if err != nil {
		return err
	}
	c.became(next, "expand is done")
	return nil
}

// sync sets sync on where that is not done with expand.
func (c *changing) sync(ctx context.Context) error {
	y := c.spec.Sync(c.st, c.led.Writes())
	step := c.step(revision.Sync, nil)
	if err := c.insist(ctx, func() error { return c.tryOut(ctx, c.st) }); err != nil {
		return c.failed(ctx, step, err, "the new side was added and nothing uses it yet")
	}
	var next change.State
	if c.atomic() {
		on := c.step(revision.Sync, c.lang.SyncOn(y))
		err := c.whole(ctx, on, func(ctx context.Context, t *transaction) (err error) {
			if err = t.flush(ctx); err == nil {
				next, err = c.synced(ctx, c.st)
			}
			return err
		}, func() []string { return c.applies(next) })
		if err != nil {
			return err
		}
		c.isApplied(next)
		return nil
	}
	if err := c.oneByOne(ctx, revision.Sync, c.lang.SyncOn(y)); err != nil {
		return err
	}
	d := deed{then: func(ctx context.Context) (change.State, error) { return c.synced(ctx, c.st) }}
	if err := c.concludes(ctx, d, &next, func() []string { return c.applies(next) }); err != nil {
		return err
	}
	c.isApplied(next)
	return nil
}

// synced is the state once sync is on.
func (c *changing) synced(ctx context.Context, st change.State) (next change.State, err error) {
	next = change.Fold(st, c.spec, change.SyncOn)
	if next.Objects, err = c.objects(ctx, next); err != nil {
		return next, err
	}
	if len(next.Objects) == 0 {
		return next, fault.New(fault.Internal, "sync was set on and is not there")
	}
	if err = c.knows(ctx, &next); err != nil {
		return next, err
	}
	if next.Since, err = c.led.Now(ctx, c.conn); err != nil {
		return next, err
	}
	next.Empty, err = c.empty(ctx, next.Table)
	return next, err
}

// applies are the records of a revision that counts as applied from now on.
func (c *changing) applies(next change.State) []string {
	if c.view.State.Entries[c.rev.ID].Holds() {
		return c.saved(next, "sync", "both sides are kept in step")
	}
	d := ledger.Done{Revision: c.rev, Script: c.spec.Script, State: ledger.Applied, Phase: next.Phase, Seq: c.seq + 1, Action: orElse(c.ask.Action, "up"),
		Detail: "expanded, and both sides are kept in step"}
	rec := c.record(next)
	if c.st.Phase == "" && c.st.Doing == change.Nothing {
		rec.Number++
		rec.Began = time.Time{}
	}
	return append(append(c.led.Record(d, c.by), c.led.ClearProgress(c.rev.ID)), c.led.PutChange(rec, c.by))
}

// isApplied takes over that it is.
func (c *changing) isApplied(next change.State) {
	before := c.view.State.Entries[c.rev.ID]
	c.became(next, "both sides are kept in step")
	c.point("change synced")
	if before.Holds() {
		return
	}
	e := before
	e.ID, e.Kind, e.State, e.Phase, e.Checksum, e.Run = c.rev.ID, c.rev.Kind, ledger.Applied, next.Phase, c.rev.Checksum, c.o.Run
	c.view.State.Entries[c.rev.ID] = e
	c.finished(revision.Move{ID: c.rev.ID, Direction: revision.Up}, c.rev.Name, 0)
}

// tryOut tries both expressions on some rows, as the triggers would.
func (c *changing) tryOut(ctx context.Context, st change.State) error {
	y := c.spec.Sync(st, c.led.Writes())
	for _, side := range []struct {
		side dialect.Side
		of   []dialect.Assignment
	}{{dialect.New, c.spec.Forward}, {dialect.Old, c.spec.Backward}} {
		if len(side.of) == 0 || side.side == dialect.Old && c.spec.Moves() && len(st.Into.Columns) == 0 {
			continue // what the other table will have beside the new columns nobody knows before it is there
		}
		sql := c.lang.Trial(y, side.side, trialRows)
		if err := drained(ctx, c.conn, sql); err != nil {
			return c.misspelled(err, sql, side.of)
		}
	}
	return nil
}

// misspelled is the error of an expression, with its place in the file.
func (c *changing) misspelled(err error, sql string, of []dialect.Assignment) error {
	var e *db.Error
	if isGone(err) || isWait(err) || !asError(err, &e) {
		return err
	}
	pos := of[0].Pos
	for _, a := range of {
		for from := 0; e.Offset >= 0; {
			at := strings.Index(sql[from:], a.SQL)
			if at < 0 {
				break
			}
			at += from
			if e.Offset >= at && e.Offset <= at+len(a.SQL) {
				f := fault.At(place(&plan.Statement{SQL: a.SQL, At: a.Pos, Pos: a.Pos}, e.Offset-at), e.Code, "%s", fault.Redact(e.Error())).Because(err)
				return f.Try("the expression of %s was tried on rows of %s and fails; nothing was installed", a.Column, c.spec.Change.Table)
			}
			from = at + len(a.SQL)
		}
	}
	names := make([]string, len(of))
	for i, a := range of {
		names[i] = a.Column
	}
	return fault.At(pos, e.Code, "%s", fault.Redact(e.Error())).Because(err).
		Try("what gives %s was tried on rows of %s and fails; nothing was installed", strings.Join(names, ", "), c.spec.Change.Table)
}
