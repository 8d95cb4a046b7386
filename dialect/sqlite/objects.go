package sqlite

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect/internal/words"
	"github.com/bellowsdb/bellows/plan"
)

func (r *reading) create() {
	temp := r.c.TakeAny("TEMP", "TEMPORARY") != ""
	r.c.Take("UNIQUE")
	virtual := r.c.Take("VIRTUAL")
	kind := r.c.TakeAny("TABLE", "INDEX", "VIEW", "TRIGGER")
	r.is(strings.TrimSpace("CREATE "+kind), plan.DDL)
	if kind == "" {
		r.e.Unparsed = true
		return
	}
	r.c.IfExists()
	n, ok := r.c.Name()
	if !ok {
		r.e.Unparsed = true
		return
	}
	o := words.Object(kind, n)
	switch kind {
	case "TABLE":
		r.e.Creates = append(r.e.Creates, n)
		if virtual {
			r.e.Verb = "CREATE VIRTUAL TABLE"
		}
	case "INDEX", "TRIGGER":
		if r.c.Seek("ON") {
			o.On, _ = r.c.Name()
			o.On.Schema = n.Schema
			r.touch(o.On, work{scans: kind == "INDEX"})
		}
	}
	r.e.Objects = append(r.e.Objects, o)
	if temp || strings.EqualFold(n.Schema, "temp") {
		r.is("CREATE TEMPORARY "+kind, plan.Session)
		r.e.Touches = nil
	}
}

func (r *reading) drop() {
	kind := r.c.TakeAny("TABLE", "INDEX", "VIEW", "TRIGGER")
	r.is(strings.TrimSpace("DROP "+kind), plan.DDL)
	r.c.IfExists()
	n, ok := r.c.Name()
	if kind == "" || !ok {
		r.e.Unparsed = true
		return
	}
	r.e.Objects = append(r.e.Objects, words.Object(kind, n))
	if kind == "TABLE" {
		r.touch(n, work{})
		r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: n})
	}
}

// alter reads ALTER TABLE. ADD and DROP CONSTRAINT and SET NOT NULL are known
// from 3.53 on; before, the server refuses them.
func (r *reading) alter() {
	r.is("ALTER TABLE", plan.DDL)
	if !r.c.Take("TABLE") {
		r.is("ALTER", plan.DDL)
		r.e.Unparsed = true
		return
	}
	r.c.IfExists()
	n, ok := r.c.Name()
	if !ok {
		r.e.Unparsed = true
		return
	}
	r.e.Objects = append(r.e.Objects, words.Object("table", n))
	r.touch(n, r.action(n))
}

// action reads what ALTER TABLE does behind the table's name.
func (r *reading) action(table plan.Name) work {
	switch r.c.TakeAny("RENAME", "ADD", "DROP", "ALTER") {
	case "RENAME":
		if r.c.Take("TO") {
			if to, ok := r.c.Name(); ok {
				to.Schema = table.Schema
				r.e.Renames = append(r.e.Renames, plan.Rename{From: table, To: to})
			}
		}
	case "ADD":
		return r.add()
	case "DROP":
		if r.c.Take("CONSTRAINT") {
			return work{}
		}
		r.c.Take("COLUMN")
		if column, ok := r.c.Ident(); ok {
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: table, Column: column})
		}
		return work{rewrites: true}
	case "ALTER":
		return work{scans: r.c.Seek("SET", "NOT", "NULL")}
	default:
		r.e.Unparsed = true
	}
	return work{}
}

// add reads ADD COLUMN and ADD CONSTRAINT. A CHECK, and a column with one or
// with a generated value, is proved against the rows.
func (r *reading) add() work {
	for !r.c.End() {
		if r.c.TakeAny("CHECK", "GENERATED", "AS") != "" {
			return work{scans: true}
		}
		r.c.Skip()
	}
	return work{}
}

func (r *reading) pragma() {
	r.is("PRAGMA", plan.Query)
	n, ok := r.c.Name()
	if !ok {
		r.e.Unparsed = true
		return
	}
	name := strings.ToLower(n.Name)
	sets := r.c.Peek("=") || r.c.Peek("(")
	switch {
	case upkeep[name]:
		r.e.Class = plan.Admin
	case sets && inFile[name]:
		r.e.Class = plan.Other
	case sets && !questions[name]:
		r.e.Class = plan.Session
	}
	if why := aloneWhy[name]; why != "" && r.e.Class != plan.Query {
		r.e.NoTx, r.e.Ignored = why, ignored[name]
	}
}
