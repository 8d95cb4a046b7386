// Package dialect is all we know of one kind of database without touching one.
//
// Charter: facts as data ([Traits]), spelling, cutting, classifying.
// Invariant: nothing here needs a connection; a fact that depends on the
// server's version takes the version as a value.
// Example: var d dialect.Dialect = postgres.New(150000); d.Quote(`a"b`)
package dialect

import (
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// Traits are the facts about a database that decide how others behave. The
// texts are SQL to be put into statements as they are; a template has exactly
// the verbs its comment names and is filled by [fmt.Sprintf].
type Traits struct {
	TransactionalDDL bool   // DDL can be rolled back
	Schemas          bool   // tables live in schemas of one database
	MakeSchema       string // makes a schema unless it is there, which needs no right; %[1]s is its name as a literal, %[2]s quoted
	SessionLock      bool   // has a lock that a session holds by name
	SchemaTraps      string // query with one %s, the literal of a schema that is not there: a row when, once made, names without a schema would mean it; or ""
	SingleWriter     bool   // one writer at a time for the whole database
	ConcurrentIndex  bool   // can build an index while rows are written
	Pipelines        bool   // many statements travel in one round trip
	MaxIdent         int    // longest identifier, in bytes; 0 is no limit
	BeginWrite       string // begins a transaction that will write
	Key              string // type of a short text (to 190 characters) that can be a primary key, compared byte for byte
	Text             string // type of a text of any length, compared byte for byte
	Int              string // type of a 64-bit integer
	AutoKey          string // column definition, after its name, of a counting primary key
	TableTail        string // what follows the ")" of a CREATE TABLE, or ""
	Time             string // type of a point in time
	Now              string // expression: the server's clock as Time; it moves within a transaction
	NowPlus          string // expression with one %d: Now plus that many milliseconds, which may be negative
	LockRow          string // suffix of a SELECT that locks the row it reads, or ""
	TimeText         string // expression with one %s: a Time column as RFC 3339 UTC text with microseconds
	TimeLayout       string // layout for time.Time.Format, in UTC; quoted, it is a value of type Time
	OnConflict       string // clause with %s for the key columns, where they are said: what begins an upsert's list of changes
	Incoming         string // expression with one %s, a column: in that list, the value that was to be inserted
	LazyCommit       string // statement after which the transaction's COMMIT is answered before it is on disk; a crash may then undo the last of them, whole and in order; or ""
	BudgetTx         string // statement with %[1]d and %[2]d, milliseconds: lock and statement time-outs until the transaction ends (0: none)
	BudgetSession    string // the same until the session is reset
	ResetSession     string // statements, joined by "; ", that give the session its first settings again, or ""
	Elapsed          string // expression: milliseconds since the transaction's BudgetTx; %s, where there is one, is the literal of our own clock then, which is the server's where the database lives in our process
	KeysAsk          string // query: a row when foreign keys are enforced and can be switched off, or ""
	KeysOff, KeysOn  string // statements, outside a transaction, that switch them off, where dropping a table would delete the rows that refer to it, and on again
	Dangling         string // query: a row for each reference that leads nowhere
	ScriptHead       string // what a script for the database's own client begins with, so that it reads and does the same as a session of ours
	Delimiter        string // command of the database's own client, with %s, that changes what ends a statement, or ""
	JoinRows         string // aggregate with %[1]s, a text, and %[2]s, the literal of what stands between two: the texts of all rows as one, of any length, where that is cheaper than rows; or ""
	LateNumbers      bool   // a trigger does not know yet which number a counting column will get
	HoldTable        string // statement with %s, tables with HoldNext between them: keeps everybody else from it, across statements that commit; "" where a transaction does
	HoldNext         string
	ReleaseTable     string // what ends it
	TableExists      string // query with two %s, literals of schema and table (schema is ignored where there are none): a row when it is there
}

// Budget fills BudgetTx or BudgetSession. A time-out below a millisecond but
// above zero counts as one.
func Budget(template string, lock, statement time.Duration) string {
	return fmt.Sprintf(template, milliseconds(lock), milliseconds(statement))
}

func milliseconds(d time.Duration) int64 {
	if d > 0 && d < time.Millisecond {
		return 1
	}
	return d.Milliseconds()
}

// Ended is a statement as a line, or lines, for the database's own client: no
// comment at its end swallows what ends it, and no body is cut in two.
func (t Traits) Ended(sql string) string {
	end := ";\n"
	if i := strings.LastIndexByte(sql, '\n'); strings.Contains(sql[i+1:], "--") || strings.Contains(sql[i+1:], "#") {
		end = "\n;\n"
	}
	if t.Delimiter != "" && strings.Contains(sql, ";") {
		return fmt.Sprintf(t.Delimiter, "//") + "\n" + sql + "\n//\n" + fmt.Sprintf(t.Delimiter, ";") + "\n"
	}
	return sql + end
}

// Upsert is the clause that ends an INSERT so that a row whose keys exist is
// changed instead: each of columns gets the value that was to be inserted. With
// no columns an existing row stays as it is. Keys and columns are spelled as SQL.
func (t Traits) Upsert(keys, columns []string) string {
	list := strings.Join(keys, ", ")
	var sets []string
	for _, c := range columns {
		sets = append(sets, c+" = "+fmt.Sprintf(t.Incoming, c))
	}
	if len(sets) == 0 {
		for _, k := range keys {
			sets = append(sets, k+" = "+fmt.Sprintf(t.Incoming, k))
		}
	}
	head := t.OnConflict
	if strings.Contains(head, "%s") {
		head = fmt.Sprintf(head, list)
	}
	return head + " " + strings.Join(sets, ", ")
}

// Dialect is one database's language.
type Dialect interface {
	// Name is the scheme people write in URLs.
	Name() string
	Traits() Traits
	// Quote spells an identifier, quoted always.
	Quote(ident string) string
	// Literal spells a string so that every setting of the server reads it alike.
	Literal(text string) string
	// Split cuts text into statements.
	Split(text string, o sqltext.Options) sqltext.Pieces
	// Classify tells what one statement does. It never fails: what it does not
	// understand is marked Unparsed.
	Classify(sql string) plan.Effect
	// Bare is a statement without comments, with one blank between its tokens:
	// what it is to the server.
	Bare(sql string) string
}
