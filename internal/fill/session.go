package fill

import (
	"context"
	"fmt"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
)

// session is a session that works in transactions of ours.
type session struct {
	db.Conn
	lang   backfill.Language
	limits Options
	lazy   bool // a COMMIT need not wait for the disk
}

// prepare makes the settings that last for the session, where a transaction
// cannot have its own.
func (s session) prepare(ctx context.Context) error {
	facts, traits := s.lang.Fill(), s.lang.Traits()
	if facts.Within {
		return nil
	}
	if _, err := s.Exec(ctx, dialect.Budget(traits.BudgetSession, s.limits.LockTimeout, 0)); err != nil {
		return err
	}
	if facts.Idle == "" {
		return nil
	}
	_, err := s.Exec(ctx, fmt.Sprintf(facts.Idle, s.limits.Idle.Milliseconds()))
	return err
}

// begin begins a transaction with its time-outs; statement 0 is none.
func (s session) begin(ctx context.Context, statement time.Duration) error {
	facts, traits := s.lang.Fill(), s.lang.Traits()
	var items []db.Item
	for _, sql := range facts.Begin {
		items = append(items, db.Item{SQL: sql})
	}
	if facts.Within {
		items = append(items, db.Item{SQL: dialect.Budget(traits.BudgetTx, s.limits.LockTimeout, statement)})
		if facts.Idle != "" {
			items = append(items, db.Item{SQL: fmt.Sprintf(facts.Idle, s.limits.Idle.Milliseconds())})
		}
	}
	if s.lazy && facts.Lazy != "" {
		items = append(items, db.Item{SQL: facts.Lazy})
	}
	return s.Send(ctx, items, nil)
}

// plainly makes the server write keys alike in every session until the
// transaction ends.
func (s session) plainly(ctx context.Context) error {
	var items []db.Item
	for _, sql := range s.lang.Fill().Plain {
		items = append(items, db.Item{SQL: sql})
	}
	if len(items) == 0 {
		return nil
	}
	return s.Send(ctx, items, nil)
}

// commit sends statements of ours and ends the transaction.
func (s session) commit(ctx context.Context, sqls ...string) error {
	items := make([]db.Item, 0, len(sqls)+1)
	for _, sql := range sqls {
		items = append(items, db.Item{SQL: sql})
	}
	return s.Send(ctx, append(items, db.Item{SQL: "COMMIT"}), nil)
}
