package dialect

import "github.com/bellowsdb/bellows/plan"

// Signal is a fact that a server tells about how hard it is pressed.
type Signal struct {
	// Limit is the name of the limit it is held against.
	Limit string
	// Query, as the database's hand reads it, has a row for each thing that is to be within the limit: what it is,
	// as people read it, or ""; how much there is, NULL where the session may not
	// see it; and the most there should be unless somebody has said, NULL where
	// the limit has a usual value of its own.
	Query string
	// Grows: it is a counter, and what is held against the limit is its growth in
	// a second.
	Grows bool
	// Vital: where it cannot be seen nothing may go on, unless somebody says so.
	Vital bool
}

// Signaller is a dialect whose server tells how hard it is pressed. All dialects
// of this house are.
type Signaller interface {
	// Signals are what can be asked while the rows of these tables are changed.
	Signals(tables []plan.Name) []Signal
	// Lag is what a replica is asked, on a session of its own: how many seconds it
	// is behind.
	Lag() Signal
}
