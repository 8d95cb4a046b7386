package run

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// A migration and its record are one transaction, so when a server crashes before
// it has written the last few to its disk, it loses them whole and in order, and
// the next run does them again. So a COMMIT does not wait for the disk while more
// migrations follow in the same run: DESIGN.md argues why, and where it must.

// lazy tells whether the COMMIT of some steps need not wait for the disk.
func (w *work) lazy(steps []plan.Step) bool {
	return w.more && w.act == nil && len(steps) == 1 && stays(&steps[0]) && w.conn.Dialect().Traits().LazyCommit != ""
}

// stays tells whether all that a step does is undone with its transaction. Code
// that we cannot see, a foreign table or a program that reads rows may act
// elsewhere, so only a change of the schema is known to.
func stays(s *plan.Step) bool {
	return (s.Tx == plan.TxOne || s.Tx == plan.TxNone) && !s.Script.Go &&
		!slices.ContainsFunc(s.Statements, func(st plan.Statement) bool {
			e := &st.Effect
			return e.Class != plan.DDL || e.Unparsed || st.Kind != sqltext.SQL || // which excludes CALL, DO, COPY and queries
				strings.HasSuffix(e.Verb, " AS") || strings.HasSuffix(e.Verb, "SUBSCRIPTION")
		})
}

// unsure notes, before its COMMIT is sent, a migration that the server may lose.
func (w *work) unsure(m revision.Move) {
	if n := len(w.unflushed); n == 0 || w.unflushed[n-1] != m {
		w.unflushed = append(w.unflushed, m)
	}
}

// settle waits until all that was committed is on the disk, and on the standbys
// that the server waits for: the log is written in order, so it is with the
// COMMIT of any write of ours. That write shows besides that the lock is ours.
func (w *work) settle(ctx context.Context) error {
	if len(w.unflushed) == 0 {
		return nil
	}
	ctx, cancel := w.grace(ctx)
	defer cancel()
	err := w.insist(ctx, func() error { return w.led.Beat(ctx, w.conn, w.by.Fence, w.o.Lease, w.o.Verb) })
	if err == nil {
		w.unflushed = nil
	}
	return explainUnlessGone(err, "waiting until the migrations before are on the server's disk")
}

// settleLast is settle by giving the lease back. When somebody else has it by now,
// his write stands behind ours in the log, and was waited for.
func (w *work) settleLast(ctx context.Context, release func() error) error {
	if len(w.unflushed) == 0 {
		_ = release()
		return nil
	}
	err := w.insist(ctx, release)
	if err == nil || fault.Has(err, fault.LockLost) {
		w.unflushed = nil
		return nil
	}
	return explainUnlessGone(err, "waiting until the migrations are on the server's disk")
}

// unsettled is the end of a run whose work may not be on the disk: an error, or a
// warning beside the error that it has already.
func (w *work) unsettled(err, again error) error {
	if err == nil || again == nil {
		return cmp.Or(err, again)
	}
	w.emit(event.Warning{Code: string(fault.Lost), Text: "the connection ended before the server told that the last migrations are on its disk (" +
		fault.Count(len(w.unflushed), "migration") + ")", Hint: "should the server have crashed, the same command does them again"})
	return err
}

// forget takes back what the server lost when it crashed; left is what is to be
// done now.
func (w *work) forget(left map[revision.Move]bool) {
	var up, down revision.Set = revision.Set{}, revision.Set{}
	w.unflushed = slices.DeleteFunc(w.unflushed, func(m revision.Move) bool {
		if !left[m] {
			return false
		}
		if m.Direction == revision.Up {
			up.Add(m.ID)
		} else {
			down.Add(m.ID)
		}
		return true
	})
	before := len(w.report.Applied) + len(w.report.Reverted)
	w.report.Applied = slices.DeleteFunc(w.report.Applied, up.Has)
	w.report.Reverted = slices.DeleteFunc(w.report.Reverted, down.Has)
	if n := before - len(w.report.Applied) - len(w.report.Reverted); n > 0 {
		w.emit(event.Warning{Code: "run.again", Text: "the server lost " + fault.Count(n, "migration") + " that it had not written to its disk yet; nothing is half done",
			Hint: "they are done again now"})
	}
}
