package mysql

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/dialect/internal/words"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// firstWords is how many tokens say what a statement is. What may come later
// than that (the actions of an ALTER, the WHERE of a DELETE, the change behind
// a WITH) is read to the end.
const firstWords = 256

// Classify tells what one statement does. It never fails: what it does not
// know is marked Unparsed. What stands in a comment that is executed
// (/*!50003 … */) counts.
func (d Dialect) Classify(sql string) plan.Effect {
	c := d.read(sql, firstWords)
	for _, first := range []string{"ALTER", "CREATE", "WITH", "DELETE", "UPDATE"} {
		if c.Peek(first) {
			c = d.read(sql, 0)
		}
	}
	r := reader{dialect: d, c: c}
	for r.c.Take("(") {
		continue
	}
	r.statement()
	slices.SortStableFunc(r.e.Touches, func(a, b plan.Touch) int {
		return cmp.Compare(strength[b.Lock], strength[a.Lock])
	})
	return r.e
}

func (d Dialect) read(sql string, limit int) *words.Cursor {
	return words.Read(sql, Tokens(sql, d.options(sqltext.Options{})), limit, func(name string) string { return name })
}

// reader collects the effect of one statement.
type reader struct {
	dialect Dialect
	c       *words.Cursor
	e       plan.Effect
	queries []string // names that a WITH gives to queries
}

func (r *reader) is(verb string, class plan.Class) { r.e.Verb, r.e.Class = verb, class }

// touch adds what is done to a table; of two works on one table the stronger
// lock holds and the work adds up.
func (r *reader) touch(n plan.Name, w work) {
	t := plan.Touch{Table: n, Lock: w.lock, Scans: w.scans, Rewrites: w.rewrites}
	worst := w.scans || w.rewrites
	for i := range r.e.Touches {
		o := &r.e.Touches[i]
		if o.Table != n {
			continue
		}
		busy := o.Scans || o.Rewrites
		if worst && !busy || worst == busy && strength[w.lock] > strength[o.Lock] {
			o.Lock = w.lock
		}
		o.Scans, o.Rewrites = o.Scans || w.scans, o.Rewrites || w.rewrites
		o.StopsReads, o.StopsWrites = stops(o.Lock)
		return
	}
	t.StopsReads, t.StopsWrites = stops(t.Lock)
	r.e.Touches = append(r.e.Touches, t)
}

func stops(l plan.Lock) (reads, writes bool) {
	return l == exclusive, l == exclusive || l == noWrite
}

func (r *reader) statement() {
	switch first := r.c.Word(); first {
	case "CREATE":
		r.create()
	case "DROP":
		r.drop()
	case "ALTER":
		r.alter()
	case "RENAME":
		r.rename()
	case "TRUNCATE":
		r.truncate()
	case "INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD":
		r.rows(first)
	case "WITH":
		r.with()
	case "SET":
		r.set()
	default:
		r.simple(first)
	}
}

// simpleWords are the statements whose first word tells the class.
var simpleWords = map[string]plan.Class{
	"SELECT": plan.Query, "VALUES": plan.Query, "TABLE": plan.Query, "SHOW": plan.Query, "DESCRIBE": plan.Query, "DESC": plan.Query,
	"EXPLAIN": plan.Query, "HELP": plan.Query, "HANDLER": plan.Query, "CHECKSUM": plan.Query, "DO": plan.Query,
	"USE": plan.Session, "PREPARE": plan.Session, "DEALLOCATE": plan.Session, "UNLOCK": plan.Session, "LOCK": plan.Session,
	"CALL": plan.Routine, "EXECUTE": plan.Routine, "START": plan.Begin, "BEGIN": plan.Begin, "COMMIT": plan.Commit,
	"ROLLBACK": plan.Rollback, "SAVEPOINT": plan.Savepoint, "RELEASE": plan.Savepoint, "XA": plan.Other,
	"GRANT": plan.DDL, "REVOKE": plan.DDL, "INSTALL": plan.DDL, "UNINSTALL": plan.DDL, "IMPORT": plan.DDL,
	"ANALYZE": plan.Admin, "OPTIMIZE": plan.Admin, "CHECK": plan.Admin, "REPAIR": plan.Admin, "FLUSH": plan.Admin, "RESET": plan.Admin,
	"PURGE": plan.Admin, "KILL": plan.Admin, "CACHE": plan.Admin, "BINLOG": plan.Admin, "CHANGE": plan.Admin, "STOP": plan.Admin,
}

func (r *reader) simple(first string) {
	class, known := simpleWords[first]
	r.is(first, class)
	r.e.Unparsed = !known
	switch first {
	case "START", "BEGIN":
		if r.c.Take("NOT", "ATOMIC") {
			r.is("BEGIN NOT ATOMIC", plan.Routine)
		} else if first == "START" && !r.c.Take("TRANSACTION") {
			r.is(first, plan.Admin)
		} else {
			r.e.Verb = "START TRANSACTION"
		}
	case "ROLLBACK":
		r.c.Take("WORK")
		if r.c.Take("TO") {
			r.is("ROLLBACK TO SAVEPOINT", plan.Savepoint)
		}
	case "RELEASE":
		r.e.Verb = "RELEASE SAVEPOINT"
	case "LOCK", "UNLOCK":
		r.e.Verb, r.e.NoTx = first+" TABLES", noTxCommits
		if r.c.TakeAny("TABLES", "TABLE") != "" {
			// Every dump has them around the rows of each table.
			r.e.Skip = "because under it the ledger could not be written"
		} else {
			r.is(first, plan.Admin)
		}
		if first == "UNLOCK" && r.e.Skip != "" {
			r.e.Skip = "because LOCK TABLES is skipped"
		}
	case "ANALYZE", "OPTIMIZE", "CHECK", "REPAIR":
		r.upkeep(first)
	}
}

// upkeep reads ANALYZE TABLE and its sisters. ANALYZE before a query, on
// MariaDB, runs it and tells how.
func (r *reader) upkeep(first string) {
	r.c.TakeAny("LOCAL", "NO_WRITE_TO_BINLOG")
	if r.c.TakeAny("TABLE", "TABLES") == "" {
		if first == "ANALYZE" {
			r.statement()
			r.e.Verb = "ANALYZE " + r.e.Verb
			return
		}
		r.e.Unparsed = true
		return
	}
	r.is(first+" TABLE", plan.Admin)
	r.e.NoTx = noTxCommits
	if first == "OPTIMIZE" || first == "REPAIR" {
		for _, n := range r.c.Names() {
			r.touch(n, rebuild)
		}
	}
}

// set reads SET; a password or a default role lasts, everything else is the session's.
func (r *reader) set() {
	r.is("SET", plan.Session)
	if r.c.TakeAny("PASSWORD", "DEFAULT ROLE") != "" {
		r.e.Class = plan.DDL
		return
	}
	r.c.TakeAny("GLOBAL", "PERSIST")
}

// with looks for the change behind the queries of a WITH, which themselves only read.
func (r *reader) with() {
	r.is("SELECT", plan.Query)
	r.c.Take("RECURSIVE")
	for {
		name, _ := r.c.Ident()
		r.queries = append(r.queries, name)
		if !r.c.Peek("AS") {
			r.c.Skip() // its columns
		}
		r.c.Take("AS")
		r.c.Skip()
		if !r.c.Take(",") {
			break
		}
	}
	for !r.c.End() {
		if word := r.c.TakeAny("SELECT", "UPDATE", "DELETE", "INSERT", "REPLACE INTO"); word != "" {
			if word != "SELECT" {
				r.rows(strings.Fields(word)[0])
			}
			return
		}
		r.c.Skip()
	}
}

// rows reads the statements that change rows behind their first word.
func (r *reader) rows(first string) {
	r.is(first, plan.Rows)
	for r.c.TakeAny("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE") != "" {
		continue
	}
	switch first {
	case "LOAD":
		r.load()
		return
	case "DELETE":
		r.deletes()
		return
	case "UPDATE":
		r.updates()
		return
	}
	r.c.Take("INTO")
	if n, ok := r.c.Name(); ok {
		r.change(n)
		return
	}
	r.e.Unparsed = true
}

func (r *reader) change(n plan.Name) {
	r.touch(n, work{lock: write})
	if !slices.Contains(r.e.Changes, n) {
		r.e.Changes = append(r.e.Changes, n)
	}
}

func (r *reader) load() {
	kind := r.c.TakeAny("DATA", "XML", "INDEX")
	r.e.Verb = strings.TrimSpace("LOAD " + kind)
	if kind == "INDEX" {
		r.e.Class = plan.Admin
		return
	}
	if r.c.Seek("INTO", "TABLE") {
		if n, ok := r.c.Name(); ok {
			r.change(n)
		}
	}
}

// truncate commits, as DDL does, but what it changes is rows.
func (r *reader) truncate() {
	r.is("TRUNCATE", plan.Rows)
	r.c.Take("TABLE")
	n, ok := r.c.Name()
	if !ok {
		r.e.Unparsed = true
		return
	}
	r.e.NoTx = noTxCommits
	r.touch(n, instant)
	r.e.Changes = append(r.e.Changes, n)
	r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: n, Rows: true})
}
