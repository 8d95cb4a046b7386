package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect/internal/words"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// firstWords is how many tokens say what a statement is. A WITH query is read
// to its end, since the change may stand last, and so is CREATE TABLE, which may
// name its parents there.
const firstWords = 256

// startsRows tells whether a statement begins like one that carries many rows.
func startsRows(sql string) bool {
	c := words.Read(sql, Tokens(sql, sqltext.Options{}), 2, strings.ToLower)
	return c.Peek("INSERT") || c.Peek("COPY") || c.Peek("VALUES")
}

// byWords classifies by the leading words: verb, class, and the tables and
// objects they name.
func (d Dialect) byWords(sql string) plan.Effect {
	c := words.Read(sql, Tokens(sql, sqltext.Options{}), firstWords, strings.ToLower)
	for c.Take("(") {
		continue
	}
	if c.Peek("WITH") || c.Peek("CREATE") {
		c = words.Read(sql, Tokens(sql, sqltext.Options{}), 0, strings.ToLower)
	}
	w := wordReading{reading: reading{dialect: d}, c: c}
	w.statement()
	return w.effect()
}

// wordReading collects an effect from words.
type wordReading struct {
	reading
	c *words.Cursor
}

func (w *wordReading) statement() {
	if w.c.Peek("WITH") {
		w.with()
		return
	}
	first := w.c.Word()
	switch first {
	case "CREATE":
		w.create()
	case "ALTER":
		w.alter()
	case "DROP":
		w.drop()
	case "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE":
		w.rows(first)
	case "EXPLAIN":
		w.is(first, plan.Query)
	default:
		w.simple(first)
	}
}

// simpleWords are the statements whose first word tells the class.
var simpleWords = map[string]plan.Class{
	"SELECT": plan.Query, "VALUES": plan.Query, "TABLE": plan.Query, "SHOW": plan.Query, "FETCH": plan.Query,
	"MOVE": plan.Query, "DECLARE": plan.Query, "CLOSE": plan.Query,
	"SET": plan.Session, "RESET": plan.Session, "DISCARD": plan.Session, "LISTEN": plan.Session, "UNLISTEN": plan.Session,
	"PREPARE": plan.Session, "DEALLOCATE": plan.Session, "LOAD": plan.Session, "NOTIFY": plan.Other, "LOCK": plan.Other,
	"DO": plan.Routine, "CALL": plan.Routine, "EXECUTE": plan.Routine,
	"BEGIN": plan.Begin, "START": plan.Begin, "COMMIT": plan.Commit, "END": plan.Commit, "ABORT": plan.Rollback,
	"ROLLBACK": plan.Rollback, "SAVEPOINT": plan.Savepoint, "RELEASE": plan.Savepoint,
	"COMMENT": plan.DDL, "GRANT": plan.DDL, "REVOKE": plan.DDL, "SECURITY": plan.DDL, "REASSIGN": plan.DDL, "IMPORT": plan.DDL,
	"VACUUM": plan.Admin, "ANALYZE": plan.Admin, "ANALYSE": plan.Admin, "REINDEX": plan.Admin, "CLUSTER": plan.Admin,
	"CHECKPOINT": plan.Admin, "REFRESH": plan.Admin,
}

func (w *wordReading) simple(first string) {
	class, known := simpleWords[first]
	if !known {
		w.is(first, plan.Other)
		w.e.Unparsed = true
		return
	}
	w.is(first, class)
	switch first {
	case "VACUUM":
		w.e.NoTx = noTxVacuum
	case "REINDEX":
		if w.c.Seek("CONCURRENTLY") {
			w.e.Verb, w.e.NoTx = "REINDEX CONCURRENTLY", noTxConcurrent
		}
	case "DISCARD":
		if w.c.Take("ALL") {
			w.e.NoTx = noTxDiscard
		}
	case "ROLLBACK":
		w.c.TakeAny("WORK", "TRANSACTION")
		if w.c.Take("TO") {
			w.is("ROLLBACK TO SAVEPOINT", plan.Savepoint)
		}
	case "REASSIGN":
		w.e.Verb = "REASSIGN OWNED"
	case "SECURITY":
		w.e.Verb = "SECURITY LABEL"
	case "IMPORT":
		w.e.Verb = "IMPORT FOREIGN SCHEMA"
	}
}

// with looks for the changes among the parts of a WITH query.
func (w *wordReading) with() {
	w.is("SELECT", plan.Query)
	for !w.c.End() {
		before := w.c.Text()
		w.c.Next()
		if before != "(" && before != ")" {
			continue
		}
		if word := w.c.TakeAny("INSERT INTO", "UPDATE", "DELETE FROM", "MERGE INTO"); word != "" {
			w.c.Take("ONLY")
			if n, ok := w.c.Name(); ok {
				w.change(n)
				w.is(strings.Fields(word)[0], plan.Rows)
			}
		}
	}
}

func (w *wordReading) change(n plan.Name) {
	w.touch(n, writeRows)
	w.e.Changes = append(w.e.Changes, n)
}

func (w *wordReading) rows(first string) {
	w.is(first, plan.Rows)
	w.c.TakeAny("INTO", "FROM", "TABLE")
	if w.c.Peek("(") {
		w.e.Class = plan.Query // COPY (query) TO
		return
	}
	if first == "TRUNCATE" {
		for _, n := range w.c.Names() {
			w.touch(n, truncateTable)
			w.e.Changes = append(w.e.Changes, n)
			w.e.Destroys = append(w.e.Destroys, plan.Loss{Table: n, Rows: true})
		}
		return
	}
	w.c.Take("ONLY")
	n, ok := w.c.Name()
	if !ok {
		return
	}
	if first == "COPY" {
		if w.c.Peek("(") {
			w.c.Skip()
		}
		if w.c.Peek("TO") {
			w.e.Class = plan.Query
			return
		}
	}
	w.change(n)
	if first == "DELETE" && !w.c.Seek("WHERE") {
		w.e.Destroys = append(w.e.Destroys, plan.Loss{Table: n, Rows: true})
	}
}
