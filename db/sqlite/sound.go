package sqlite

import (
	"context"
	"errors"
	"regexp"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/plan"
)

var _ db.Sounder = (*conn)(nil)

// unsound is what SQLite says of a view or a trigger that it reads and cannot use.
var unsound = regexp.MustCompile(`error in (view|trigger) (.+?): (.*)`)

// Unsound renames a table of its own, for which SQLite reads all views and triggers
// and says which it cannot use.
func (c *conn) Unsound(ctx context.Context) (plan.Object, *db.Error, error) {
	if _, err := c.Exec(ctx, "BEGIN"); err != nil {
		return plan.Object{}, nil, err
	}
	_, err := c.Exec(ctx, "CREATE TABLE bellows_sound_1 (a)")
	if err == nil {
		_, err = c.Exec(ctx, "ALTER TABLE bellows_sound_1 RENAME TO bellows_sound_2")
	}
	if _, failed := c.Exec(context.WithoutCancel(ctx), "ROLLBACK"); err == nil || failed != nil {
		return plan.Object{}, nil, failed
	}
	var e *db.Error
	if errors.As(err, &e) {
		if said := unsound.FindStringSubmatch(e.Message); said != nil {
			e.Message = said[3]
			return plan.Object{Kind: said[1], Name: plan.Name{Name: said[2]}}, e, nil
		}
	}
	return plan.Object{}, nil, err
}
