package db

import (
	"context"

	"github.com/bellowsdb/bellows/plan"
)

// Observed is what can be seen of a table that holds rows.
type Observed struct {
	// ID stays when the table is renamed; File changes when it is written anew.
	ID, File string
	Name     plan.Name
	// Parents are the IDs of the tables that it inherits from or is a part of.
	Parents []string
	// Lock is the strongest that this session's transaction holds on it; "" for none,
	// and for those that any writer takes.
	Lock plan.Lock
}

// Observer is a Conn that can tell what its own transaction does to tables.
type Observer interface {
	// Observe tells of all tables of users, as the transaction sees them.
	Observe(ctx context.Context) ([]Observed, error)
	// Stronger tells whether a lock stops something that another one lets pass.
	Stronger(a, b plan.Lock) bool
}

// Dumper is a Driver of a database with a client that writes its shape as text: an
// observer that shares nothing with us.
type Dumper interface {
	// Dump is that text, without what differs from run to run; false where the
	// client is not installed, or is older than the server.
	Dump(ctx context.Context, url string, o DumpOptions) (text string, ok bool, err error)
}

// DumpOptions say what a dump leaves out. The zero value leaves out nothing.
type DumpOptions struct {
	// Leave are tables, spelled as SQL, with the schemas that are made for them.
	Leave []string
	// Ignore are attributes: owners, rights, comments.
	Ignore []string
}
