package ledger

import (
	"context"
	"strconv"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

// step gives the statements that make a ledger of one format one of the next.
// Each can be repeated: where DDL cannot be rolled back, a process may be killed
// on the way.
type step func(l Ledger) []string

// released are the steps from one format to the next, the first from format 1.
// There is one format so far.
var released = [Format - 1]step{}

// format is the format that this ledger reads and writes.
func (l Ledger) format() int { return 1 + len(l.steps) }

// checkFormat refuses a ledger that a newer build has made, and one that an
// older build has made and that was not upgraded yet.
func (l Ledger) checkFormat(value string) error {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil || n < 1:
		return Damaged(fault.New(fault.Repair, "it says format %q, which is none", value))
	case n > l.format():
		return fault.New(fault.LedgerNewer, "the ledger in this database has format %d; this build knows format %d", n, l.format()).
			Try("use the bellows version that wrote it (`SELECT tool FROM %s ORDER BY seq DESC` tells), or a newer one", l.table("journal"))
	case n < l.format():
		return fault.New(fault.Pending, "the ledger in this database has format %d; this build uses format %d", n, l.format()).
			Try("bellows up upgrades it, also when nothing else is pending")
	}
	return nil
}

// Outdated tells whether an error says that the ledger is to be upgraded first.
func Outdated(err error) bool { return fault.Has(err, fault.Pending) }

// Upgrade brings an older ledger to this build's format, in one transaction
// where DDL can be rolled back. It holds the lease's row meanwhile, so that two
// who would do it do it one after another, and looks again once it has it.
func (l Ledger) Upgrade(ctx context.Context, c db.Conn, by By) (err error) {
	if _, err = c.Exec(ctx, l.t.BeginWrite); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = c.Exec(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if _, err = l.holding(ctx, c, l.t.LockRow); err != nil {
		return err
	}
	var value string
	if _, err = one(ctx, c, l.formatQuery(), &value); err != nil {
		return err
	}
	if err = l.checkFormat(value); err != nil && !Outdated(err) {
		return err
	}
	from, _ := strconv.Atoi(value) // checked above
	for ; from < l.format(); from++ {
		for _, sql := range l.steps[from-1](l) {
			if _, err = c.Exec(ctx, sql); err != nil {
				return err
			}
		}
		next := strconv.Itoa(from + 1)
		for _, sql := range []string{
			l.upsert("meta", "name", "name", l.d.Literal("format"), "value", l.d.Literal(next)),
			l.Note("upgrade", "", "the ledger to format "+next, by),
		} {
			if _, err = c.Exec(ctx, sql); err != nil {
				return err
			}
		}
	}
	_, err = c.Exec(ctx, "COMMIT")
	return err
}

func (l Ledger) formatQuery() string {
	return "SELECT value FROM " + l.table("meta") + " WHERE name = " + l.d.Literal("format")
}
