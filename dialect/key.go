package dialect

import "github.com/bellowsdb/bellows/plan"

// Widener is a dialect whose database gives a counting key its number behind the
// triggers that run before a row is written. There a key is changed by a form of
// its own: a row that comes without a number is filled afterwards, and the contract
// gives the new column name, counter and place of the old one. What each method
// gives is sent in order, with the table and those of the references held.
type Widener interface {
	// References is a query: the foreign keys to that column alone, a row of
	// the texts of a [Reference] each, and "" or why the key cannot be changed.
	References(table plan.Name, column string) string
	// Lagging is a statement that fills at most so many rows, the last ones first,
	// whose number came after the triggers; 0 fills all. side says which column lags:
	// the new one before the contract, the old one after it, under the name now.
	Lagging(s Sync, side Side, now string, rows int) string
	// Unequal is a query: a row for one whose two numbers are not the same.
	Unequal(s Sync, side Side, now string) string
	// Loosen drops the foreign keys, Fasten makes them again and gives their columns
	// the type of that side.
	Loosen(refs []Reference) []string
	Fasten(s Sync, refs []Reference, side Side) []string
	// Widen gives the old column that name, and the new one the old one's.
	Widen(s Sync, name string) []string
	// Narrow takes that back.
	Narrow(s Sync, name string) []string
}

// Reference is a foreign key to a key that is changed.
type Reference struct {
	Table            plan.Name // that refers
	Name             string    // of the constraint
	Column           string
	Type, Rest       string // of the column, and what is said of it behind the type
	OnUpdate, OnDrop string // "RESTRICT" and the like
}
