package sqlite

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect/internal/words"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// firstWords is how many tokens say what a statement is. What may come later
// than that, the WHERE of a DELETE or the change behind a WITH, is read to the end.
const firstWords = 256

// Classify tells what one statement does. It never fails: what it does not
// know is marked Unparsed.
func (d Dialect) Classify(sql string) plan.Effect {
	c := words.Read(sql, Tokens(sql, sqltext.Options{}), firstWords, asWritten)
	if c.Peek("WITH") || c.Peek("DELETE") || c.Peek("EXPLAIN") {
		c = words.Read(sql, Tokens(sql, sqltext.Options{}), 0, asWritten)
	}
	r := reading{c: c}
	r.statement()
	return r.e
}

func asWritten(name string) string { return name }

// reading collects the effect of one statement.
type reading struct {
	c *words.Cursor
	e plan.Effect
}

func (r *reading) is(verb string, class plan.Class) { r.e.Verb, r.e.Class = verb, class }

func (r *reading) statement() {
	switch first := r.c.Word(); first {
	case "CREATE":
		r.create()
	case "DROP":
		r.drop()
	case "ALTER":
		r.alter()
	case "INSERT", "REPLACE", "UPDATE", "DELETE":
		r.rows(first)
	case "WITH":
		r.with()
	case "PRAGMA":
		r.pragma()
	case "EXPLAIN":
		r.is(first, plan.Query)
	default:
		r.simple(first)
	}
}

// simple reads the statements whose first words are enough.
func (r *reading) simple(first string) {
	switch first {
	case "SELECT", "VALUES":
		r.is(first, plan.Query)
	case "BEGIN":
		r.is(first, plan.Begin)
	case "COMMIT", "END":
		r.is("COMMIT", plan.Commit)
	case "ROLLBACK":
		r.is(first, plan.Rollback)
		r.c.Take("TRANSACTION")
		if r.c.Take("TO") {
			r.is("ROLLBACK TO SAVEPOINT", plan.Savepoint)
		}
	case "SAVEPOINT":
		r.is(first, plan.Savepoint)
	case "RELEASE":
		r.is("RELEASE SAVEPOINT", plan.Savepoint)
	case "ANALYZE", "REINDEX":
		r.is(first, plan.Admin)
	case "VACUUM":
		r.is(first, plan.Admin)
		r.e.NoTx = noTxVacuum
	case "ATTACH":
		r.is("ATTACH DATABASE", plan.Session)
	case "DETACH":
		r.is("DETACH DATABASE", plan.Session)
		r.e.NoTx = noTxDetach
	default:
		r.is(first, plan.Other)
		r.e.Unparsed = true
	}
}

// with looks for the change behind the queries of a WITH, which themselves
// only read.
func (r *reading) with() {
	r.is("SELECT", plan.Query)
	for !r.c.End() {
		if word := r.c.TakeAny("INSERT", "REPLACE INTO", "UPDATE", "DELETE", "SELECT", "VALUES"); word != "" {
			first := strings.Fields(word)[0]
			if first == "REPLACE" {
				r.change("REPLACE")
			} else if first != "SELECT" && first != "VALUES" {
				r.rows(first)
			}
			return
		}
		r.c.Skip()
	}
}

// rows reads INSERT, REPLACE, UPDATE and DELETE behind their first word.
func (r *reading) rows(first string) {
	if r.c.Take("OR") {
		r.c.Word()
	}
	r.c.TakeAny("INTO", "FROM")
	r.change(first)
}

// change reads the table whose rows change.
func (r *reading) change(verb string) {
	r.is(verb, plan.Rows)
	n, ok := r.c.Name()
	if !ok {
		r.e.Unparsed = true
		return
	}
	r.touch(n, work{})
	if strings.EqualFold(n.Name, sequences) {
		r.is(verb, plan.Admin)
		return
	}
	r.e.Changes = append(r.e.Changes, n)
	if verb == "DELETE" && !r.c.Seek("WHERE") {
		r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: n, Rows: true})
	}
}

// touch adds what is done to a table. There is one lock, on the whole file: it
// stops other writers, and readers only for the moment of the commit.
func (r *reading) touch(n plan.Name, w work) {
	r.e.Touches = append(r.e.Touches, plan.Touch{
		Table: n, Lock: lockFile, Scans: w.scans, Rewrites: w.rewrites, StopsWrites: true,
	})
}
