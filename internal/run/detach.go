package run

import (
	"context"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// attachment is what the catalog says of the partition that a statement detaches
// in two transactions; ok is false for any other statement.
func (w *work) attachment(ctx context.Context, s *plan.Statement) (a db.Attachment, ok bool, err error) {
	c, can := w.conn.(db.Detacher)
	d := s.Effect.Detach
	if !can || d == nil {
		return a, false, nil
	}
	a, err = c.Attachment(ctx, d.Table, d.Partition)
	return a, err == nil, explainUnlessGone(err, "looking for the partition")
}

// finishing is the statement that ends what an earlier try of this one has begun;
// the statement itself where nothing was begun.
func (w *work) finishing(ctx context.Context, s *plan.Statement) (*plan.Statement, error) {
	a, ok, err := w.attachment(ctx, s)
	if err != nil || !ok || a != db.Detaching {
		return s, err
	}
	last := *s
	last.SQL, last.At, last.Effect.Detach = s.Effect.Detach.Finish, fault.Pos{}, nil
	return &last, nil
}
