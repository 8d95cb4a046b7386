package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect/internal/words"
	"github.com/bellowsdb/bellows/plan"
)

// kinds are the kinds of object that CREATE, ALTER and DROP name, longer ones first.
var kinds = []string{
	"FOREIGN DATA WRAPPER", "FOREIGN TABLE", "MATERIALIZED VIEW", "EVENT TRIGGER", "USER MAPPING", "DEFAULT PRIVILEGES",
	"TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE",
	"ACCESS METHOD", "OPERATOR CLASS", "OPERATOR FAMILY", "LARGE OBJECT",
	"TABLE", "INDEX", "VIEW", "SEQUENCE", "FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "TRIGGER", "TYPE", "DOMAIN", "SCHEMA",
	"EXTENSION", "POLICY", "RULE", "ROLE", "USER", "GROUP", "DATABASE", "TABLESPACE", "SUBSCRIPTION", "PUBLICATION", "STATISTICS",
	"COLLATION", "CONVERSION", "CAST", "TRANSFORM", "LANGUAGE", "OPERATOR", "SERVER", "SYSTEM", "OWNED", "ASSERTION",
}

func (w *wordReading) create() {
	w.c.Take("OR", "REPLACE")
	temp := false
	for {
		m := w.c.TakeAny("TEMP", "TEMPORARY", "GLOBAL", "LOCAL", "UNLOGGED", "UNIQUE", "CONSTRAINT", "RECURSIVE", "TRUSTED", "PROCEDURAL", "DEFAULT")
		if m == "" {
			break
		}
		temp = temp || strings.HasPrefix(m, "TEMP")
	}
	kind := w.c.TakeAny(kinds...)
	w.is(strings.TrimSpace("CREATE "+kind), plan.DDL)
	if kind == "" {
		w.e.Unparsed = true
		return
	}
	if w.c.Take("CONCURRENTLY") {
		w.e.Verb, w.e.NoTx = "CREATE INDEX CONCURRENTLY", noTxConcurrent
	}
	trusting := w.c.IfExists()
	if kind == "USER MAPPING" {
		return
	}
	if kind == "INDEX" {
		w.createIndex(trusting)
		return
	}
	n, ok := w.c.Name()
	if !ok {
		return
	}
	w.made(kind, n)
	if temp {
		w.is("CREATE TEMPORARY "+kind, plan.Session)
	}
}

// made adds what a CREATE of a kind with a name is known to do.
func (w *wordReading) made(kind string, n plan.Name) {
	switch kind {
	case "TABLE", "FOREIGN TABLE":
		w.e.Creates = append(w.e.Creates, n)
		w.e.Objects = append(w.e.Objects, words.Object(kind, n))
		w.others(n)
		return
	case "TRIGGER", "POLICY", "RULE":
		what := changePolicy
		if kind == "TRIGGER" {
			what = createTrigger
		}
		w.objectOnNext(kind, n, what)
		return
	case "DATABASE", "TABLESPACE":
		w.e.NoTx = noTxFiles
	case "SUBSCRIPTION":
		w.e.NoTx = noTxRemote
	}
	w.e.Objects = append(w.e.Objects, words.Object(kind, n))
}

// others adds the tables that the rest of CREATE TABLE speaks of.
func (w *wordReading) others(own plan.Name) {
	for !w.c.End() {
		switch {
		case w.c.Take("REFERENCES"):
			if n, ok := w.c.Name(); ok && n != own {
				w.touch(n, createReferences)
			}
		case w.c.Take("PARTITION", "OF"):
			if n, ok := w.c.Name(); ok {
				w.touch(n, createPartition)
			}
		case w.c.Take("INHERITS", "("):
			for _, n := range w.c.Names() {
				w.touch(n, createInherits)
			}
		default:
			w.c.Next()
		}
	}
}

// objectOnNext adds an object whose table follows after ON or, for a rule, TO.
func (w *wordReading) objectOnNext(kind string, n plan.Name, what deed) {
	o := words.Object(kind, n)
	at := "ON"
	if kind == "RULE" && !w.c.Peek("ON", "DELETE") && !w.c.Peek("ON") {
		at = "TO"
	}
	if w.c.Seek(at) {
		if on, ok := w.c.Name(); ok {
			o.On = on
			w.touch(on, what)
		}
	}
	w.e.Objects = append(w.e.Objects, o)
}

func (w *wordReading) createIndex(trusting bool) {
	var name plan.Name
	if !w.c.Peek("ON") {
		name, _ = w.c.Name()
	}
	if !w.c.Take("ON") {
		return
	}
	w.c.Take("ONLY")
	table, _ := w.c.Name()
	if name.Name != "" {
		name.Schema = table.Schema
	}
	w.objectOn("index", name, table)
	if w.e.NoTx == "" {
		w.touch(table, createIndex)
		return
	}
	w.touch(table, createIndexLater)
	w.e.Index = &plan.Index{Name: name, Table: table, Trusting: trusting}
}

func (w *wordReading) alter() {
	kind := w.c.TakeAny(kinds...)
	w.is(strings.TrimSpace("ALTER "+kind), plan.DDL)
	switch kind {
	case "":
		w.e.Unparsed = true
		return
	case "SYSTEM":
		w.is("ALTER SYSTEM", plan.Admin)
		w.e.NoTx = noTxConfig
		return
	case "DEFAULT PRIVILEGES", "USER MAPPING":
		return
	}
	if w.c.Peek("ALL", "IN", "TABLESPACE") {
		return
	}
	w.c.IfExists()
	w.c.Take("ONLY")
	n, ok := w.c.Name()
	if !ok {
		return
	}
	w.e.Objects = append(w.e.Objects, words.Object(kind, n))
	switch kind {
	case "TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW", "VIEW":
		w.touch(n, alterCatalog)
	case "DATABASE":
		if w.c.Take("SET", "TABLESPACE") {
			w.e.NoTx = noTxFiles
		}
	}
}

func (w *wordReading) drop() {
	kind := w.c.TakeAny(kinds...)
	w.is(strings.TrimSpace("DROP "+kind), plan.DDL)
	switch kind {
	case "":
		w.e.Unparsed = true
		return
	case "OWNED":
		w.e.Destroys = append(w.e.Destroys, plan.Loss{})
		return
	case "USER MAPPING", "CAST", "TRANSFORM":
		return
	}
	if w.c.Take("CONCURRENTLY") {
		w.e.Verb, w.e.NoTx = "DROP INDEX CONCURRENTLY", noTxConcurrent
	}
	w.c.IfExists()
	names := w.c.Names()
	cascade := w.c.Take("CASCADE")
	if routine := kind == "FUNCTION" || kind == "PROCEDURE" || kind == "ROUTINE" || kind == "AGGREGATE"; routine {
		cascade = cascade || w.c.Find("CASCADE") // behind the arguments
	}
	for _, n := range names {
		w.e.Objects = append(w.e.Objects, words.Object(kind, n))
		w.dropped(kind, n, cascade)
		if relation := strings.HasSuffix(kind, "TABLE") || strings.HasSuffix(kind, "VIEW"); relation && cascade {
			w.keys(n, plan.Keys{Lock: accessExclusive, Refer: plan.Dependents})
		}
	}
}

func (w *wordReading) dropped(kind string, n plan.Name, cascade bool) {
	switch kind {
	case "TABLE", "FOREIGN TABLE":
		w.touch(n, dropTable)
		w.keys(n, plan.Keys{Lock: accessExclusive, Refer: ways(cascade)})
		if kind == "TABLE" {
			w.e.Destroys = append(w.e.Destroys, plan.Loss{Table: n})
		}
	case "VIEW", "MATERIALIZED VIEW":
		w.touch(n, dropView)
	case "SEQUENCE":
		if cascade {
			w.cascades("sequence", n)
		}
	case "INDEX":
		if w.e.NoTx == "" {
			w.touchIndex(n, dropIndex)
			return
		}
		w.touchIndex(n, dropIndexLater)
		w.e.Index = &plan.Index{Name: n, Drop: true}
	case "FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE":
		if cascade {
			w.cascades("function", n)
		}
	case "SCHEMA":
		if cascade {
			w.cascades("schema", n)
			w.e.Destroys = append(w.e.Destroys, plan.Loss{Table: plan.Name{Schema: n.Name}})
		}
	case "TYPE", "DOMAIN", "EXTENSION":
		if cascade {
			w.cascades(strings.ToLower(kind), n)
			w.e.Destroys = append(w.e.Destroys, plan.Loss{})
		}
	case "DATABASE":
		w.e.NoTx = noTxFiles
		w.e.Destroys = append(w.e.Destroys, plan.Loss{})
	case "TABLESPACE":
		w.e.NoTx = noTxFiles
	case "SUBSCRIPTION":
		w.e.NoTx = noTxRemote
	}
}
