package mysql

import (
	"fmt"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Widener = Dialect{}

// late tells whether the old side is a key that counts by itself: a trigger does
// not know the number of a row that is about to be written.
func (y synced) late() bool { return len(y.Old) == 1 && y.Old[0].Made == "identity" }

// strict is agrees without the rows that wait for their number to be filled in.
func (y synced) strict() string {
	y.Old = append([]dialect.SyncColumn(nil), y.Old...)
	for i := range y.Old {
		y.Old[i].Made = ""
	}
	return y.agrees()
}

// References finds foreign keys of one column; of several there is none to a key
// that counts by itself.
func (d Dialect) References(table plan.Name, column string) string {
	schema := "DATABASE()"
	if table.Schema != "" {
		schema = d.Literal(table.Schema)
	}
	return "SELECT CASE WHEN k.table_schema = DATABASE() THEN '' ELSE k.table_schema END, k.table_name, k.constraint_name, k.column_name, c.column_type, " +
		"CONCAT(IF(c.is_nullable = 'NO', 'NOT NULL', 'NULL'), IF(c.column_default IS NULL OR c.column_default = 'NULL', '', CONCAT(' DEFAULT ', c.column_default)), " +
		"IF(c.column_comment = '', '', CONCAT(' COMMENT ', QUOTE(c.column_comment)))), r.update_rule, r.delete_rule, " +
		"IF((SELECT COUNT(*) FROM information_schema.key_column_usage o WHERE o.constraint_schema = k.constraint_schema AND o.constraint_name = k.constraint_name AND o.table_name = k.table_name) > 1, " +
		"'it is part of a foreign key of several columns', IF(c.extra <> '', CONCAT('the column that refers here is ', c.extra), '')) " +
		"FROM information_schema.key_column_usage k " +
		"JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name " +
		"JOIN information_schema.columns c ON c.table_schema = k.table_schema AND c.table_name = k.table_name AND c.column_name = k.column_name " +
		"WHERE k.referenced_table_schema = " + schema + " AND k.referenced_table_name = " + d.Literal(table.Name) + " AND k.referenced_column_name = " + d.Literal(column) +
		" ORDER BY 1, 2, 3"
}

// Lagging goes from the end of the key, where the rows are that came last.
func (d Dialect) Lagging(s dialect.Sync, side dialect.Side, now string, rows int) string {
	y := d.sync(s)
	sql := "UPDATE " + y.table + " SET " + d.Quote(s.New[0].Name) + " = " + d.Quote(s.Old[0].Name) + " WHERE NOT " + y.given("", s.New)
	if side == dialect.Old {
		sql = "UPDATE " + y.table + " SET " + d.Quote(now) + " = " + d.Quote(s.Old[0].Name) + " WHERE NOT (" + d.Quote(now) + " <=> " + d.Quote(s.Old[0].Name) + ")"
	}
	if rows > 0 {
		sql += fmt.Sprintf(" ORDER BY %s DESC LIMIT %d", d.Quote(s.Old[0].Name), rows)
	}
	return sql
}

// Unequal looks at every row.
func (d Dialect) Unequal(s dialect.Sync, side dialect.Side, now string) string {
	y := d.sync(s)
	other := s.New[0].Name
	if side == dialect.Old {
		other = now
	}
	return "SELECT " + d.Quote(s.Old[0].Name) + " FROM " + y.table + " WHERE NOT (" + d.Quote(other) + " <=> " + d.Quote(s.Old[0].Name) + ") LIMIT 1"
}

// Loosen is one ALTER TABLE for each.
func (d Dialect) Loosen(refs []dialect.Reference) []string {
	var out []string
	for _, r := range refs {
		out = append(out, d.alterTable(r.Table, []string{"DROP FOREIGN KEY " + d.Quote(r.Name)})...)
	}
	return out
}

// Fasten is one ALTER TABLE for each, which looks at every row.
func (d Dialect) Fasten(s dialect.Sync, refs []dialect.Reference, side dialect.Side) []string {
	var out []string
	for _, r := range refs {
		of := r.Type
		if side == dialect.New {
			of = s.New[0].Type
		}
		out = append(out, d.alterTable(r.Table, []string{"MODIFY COLUMN " + d.Quote(r.Column) + " " + of + " " + r.Rest,
			"ADD CONSTRAINT " + d.Quote(r.Name) + " FOREIGN KEY (" + d.Quote(r.Column) + ") REFERENCES " + d.sync(s).table + " (" + d.Quote(s.Old[0].Name) + ") ON UPDATE " + r.OnUpdate + " ON DELETE " + r.OnDrop})...)
	}
	return out
}

// Widen is one ALTER TABLE, which takes effect as a whole or not at all. The server
// copies the table for it: a column that begins to count is what no other way can do.
func (d Dialect) Widen(s dialect.Sync, name string) []string {
	old, new := s.Old[0], s.New[0]
	return d.alterTable(s.Table, []string{"DROP PRIMARY KEY", "CHANGE COLUMN " + d.Quote(old.Name) + " " + d.Quote(name) + " " + old.Type + " NULL",
		"CHANGE COLUMN " + d.Quote(new.Name) + " " + d.Quote(old.Name) + " " + new.Type + " NOT NULL AUTO_INCREMENT", "ADD PRIMARY KEY (" + d.Quote(old.Name) + ")"})
}

// Narrow is one ALTER TABLE, too.
func (d Dialect) Narrow(s dialect.Sync, name string) []string {
	old, new := s.Old[0], s.New[0]
	rest := " NULL"
	if new.NotNull {
		rest = " NOT NULL"
	}
	if new.Default != "" {
		rest += " DEFAULT " + new.Default
	}
	return d.alterTable(s.Table, []string{"DROP PRIMARY KEY", "CHANGE COLUMN " + d.Quote(old.Name) + " " + d.Quote(new.Name) + " " + new.Type + rest,
		"CHANGE COLUMN " + d.Quote(name) + " " + d.Quote(old.Name) + " " + old.Type + " NOT NULL AUTO_INCREMENT", "ADD PRIMARY KEY (" + d.Quote(old.Name) + ")"})
}
