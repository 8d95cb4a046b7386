package dialect

// Identifier is a dialect of a database whose tables and columns keep a number when
// they get another name, so that a rename that nobody told of is known.
type Identifier interface {
	// Identities is an expression: the tables and columns of users as JSON, {"self":
	// number, "all": [[table, column, schema, name of the table, name of the column],
	// …]}, column 0 and "" for the table itself. Self is the number of a table of
	// ours, spelled as SQL: in a copy of the database that was made by a dump it has
	// another one. It is NULL where there are too many.
	Identities(self string) string
}
