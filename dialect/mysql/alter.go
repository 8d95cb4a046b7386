package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect/internal/words"
	"github.com/bellowsdb/bellows/plan"
)

func (r *reader) alter() {
	kind, _ := r.kind()
	r.is(strings.TrimSpace("ALTER "+kind), plan.DDL)
	if kind == "" || kind == "INDEX" {
		r.e.Unparsed = true
		return
	}
	r.c.IfExists()
	n, ok := r.name(kind)
	if !ok {
		return
	}
	r.e.Objects = append(r.e.Objects, words.Object(kind, n))
	if kind != "TABLE" {
		return
	}
	if r.c.Take("WAIT") {
		r.c.Next()
	}
	r.c.Take("NOWAIT")
	for !r.c.End() {
		r.action(n)
		for !r.c.End() && !r.c.Take(",") {
			r.c.Skip()
		}
	}
	if len(r.e.Touches) == 0 {
		r.touch(n, r.dialect.work(catalogOnly))
	}
}

// action reads one action of an ALTER TABLE, to somewhere before the next comma.
func (r *reader) action(table plan.Name) {
	what := catalogOnly
	switch word := r.c.Word(); word {
	case "ADD":
		what = r.add(table)
	case "DROP":
		what = r.dropPart(table)
	case "MODIFY":
		what = modifyColumn
	case "CHANGE":
		what = modifyColumn
	case "RENAME":
		what = r.renamePart(table)
	case "ALTER":
		what = setDefault
		if r.c.TakeAny("INDEX", "CHECK", "CONSTRAINT") != "" {
			what = catalogOnly
		}
	case "CONVERT":
		what = convert
		if r.c.Peek("PARTITION") || r.c.Peek("TABLE") {
			what = partitioning
		}
	case "ENGINE", "FORCE", "ROW_FORMAT", "KEY_BLOCK_SIZE", "ORDER":
		what = reorganize
	case "PARTITION", "COALESCE", "REORGANIZE", "EXCHANGE", "REBUILD", "REMOVE", "TRUNCATE", "ANALYZE", "OPTIMIZE", "REPAIR":
		what = partitioning
	case "ALGORITHM", "LOCK":
		return
	}
	r.touch(table, r.dialect.work(what))
}

// add reads what an ALTER TABLE adds.
func (r *reader) add(table plan.Name) deed {
	if r.c.Take("CONSTRAINT") {
		if !r.c.Peek("FOREIGN") && !r.c.Peek("CHECK") && !r.c.Peek("UNIQUE") && !r.c.Peek("PRIMARY") {
			r.c.IfExists()
			r.c.Ident()
		}
	}
	switch r.c.TakeAny("PRIMARY", "UNIQUE", "INDEX", "KEY", "FULLTEXT", "SPATIAL", "FOREIGN", "CHECK", "PARTITION", "PERIOD", "SYSTEM") {
	case "PRIMARY":
		return addPrimary
	case "UNIQUE", "INDEX", "KEY":
		return addIndex
	case "FULLTEXT", "SPATIAL":
		return addFullText
	case "FOREIGN":
		r.referenced(table)
		return addForeign
	case "CHECK":
		return addCheck
	case "PARTITION", "SYSTEM", "PERIOD":
		return partitioning
	}
	r.c.Take("COLUMN")
	r.c.IfExists()
	return r.column()
}

// referenced adds the table that a new foreign key refers to.
func (r *reader) referenced(table plan.Name) {
	if !r.c.Seek("REFERENCES") {
		return
	}
	if n, ok := r.c.Name(); ok && n != table {
		r.touch(n, instant)
	}
}

// column reads a new column, or several in parentheses, to the next comma.
func (r *reader) column() deed {
	what := addColumn
	for !r.c.End() && !r.c.Peek(",") {
		switch {
		case r.c.TakeAny("STORED", "PERSISTENT") != "", r.c.Take("DEFAULT", "("):
			what = addStored
		case r.c.Take("CHECK"):
			what = addCheck
		case r.c.TakeAny("UNIQUE", "PRIMARY", "AUTO_INCREMENT") != "":
			what = addPrimary
		default:
			r.c.Skip()
		}
	}
	return what
}

// dropPart reads what an ALTER TABLE drops.
func (r *reader) dropPart(table plan.Name) deed {
	switch r.c.TakeAny("INDEX", "KEY", "FOREIGN KEY", "CONSTRAINT", "CHECK", "PRIMARY KEY", "PARTITION", "SYSTEM", "PERIOD") {
	case "PRIMARY KEY":
		return addPrimary
	case "PARTITION":
		r.e.Destroys = append(r.e.Destroys, plan.Loss{})
		return partitioning
	case "SYSTEM", "PERIOD":
		return partitioning
	case "":
		r.c.Take("COLUMN")
		r.c.IfExists()
		if column, ok := r.c.Ident(); ok {
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: table, Column: column})
		}
		return dropColumn
	}
	return dropRule
}

func (r *reader) renamePart(table plan.Name) deed {
	switch r.c.TakeAny("COLUMN", "INDEX", "KEY", "TO", "AS") {
	case "COLUMN":
		return renameColumn
	case "INDEX", "KEY":
		return catalogOnly
	}
	if to, ok := r.c.Name(); ok {
		if to.Schema == "" {
			to.Schema = table.Schema
		}
		r.e.Renames = append(r.e.Renames, plan.Rename{From: table, To: to})
	}
	return catalogOnly
}
