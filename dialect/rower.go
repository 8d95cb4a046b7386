package dialect

// Kind is what a value is to the logic of a row, outside the database.
type Kind int

// The kinds of values.
const (
	Chars   Kind = iota // a text, also of every type that has no kind of its own
	Integer             // a number without a fraction
	Real                // a binary floating point number
	Decimal             // an exact number of any length
	Bool
	Bytes
	JSON   // a JSON value
	Moment // a date with a time, of no zone
	Zoned  // a point in time, told in UTC
	List   // values of one type, in order; they may be nested
	Own    // each value tells its own kind
)

// Type is the type of a column, or of what a statement takes.
type Type struct {
	Kind Kind
	Elem *Type  // of a List
	Name string // for a cast; "" where there is no need for one
}

// Cell is one value as a server spells it. Kind tells what it is where the type
// of its column is [Own], and of what came from outside a database.
type Cell struct {
	Null bool
	Kind Kind
	Text []byte // of Bytes: the bytes themselves
}

// Travel are the facts by which rows travel through logic that is not SQL.
// Templates are filled by [fmt.Sprintf].
type Travel struct {
	// Version is an expression with one %s, the name of a table's rows: another
	// text for each version of a row; "" where there is none.
	Version string
	// SameVersion is a condition with two %s, the name of a table's rows and such
	// a text.
	SameVersion string
	// VersionType is the type of such a text, for [Rower.Table].
	VersionType Type
	// Hold is the suffix of a SELECT that locks the rows of a table so that they
	// stay as they are until the transaction ends; a %s in it is the table's name
	// in the query. "" where there is no need for it.
	Hold string
	// Plain are statements beside those of Fill, until the transaction ends.
	Plain []string
	// Kept is a column of a subquery, %s, quoted, so that its value comes as it is
	// kept; "" where it does anyhow.
	Kept string
	// Types is a query with one %s, a list of the names that TypeOf does not know:
	// rows of such a name and one that it knows. "" where there are none.
	Types string
}

// Rower is a dialect whose rows can travel. All dialects of this house are.
type Rower interface {
	Travel() Travel
	// TypeOf is the type that db.Wire calls by that name; known is false where the
	// query Types of [Travel] is to be asked first.
	TypeOf(name string) (t Type, known bool)
	// Spell is a value as SQL, which a statement reads as it would a parameter.
	Spell(c Cell) string
	// ListText is the text of a list, as the server reads it back. A list in it is
	// a cell of kind List.
	ListText(elems []Cell) string
	// ListCells reads such a text; ok is false for one that is no plain list.
	ListCells(text []byte) (elems []Cell, ok bool)
}

// Tabler is a dialect that reads many values as a table, so that one statement
// writes many rows.
type Tabler interface {
	// Params are three statements: one that has the server read a statement in
	// which parameters stand as Param spells them, a query with a row for each of
	// them, a name for a cast and one for TypeOf, and one that ends it.
	Params(sql string) []string
	// Param is the n-th parameter, from 1.
	Param(n int) string
	// Table is a table of values for a FROM: its columns are the parameters 1 to
	// len(types), each a ListText of as many values.
	Table(name string, types []Type) string
	// Column is the n-th of its columns, from 1.
	Column(name string, n int, t Type) string
}

// Lister is a dialect in whose UPDATE many values stand as a table beside the one
// that is changed. They are what each is alone where they are assigned to a column,
// or compared with one of whole numbers.
type Lister interface {
	// Values is the table, by rows. ok is false for values that would not be side by
	// side what each is alone.
	Values(name string, rows [][]Cell) (sql string, ok bool)
	// Value is the n-th of its columns, from 1.
	Value(name string, n int) string
}
