// Package dialect is all we know of one kind of database without touching one.
//
// Charter: facts as data ([Traits]), spelling, cutting, classifying.
// Invariant: nothing here needs a connection; a fact that depends on the
// server's version takes the version as a value.
// Example: var d dialect.Dialect = postgres.New(150000); d.Quote(`a"b`)
package dialect

import (
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// Traits are the facts about a database that decide how others behave.
type Traits struct {
	TransactionalDDL bool   // DDL can be rolled back
	Schemas          bool   // tables live in schemas of one database
	SessionLock      bool   // has a lock that a session holds by name
	SingleWriter     bool   // one writer at a time for the whole database
	ConcurrentIndex  bool   // can build an index while rows are written
	Pipelines        bool   // many statements travel in one round trip
	MaxIdent         int    // longest identifier, in bytes
	BeginWrite       string // begins a transaction that will write
	Key              string // type of a short text that can be a primary key
	Text             string // type of a text of any length
	Int              string // type of a 64-bit integer
	AutoKey          string // column definition of a counting primary key
	Time             string // type of a point in time
	Now              string // expression: the server's clock as Time
	NowPlus          string // expression with one %d: Now plus that many milliseconds
	LockRow          string // suffix of a SELECT that locks the row it reads, or ""
	TimeText         string // expression with one %s: a Time column as RFC 3339 UTC text with microseconds
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
	// RollsBackDDL is Traits().TransactionalDDL, for plan.Reader.
	RollsBackDDL() bool
}
