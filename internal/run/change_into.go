package run

import (
	"context"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// firstInto looks at the table that columns move to, and at how its rows are found,
// before anything is done. It may not be there yet.
func (c *changing) firstInto(ctx context.Context, st *change.State, shape db.Shape) error {
	var ok bool
	var err error
	if st.Key, ok, err = c.keyed(ctx, shape, c.spec.Near); err != nil {
		return err
	} else if !ok {
		return fault.At(c.spec.Change.At, fault.Unsupported, "%s of %s may be null or stand in several rows, so a row of %s does not say to which it belongs", strings.Join(c.spec.Near, ", "), c.spec.Change.Table, c.spec.Change.Into).
			Try("name a primary key, or a unique key that is NOT NULL, behind the = of by:")
	}
	there, ok, err := c.shape(ctx, c.spec.Into)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	if ok {
		if st.Into.Table = there.Table; there.Kind != "table" {
			return fault.At(c.spec.Change.At, fault.Unsupported, "%s is a %s, and columns move to a table", c.spec.Change.Into, there.Kind).Try("name the table behind it")
		}
		columns, err := c.columns(ctx, there.Table)
		if err != nil {
			return explainUnlessGone(err, "looking at the table")
		}
		for _, col := range columns {
			st.Into.Before, st.Into.Columns = append(st.Into.Before, col.Name), append(st.Into.Columns, col.Name)
		}
	}
	return c.movable(ctx, *st)
}

// seesInto reads the table that columns move to as it is now.
func (c *changing) seesInto(ctx context.Context, st *change.State) ([]dialect.Column, error) {
	at, name := c.spec.Change.At, c.spec.Change.Into
	shape, ok, err := c.shape(ctx, c.spec.Into)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fault.At(at, fault.Failed, "there is no table %s", name).Try("make it in the expand section, or correct into: in the directive")
	case shape.Table.Schema != st.Table.Schema:
		return nil, fault.At(at, fault.Unsupported, "%s and %s are not in one schema", c.spec.Change.Table, name).Try("move columns to a table beside this one")
	}
	st.Into.Table = shape.Table
	if st.Into.Key, ok, err = c.keyed(ctx, shape, c.spec.Far); err != nil {
		return nil, err
	} else if !ok {
		return nil, fault.At(at, fault.Unsupported, "%s of %s may be null or stand in several rows, and columns move only where one row belongs to one", strings.Join(c.spec.Far, ", "), name).
			Try("make it the primary key of %s, or a unique key that is NOT NULL", name)
	}
	columns, err := c.columns(ctx, st.Into.Table)
	if err != nil {
		return nil, err
	}
	st.Into.Columns, st.Into.Added = nil, nil
	for _, col := range columns {
		st.Into.Columns = append(st.Into.Columns, col.Name)
		if len(st.Into.Before) > 0 && !slices.Contains(st.Into.Before, col.Name) {
			st.Into.Added = append(st.Into.Added, col)
		}
	}
	return columns, c.movable(ctx, *st)
}

// movable refuses tables that triggers cannot keep in step.
func (c *changing) movable(ctx context.Context, st change.State) error {
	rows, err := c.texts(ctx, c.lang.Unmovable(c.spec.Sync(st, "")))
	if err != nil {
		return explainUnlessGone(err, "looking whether the two tables can be kept in step")
	}
	if len(rows) == 0 {
		return nil
	}
	return fault.At(c.spec.Change.At, fault.Unsupported, "the columns cannot move in steps: %s", rows[0][0]).Try("alter that in a migration before this one, or in the expand section; docs/change.md tells what a move needs")
}

// isInto tells whether a statement's table is the one that columns move to.
func (c *changing) isInto(st *change.State, name plan.Name) bool {
	if name.Schema == "" || st.Into.Table.Schema == "" {
		return name.Name == c.spec.Into.Name
	}
	return name.Key() == st.Into.Table.Key()
}

// keyed finds a key of a table that is made of exactly these columns, which it gives
// in their order and as the catalog spells them.
func (c *changing) keyed(ctx context.Context, shape db.Shape, names []string) ([]string, bool, error) {
	var keys [][]string
	for _, key := range shape.Keys {
		if key.Moves { // by what nobody can keep
			continue
		}
		var columns []string
		for _, col := range key.Columns {
			columns = append(columns, col.Name)
		}
		keys = append(keys, columns)
	}
	if sql := c.lang.Keyed(shape.Table); sql != "" {
		rows, err := c.texts(ctx, sql)
		if err != nil {
			return nil, false, explainUnlessGone(err, "looking at the keys of the table")
		}
		keys = append(keys, unique(rows)...)
	}
	for _, key := range keys {
		var found []string
		for _, name := range names {
			if i := slices.IndexFunc(key, func(col string) bool { return strings.EqualFold(col, name) }); i >= 0 {
				found = append(found, key[i])
			}
		}
		if len(found) == len(names) && len(key) == len(names) {
			return found, true, nil
		}
	}
	return nil, false, nil
}

// unique are the keys of which no column may be null.
func unique(rows [][]string) (keys [][]string) {
	for i := 0; i < len(rows); {
		var columns []string
		fit, name := true, rows[i][0]
		for ; i < len(rows) && rows[i][0] == name; i++ {
			columns, fit = append(columns, rows[i][1]), fit && rows[i][2] == "true"
		}
		if fit {
			keys = append(keys, columns)
		}
	}
	return keys
}
