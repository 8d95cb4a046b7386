package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect/internal/words"
	"github.com/bellowsdb/bellows/plan"
)

// kinds are the kinds of object that CREATE, ALTER and DROP name.
var kinds = []string{
	"TABLE", "INDEX", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "DATABASE", "SCHEMA", "USER", "ROLE", "SEQUENCE",
	"SERVER", "TABLESPACE", "UNDO TABLESPACE", "LOGFILE GROUP", "RESOURCE GROUP", "PACKAGE BODY", "PACKAGE", "INSTANCE",
	"SPATIAL REFERENCE SYSTEM", "TABLES", "PREPARE",
}

// kind moves behind what may stand before the kind of an object, a definer
// among it, and gives the kind; "" when none is found.
func (r *reader) kind() (kind, before string) {
	r.c.Take("OR", "REPLACE")
	for !r.c.End() {
		if kind = r.c.TakeAny(kinds...); kind != "" {
			return kind, before
		}
		switch word := r.c.TakeAny("TEMPORARY", "UNIQUE", "FULLTEXT", "SPATIAL", "AGGREGATE", "ONLINE", "OFFLINE", "IGNORE", "ALGORITHM", "SQL", "SECURITY"); {
		case word == "SQL":
			r.c.Take("SECURITY")
			r.c.Word()
		case word == "ALGORITHM":
			r.c.Take("=")
			r.c.Word()
		case word != "":
			before = word
		case r.c.Take("DEFINER"):
			r.definer()
		default:
			return "", before
		}
	}
	return "", before
}

// definer moves behind = 'user'@'host', `user`@`host`, user or CURRENT_USER().
func (r *reader) definer() {
	r.c.Take("=")
	r.c.Next()
	for r.c.Peek("@") || strings.HasPrefix(r.c.Text(), "@") {
		if r.c.Take("@") {
			r.c.Next()
		} else {
			r.c.Next()
		}
	}
	if r.c.Peek("(") {
		r.c.Skip()
	}
}

func (r *reader) create() {
	kind, before := r.kind()
	r.is(strings.TrimSpace("CREATE "+kind), plan.DDL)
	if kind == "" {
		r.e.Unparsed = true
		return
	}
	r.c.IfExists()
	n, ok := r.name(kind)
	if !ok {
		return
	}
	o := words.Object(kind, n)
	switch kind {
	case "TABLE":
		r.e.Creates = append(r.e.Creates, n)
		if before == "TEMPORARY" {
			r.is("CREATE TEMPORARY TABLE", plan.Session)
		} else {
			r.references(n)
		}
	case "INDEX":
		if r.c.Seek("ON") {
			o.On, _ = r.c.Name()
			what := addIndex
			if before == "FULLTEXT" || before == "SPATIAL" {
				what = addFullText
			}
			r.touch(o.On, r.dialect.work(what))
		}
	case "TRIGGER":
		if r.c.Seek("ON") {
			o.On, _ = r.c.Name()
			r.touch(o.On, instant)
		}
	}
	r.e.Objects = append(r.e.Objects, o)
}

// name is the name of an object; that of a user is a text with its host.
func (r *reader) name(kind string) (plan.Name, bool) {
	if kind != "USER" && kind != "ROLE" {
		return r.c.Name()
	}
	text := strings.Trim(r.c.Text(), "'`\"")
	r.c.Next()
	return plan.Name{Name: text}, text != ""
}

// references adds the tables that the foreign keys in the parentheses of a
// CREATE TABLE refer to. MySQL locks them (documented from 8.0 on).
func (r *reader) references(own plan.Name) {
	for r.c.Find("REFERENCES") {
		if n, ok := r.c.Name(); ok && n != own && r.dialect.Flavour() == MySQL {
			r.touch(n, instant)
		}
	}
}

func (r *reader) drop() {
	kind, before := r.kind()
	if kind == "TABLES" {
		kind = "TABLE"
	}
	r.is(strings.TrimSpace("DROP "+kind), plan.DDL)
	switch kind {
	case "":
		r.e.Unparsed = true
		return
	case "PREPARE":
		r.e.Class = plan.Session
		return
	}
	r.c.IfExists()
	if kind == "USER" || kind == "ROLE" {
		if n, ok := r.name(kind); ok {
			r.e.Objects = append(r.e.Objects, words.Object(kind, n))
		}
		return
	}
	for _, n := range r.c.Names() {
		o := words.Object(kind, n)
		switch kind {
		case "TABLE":
			r.touch(n, instant)
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: n})
		case "DATABASE", "SCHEMA":
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: plan.Name{Schema: n.Name}})
		case "INDEX":
			if r.c.Take("ON") {
				o.On, _ = r.c.Name()
				r.touch(o.On, r.dialect.work(dropRule))
			}
		}
		r.e.Objects = append(r.e.Objects, o)
	}
	if before == "TEMPORARY" {
		r.e.Verb, r.e.Class, r.e.Destroys = "DROP TEMPORARY TABLE", plan.Session, nil
	}
}

// rename reads RENAME TABLE a TO b, c TO d, and RENAME USER.
func (r *reader) rename() {
	kind := r.c.TakeAny("TABLE", "TABLES", "USER")
	if kind == "USER" {
		r.is("RENAME USER", plan.DDL)
		return
	}
	r.is("RENAME TABLE", plan.DDL)
	r.e.Unparsed = kind == ""
	r.c.IfExists()
	for {
		from, ok := r.c.Name()
		if !ok || !r.c.Take("TO") {
			return
		}
		to, ok := r.c.Name()
		if !ok {
			return
		}
		r.renames(from, to)
		if !r.c.Take(",") {
			return
		}
	}
}

func (r *reader) renames(from, to plan.Name) {
	if to.Schema == "" {
		to.Schema = from.Schema
	}
	r.touch(from, instant)
	r.e.Objects = append(r.e.Objects, words.Object("table", from))
	r.e.Renames = append(r.e.Renames, plan.Rename{From: from, To: to})
}
