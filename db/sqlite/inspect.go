package sqlite

import (
	"context"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

var _ db.Inspector = (*conn)(nil)

// The queries of an inspection. Pragmas that read a virtual table or a view run
// its code, and fail where that is missing; so they read tables only.
const (
	objectsQuery = `SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid`
	kindsQuery   = `SELECT name, type FROM pragma_table_list WHERE schema = 'main'`
	modulesQuery = `SELECT lower(name) FROM pragma_module_list`
	columnsQuery = `SELECT m.name, x.name, x.type, x."notnull", x.pk, x.hidden FROM sqlite_master m, pragma_table_xinfo(m.name, 'main') x WHERE ` + plainTables + ` ORDER BY m.rowid, x.cid`
	keysQuery    = `SELECT m.name, x.id, x."table", x."from", x."to", x.on_update, x.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name, 'main') x WHERE ` + plainTables + ` ORDER BY m.rowid, x.id, x.seq`
	indexesQuery = `SELECT m.name, i.name, i."unique", i.partial, i.origin, x.name, x."desc", x.coll
		FROM sqlite_master m, pragma_index_list(m.name, 'main') i, pragma_index_xinfo(i.name, 'main') x WHERE ` + plainTables + ` AND x.key ORDER BY m.rowid, i.seq, x.seqno`
	plainTables = `m.type = 'table' AND m.rootpage > 0`
)

// Inspect reads the shape in one read transaction. The databases that a session
// has attached, and temporary objects, are not looked at.
func (c *conn) Inspect(ctx context.Context, o db.Inspection) (s schema.Schema, err error) {
	if o.Schemas != nil && !slices.ContainsFunc(o.Schemas, func(name string) bool { return strings.EqualFold(name, "main") }) {
		return schema.New(c.dialect.Name(), c.dialect.Version(), nil), nil
	}
	if _, err := c.Exec(ctx, "BEGIN"); err != nil {
		return s, err
	}
	defer func() {
		if _, end := c.Exec(context.WithoutCancel(ctx), "ROLLBACK"); err == nil {
			err = end
		}
	}()
	catalog, err := c.catalog(ctx, o.Leave)
	if err != nil {
		return s, err
	}
	return c.dialect.Shape(catalog), nil
}

func (c *conn) catalog(ctx context.Context, leave []string) (own.Catalog, error) {
	k := own.Catalog{Kinds: map[string]string{}, Modules: map[string]bool{}}
	left := leftOut(leave)
	for _, part := range []struct {
		query string
		width int
		take  func(r []string)
	}{
		{objectsQuery, 4, func(r []string) {
			if !left[strings.ToLower(r[2])] {
				k.Objects = append(k.Objects, own.Object{Type: r[0], Name: r[1], Table: r[2], SQL: r[3]})
			}
		}},
		{kindsQuery, 2, func(r []string) { k.Kinds[r[0]] = r[1] }},
		{modulesQuery, 1, func(r []string) { k.Modules[r[0]] = true }},
		{columnsQuery, 6, func(r []string) {
			k.Columns = append(k.Columns, own.Column{Table: r[0], Name: r[1], Type: r[2], NotNull: r[3] != "0", Primary: number(r[4]), Hidden: number(r[5])})
		}},
		{keysQuery, 7, func(r []string) {
			k.Keys = append(k.Keys, own.Key{Table: r[0], ID: number(r[1]), Parent: r[2], From: r[3], To: r[4], OnUpdate: r[5], OnDelete: r[6]})
		}},
		{indexesQuery, 8, func(r []string) {
			k.Indexes = append(k.Indexes, own.IndexColumn{Table: r[0], Index: r[1], Unique: r[2] != "0", Partial: r[3] != "0", Origin: r[4], Name: r[5], Desc: r[6] != "0", Collate: r[7]})
		}},
	} {
		if err := c.lines(ctx, part.width, part.query, part.take); err != nil {
			return k, err
		}
	}
	return k, nil
}

// leftOut are the names of tables to pass over, in lower case.
func leftOut(leave []string) map[string]bool {
	out := map[string]bool{}
	for _, spelled := range leave {
		last := ""
		for t := range own.Tokens(spelled, sqltext.Options{}) {
			if t.Kind == sqltext.Word || t.Kind == sqltext.Quoted {
				last = sqltext.Name(spelled[t.Start:t.End])
			}
		}
		out[strings.ToLower(last)] = true
	}
	return out
}

// lines calls do for each row of n columns, as text; NULL reads as "".
func (c *conn) lines(ctx context.Context, n int, query string, do func(row []string)) error {
	rows, err := c.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	values, into, line := make([]*string, n), make([]any, n), make([]string, n)
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return c.fail(ctx, query, err)
		}
		for i, v := range values {
			line[i] = ""
			if v != nil {
				line[i] = *v
			}
		}
		do(line)
	}
	return rows.Err()
}

// number is a small count that a pragma gives.
func number(text string) int {
	n := 0
	for i := range len(text) {
		n = 10*n + int(text[i]-'0')
	}
	return n
}
