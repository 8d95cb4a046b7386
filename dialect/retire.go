package dialect

import "github.com/bellowsdb/bellows/plan"

// Column is a column of a table as the catalog has it: enough to put it away
// under another name and to bring it back as it was.
type Column struct {
	Name    string
	Type    string // as SQL, with its length, character set and the like
	NotNull bool
	Default string // as SQL; "" none
	// Extra is what else belongs behind the type where a column is changed by
	// saying all of it again.
	Extra string
	// Made says why its values are the database's own making: "generated",
	// "identity"; "" for a plain column.
	Made string
	// Unequal: values that its type calls equal may differ, or it has no equality.
	Unequal bool
	// Known is by what the catalog tells it from another column of the same name
	// and type that came later; "" where it has nothing such.
	Known string
	// Indexes are those that stand in the way of dropping it, as SQL that makes
	// each again; none where they go with it.
	Indexes []Index
}

// Index is an index by name, and the statement that makes it.
type Index struct{ Name, SQL string }

// Hider is a dialect that can take the old columns of a change out of sight for
// a while with sync on, in one transaction: writes of the new side go on, and
// what they give the old side is there when it is put back.
type Hider interface {
	// Hide gives the columns other names.
	Hide(s Sync, columns, names []string) []string
	// Unhide gives them their names back and leaves sync as SyncOn made it.
	Unhide(s Sync, columns, names []string) []string
	// Unhideable is a query: a row with a reason for each thing that would be hurt
	// for longer than they are away; "" where there is no such thing.
	Unhideable(s Sync) string
}

// Retirer is a dialect that can put the old columns of a change away and bring
// them back. All dialects of this house are. What each method gives is sent in
// order; on a database that commits at each statement, one by one.
type Retirer interface {
	// Retire gives columns other names and takes from them what would make an
	// INSERT that does not know them fail: NOT NULL, and defaults.
	Retire(table plan.Name, columns []Column, names []string) []string
	// Recall gives retired columns their names and defaults back. NOT NULL has to
	// wait until every row has a value again.
	Recall(table plan.Name, columns []Column, names []string) []string
	// Require gives columns their NOT NULL back, without stopping writers for
	// longer than a moment where the database can. Each statement is to be a
	// transaction of its own.
	Require(table plan.Name, columns []Column) []string
	// Discard drops columns for good.
	Discard(table plan.Name, columns []Column) []string
	// Rename gives columns other names and changes nothing else.
	Rename(table plan.Name, from, to []string) []string
}

// Clinger is a dialect whose database cannot drop a column that certain things
// rest on, other than indexes of their own.
type Clinger interface {
	// Clings is a query: a row for each such thing, with the column's name and what
	// rests on it, in words.
	Clings(table plan.Name, columns []string) string
	// Made is a query: the statement that made a table. Without are statements that make
	// an empty one like it and drop the columns from that, to be rolled back: they fail
	// where the columns could not be dropped.
	Made(table plan.Name) string
	Without(made string, columns []string) []string
}
