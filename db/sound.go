package db

import (
	"context"

	"github.com/bellowsdb/bellows/plan"
)

// Sounder is a Conn of a database that takes what speaks of things that are not
// there, and fails only when it is used.
type Sounder interface {
	// Unsound is an object that cannot be used as it is, and why; nil where all can.
	// Nothing may be open on the session, and the database is left as it was.
	Unsound(ctx context.Context) (plan.Object, *Error, error)
}
