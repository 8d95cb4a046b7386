package fill

import (
	"context"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/revision"
)

// Outlook is how a backfill would go through its table, as the table is now.
type Outlook struct {
	Strategy, Reason string
	Rows             int64
}

// Look tells how a backfill would go through its table. It writes nothing, and
// runs no statement of the backfill. The error is the one that [Plan] would give.
func Look(ctx context.Context, c db.Conn, script revision.Script, direction revision.Direction, o Options) (Outlook, error) {
	lang, err := language(c)
	if err != nil {
		return Outlook{}, err
	}
	task, err := backfill.Read(lang, script, direction)
	if err != nil {
		return Outlook{}, err
	}
	if err := runnable(task, o); err != nil {
		return Outlook{}, err
	}
	p := planner{session: session{Conn: c, lang: lang, limits: o.withDefaults()}, order: order{task: task}}
	if err := p.look(ctx); err != nil {
		return Outlook{}, err
	}
	return Outlook{Strategy: p.strategy, Reason: p.choice.Reason, Rows: p.rows}, nil
}

// runnable refuses what this process cannot work out.
func runnable(task backfill.Task, o Options) error {
	if task.Logic == nil {
		return nil
	}
	_, err := newMind(o, task, "", "", nil)
	return err
}
