package lint

import (
	"slices"

	"github.com/bellowsdb/bellows/plan"
)

// transaction is what statements that share one have done so far.
type transaction struct {
	rows      bool              // rows of an old table were changed
	heavy     []string          // old tables locked against reading
	added     []plan.Constraint // constraints added without looking
	told      bool              // of several heavy locks
	toldAfter bool              // of schema after rows
}

// together looks at a statement beside those before it in its transaction.
func (l *linter) together(u *transaction, st plan.Statement) {
	e := st.Effect
	touches := l.old(e.Touches)
	for _, c := range e.Constraints {
		if c.Validates && hasAdded(u.added, c) {
			l.add(ValidateWithAdd, st.Pos, c.Name+" is validated in the transaction that added it, under the lock of the adding",
				"validate it in a migration of its own")
		}
	}
	if u.rows && e.Class == plan.DDL && !u.toldAfter && stopsWrites(touches) {
		u.toldAfter = true
		l.add(SchemaAfterRows, st.Pos, e.Verb+" comes after changed rows in one transaction, so the locks of both are held together",
			"the rows in a migration of their own")
	}
	l.heavy(u, st, touches)
	for _, n := range e.Changes {
		u.rows = u.rows || !l.fresh(n)
	}
	for _, c := range e.Constraints {
		if c.Later {
			u.added = append(u.added, c)
		}
	}
}

func (l *linter) heavy(u *transaction, st plan.Statement, touches []plan.Touch) {
	for _, t := range touches {
		if !t.StopsReads || t.Index || slices.Contains(u.heavy, t.What()) {
			continue
		}
		u.heavy = append(u.heavy, t.What())
	}
	if len(u.heavy) > 1 && !u.told {
		u.told = true
		l.add(SeveralHeavyLocks, st.Pos, "one transaction locks "+list(u.heavy)+" against reading, each until all are done",
			"one table in each migration")
	}
}

func stopsWrites(touches []plan.Touch) bool {
	for _, t := range touches {
		if t.StopsWrites {
			return true
		}
	}
	return false
}

func hasAdded(added []plan.Constraint, c plan.Constraint) bool {
	for _, a := range added {
		if a.Name == c.Name && a.Table == c.Table {
			return true
		}
	}
	return false
}
