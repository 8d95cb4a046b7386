package fill

import (
	"context"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// Finish gives the statements that end a backfill whose rows are all done and
// whose check holds. They are sent in one transaction with the ledger's record of
// the revision, under the ledger's lock. fault.Partial when it is not at its end.
func Finish(ctx context.Context, c db.Conn, id string, o Options) ([]string, error) {
	led := ledger.New(c.Dialect(), o.Ledger)
	f, err := led.ReadFill(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if f.State == ledger.FillApplied {
		return nil, nil
	}
	open, err := led.CountPoison(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if open > 0 {
		again, err := led.Chunks(ctx, c, id, backfill.Todo) // of rows that are to be tried again
		if err != nil || len(again) > 0 {
			return nil, notDone(f, err)
		}
		return nil, ask(ledger.Fill{Code: string(fault.Repair), Error: setAside(open, f.Table)})
	}
	if f.State != ledger.FillChecked {
		return nil, notDone(f, nil)
	}
	return []string{led.EndFill(id, ledger.FillApplied)}, nil
}

func notDone(f ledger.Fill, err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Partial, "the backfill of %s is not done", f.Table).Try("bellows backfill run works on it")
}
