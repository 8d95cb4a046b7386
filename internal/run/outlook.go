package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/plan"
)

// Outlooks notes at each backfill of a plan how it would go through its table, as
// far as the table is there. That it would be refused is noted of the first step
// only: what comes before another may change it.
func (r *Runner) Outlooks(ctx context.Context, p plan.Plan) {
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Tx != plan.TxChunks || ctx.Err() != nil {
			continue
		}
		look, err := fill.Look(ctx, r.conn, s.Script, s.Move.Direction, r.fillOptions())
		var f *fault.Error
		switch {
		case err == nil:
			s.Notes = append(s.Notes, fmt.Sprintf("about %d rows; goes by: %s", look.Rows, look.Reason))
		case i == 0 && errors.As(err, &f):
			s.Notes = append(s.Notes, "would be refused: "+f.Msg)
		}
	}
}
