package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

var _ db.Inspector = (*conn)(nil)

// Inspect reads the shape of the session's database. Lists come from
// information_schema, one query for each sort of thing; what a table, view,
// routine or sequence is comes from SHOW CREATE, which leaves nothing out. There
// is no snapshot: a change that is made meanwhile may be half seen.
func (c *conn) Inspect(ctx context.Context, o db.Inspection) (s schema.Schema, err error) {
	if c.database == "" || o.Schemas != nil && !contains(o.Schemas, c.database) {
		return schema.New(c.dialect.Name(), c.dialect.Version(), nil), nil
	}
	inside, err := c.inTransaction(ctx)
	if err != nil {
		return s, err
	}
	if inside {
		return s, &db.Error{Class: db.Bad, Code: "mysql.1568", Message: "a shape is not read inside a transaction", Offset: -1}
	}
	mode, err := db.Texts(ctx, c, "SELECT @@SESSION.sql_mode")
	if err != nil {
		return s, err
	}
	if _, err := c.Exec(ctx, "SET SESSION sql_mode = ''"); err != nil {
		return s, err
	}
	defer func() {
		if _, end := c.Exec(context.WithoutCancel(ctx), "SET SESSION sql_mode = "+c.dialect.Literal(mode[0][0])); err == nil {
			err = end
		}
	}()
	r := &reading{c: c, left: map[string]bool{}, k: own.Catalog{Database: c.database, Collations: map[string]string{}}}
	for _, spelled := range o.Leave {
		r.left[lastName(spelled)] = true
	}
	for _, step := range []func(context.Context) error{r.tables, r.columns, r.routines, r.triggers, r.events} {
		if err := step(ctx); err != nil {
			return s, err
		}
	}
	return c.dialect.Shape(r.k), nil
}

// inTransaction tells whether the session has begun one. MySQL has no variable
// for it; there a change of the isolation level of the next transaction fails.
func (c *conn) inTransaction(ctx context.Context) (bool, error) {
	if c.dialect.Flavour() == own.MariaDB {
		rows, err := db.Texts(ctx, c, "SELECT @@in_transaction")
		return err == nil && rows[0][0] == "1", err
	}
	_, err := c.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
	var e *db.Error
	if errors.As(err, &e) && e.Code == "mysql.1568" {
		return true, nil
	}
	return false, err
}

func contains(list []string, name string) bool {
	for _, item := range list {
		if strings.EqualFold(item, name) {
			return true
		}
	}
	return false
}

// lastName is the last part of a name that is spelled as SQL.
func lastName(spelled string) (last string) {
	for t := range own.Tokens(spelled, sqltext.Options{}) {
		if t.Kind == sqltext.Word || t.Kind == sqltext.Quoted {
			last = sqltext.Name(spelled[t.Start:t.End])
		}
	}
	return last
}

// reading collects a catalog.
type reading struct {
	c    *conn
	left map[string]bool
	k    own.Catalog
}

// tables reads the text of each table, view and sequence.
func (r *reading) tables(ctx context.Context) error {
	rows, err := db.Texts(ctx, r.c, "SELECT table_name, table_type, table_collation FROM information_schema.tables WHERE table_schema = ? ORDER BY table_name", r.c.database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		name, kind := row[0], row[1]
		if r.left[name] {
			continue
		}
		show, into := "TABLE", &r.k.Tables
		switch kind {
		case "VIEW":
			show, into = "VIEW", &r.k.Views
		case "SEQUENCE":
			show, into = "SEQUENCE", &r.k.Counters
		case "BASE TABLE", "SYSTEM VERSIONED":
			r.k.Collations[name] = row[2]
		default:
			r.k.Rest = append(r.k.Rest, schema.Unmodelled{Kind: strings.ToLower(kind), Name: name})
			continue
		}
		if err := r.show(ctx, show, name, 1, into); err != nil {
			return err
		}
	}
	return nil
}

// show reads what SHOW CREATE says. What the server refuses to tell is unmodelled.
func (r *reading) show(ctx context.Context, kind, name string, at int, into *[]own.Text) error {
	rows, err := db.Texts(ctx, r.c, "SHOW CREATE "+kind+" "+r.c.dialect.Quote(r.c.database)+"."+r.c.dialect.Quote(name))
	var e *db.Error
	switch {
	case errors.As(err, &e) && e.Class == db.Bad || errors.As(err, &e) && e.Class == db.Refused:
		r.k.Rest = append(r.k.Rest, schema.Unmodelled{Kind: strings.ToLower(kind), Name: name, Why: e.Message})
		return nil
	case err != nil:
		return err
	case len(rows) == 0 || len(rows[0]) <= at:
		return nil // dropped meanwhile
	}
	mode := ""
	if at == 2 {
		mode = rows[0][1]
	}
	*into = append(*into, own.Text{Kind: kind, Name: name, SQL: rows[0][at], Mode: mode})
	return nil
}

func (r *reading) columns(ctx context.Context) error {
	rows, err := db.Texts(ctx, r.c, `SELECT table_name, column_name, column_type, collation_name, is_nullable FROM information_schema.columns
		WHERE table_schema = ? ORDER BY table_name, ordinal_position`, r.c.database)
	for _, row := range rows {
		r.k.Columns = append(r.k.Columns, own.Column{Table: row[0], Name: row[1], Type: row[2], Collation: row[3], Nullable: row[4] == "YES"})
	}
	return err
}

func (r *reading) routines(ctx context.Context) error {
	rows, err := db.Texts(ctx, r.c, "SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = ? ORDER BY 1, 2", r.c.database)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row[0] != "FUNCTION" && row[0] != "PROCEDURE" {
			r.k.Rest = append(r.k.Rest, schema.Unmodelled{Kind: strings.ToLower(row[0]), Name: row[1]})
			continue
		}
		if err := r.show(ctx, row[0], row[1], 2, &r.k.Routines); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) triggers(ctx context.Context) error {
	rows, err := db.Texts(ctx, r.c, `SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_statement, definer, sql_mode
		FROM information_schema.triggers WHERE trigger_schema = ? ORDER BY event_object_table, action_timing, event_manipulation, action_order`, r.c.database)
	for _, row := range rows {
		if !r.left[row[1]] {
			r.k.Triggers = append(r.k.Triggers, own.Trigger{Name: row[0], Table: row[1], Timing: row[2], Event: row[3], Body: row[4], Definer: row[5], Mode: row[6]})
		}
	}
	return err
}

func (r *reading) events(ctx context.Context) error {
	at := func(column string) string { return fmt.Sprintf("CAST(%s AS CHAR)", column) }
	rows, err := db.Texts(ctx, r.c, "SELECT event_name, definer, event_definition, event_comment, sql_mode, "+at("execute_at")+", interval_value, interval_field, "+
		at("starts")+", "+at("ends")+", "+at("created")+", on_completion, status FROM information_schema.events WHERE event_schema = ? ORDER BY 1", r.c.database)
	for _, row := range rows {
		r.k.Events = append(r.k.Events, own.Event{Name: row[0], Definer: row[1], Body: row[2], Comment: row[3], Mode: row[4], At: row[5], Every: row[6], Unit: row[7],
			Starts: row[8], Ends: row[9], Created: row[10], Kept: row[11], Status: row[12]})
	}
	return err
}

var _ db.Measurer = (*conn)(nil)

// Sizes are what InnoDB estimates.
func (c *conn) Sizes(ctx context.Context) (map[schema.ID]schema.Size, error) {
	rows, err := db.Texts(ctx, c, "SELECT table_name, coalesce(table_rows, 0), coalesce(data_length, 0) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'")
	if err != nil {
		return nil, err
	}
	all := make(map[schema.ID]schema.Size, len(rows))
	for _, v := range rows {
		var size schema.Size
		if _, err := fmt.Sscan(v[1]+" "+v[2], &size.Rows, &size.Bytes); err != nil {
			return nil, err
		}
		all[schema.ID{Kind: schema.Table, Name: v[0]}] = size
	}
	return all, nil
}
