package sqlite

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

func (y synced) onInsert() string {
	return "AFTER INSERT ON " + y.alias + " FOR EACH ROW BEGIN\n" + y.body(y.given("NEW.", y.Old), y.given("NEW.", y.New), true) + "END"
}

func (y synced) onUpdate() string {
	old, new := y.differ(y.Old), y.differ(y.New)
	return "AFTER UPDATE ON " + y.alias + " FOR EACH ROW WHEN " + old + " OR " + new + " OR NOT " + y.given("NEW.", y.New) + " BEGIN\n" + y.body(old, new, false) + "END"
}

// differ is a condition: the statement changed a column of a side.
func (y synced) differ(columns []dialect.SyncColumn) string {
	var terms []string
	for _, c := range columns {
		name := y.d.Quote(c.Name)
		terms = append(terms, "OLD."+name+" COLLATE BINARY IS NOT NEW."+name+" OR typeof(OLD."+name+") <> typeof(NEW."+name+")")
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// row is the condition for the row that the trigger fired for.
func (y synced) row() string {
	var terms []string
	for _, k := range y.Key {
		if k == KeyMoves {
			return "rowid = NEW.rowid"
		}
		terms = append(terms, y.d.Quote(k)+" = NEW."+y.d.Quote(k))
	}
	if len(terms) == 0 {
		return "rowid = NEW.rowid"
	}
	return strings.Join(terms, " AND ")
}

// body decides by what was given or changed. All conditions hold for the row as
// the statement left it, and of those that set something at most one is true.
func (y synced) body(old, new string, insert bool) string {
	back := len(y.Backward) > 0
	forward, reverse := "NOT "+new, new+" AND NOT "+old
	var lacking []string // the new side cannot be filled, or had better keep its default
	columns, exprs := y.Side(dialect.New)
	var nulls, filled []string
	for i, c := range columns {
		nulls = append(nulls, inner(exprs[i])+" IS NULL")
		filled = append(filled, y.d.Quote(c.Name)+" IS NOT NULL")
		if c.NotNull {
			lacking = append(lacking, inner(exprs[i])+" IS NULL")
		}
	}
	keeps := "(" + strings.Join(nulls, " AND ") + ") AND (" + strings.Join(filled, " OR ") + ")"
	if insert {
		lacking = append(lacking, keeps)
	}
	untouched := "NOT " + old + " AND NOT " + y.given("NEW.", y.New)
	if len(lacking) > 0 {
		untouched += " AND NOT (" + strings.Join(lacking, " OR ") + ")"
	}
	forward += " AND (" + old + " OR " + untouched + ")"
	if insert {
		reverse += " OR NOT " + new + " AND NOT " + old + " AND " + keeps
	}
	var text string
	switch {
	case y.Policy == dialect.OldWins:
		forward += " OR " + old + " AND " + new
	case y.Policy == dialect.NewWins:
		reverse += " OR " + old + " AND " + new
	case back || !insert:
		text += "  SELECT RAISE(ABORT, " + y.d.Literal(y.Complaint()+"; "+dialect.Remedy) + ") FROM " + y.alias + " WHERE " + y.row() + " AND " + old + " AND " + new + " AND NOT " + y.agrees() + ";\n"
	}
	text += y.counting(old, new)
	text += "  UPDATE " + y.alias + " SET " + y.Sets(y.d.Quote, inner, dialect.New) + " WHERE " + y.row() + " AND NOT " + y.agrees() + " AND (" + forward + ");\n"
	if back {
		text += "  UPDATE " + y.alias + " SET " + y.Sets(y.d.Quote, inner, dialect.Old) + " WHERE " + y.row() + " AND NOT " + y.agrees() + " AND (" + reverse + ");\n"
	}
	return text + y.demand()
}

// demand is the NOT NULL of the loose columns, in the words of the database.
func (y synced) demand() string {
	var text string
	for _, c := range y.loose() {
		text += "  SELECT RAISE(ABORT, " + y.d.Literal("NOT NULL constraint failed: "+y.Table.Name+"."+c.Name) + ") FROM " + y.alias + " WHERE " + y.row() + " AND " + y.d.Quote(c.Name) + " IS NULL;\n"
	}
	return text
}

// counting appends to the table of evidence, once in a second. What the triggers
// write themselves, and what a backfill writes, is a side alone that is what the
// other gives: it does not count.
func (y synced) counting(old, new string) string {
	if y.Writes == "" {
		return ""
	}
	now := "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
	var text string
	for _, side := range []dialect.Side{dialect.Old, dialect.New} {
		it, other := old, new
		if side == dialect.New {
			it, other = new, old
		}
		text += "  INSERT INTO " + y.Writes + " (revision, side, application, at) SELECT " + y.d.Literal(y.Revision) + ", " + y.d.Literal(string(side)) + ", '', " + now +
			" FROM " + y.alias + " WHERE " + y.row() + " AND " + it + " AND (" + other + " OR NOT " + y.computed(side) + ") AND NOT EXISTS (SELECT 1 FROM " + y.Writes +
			" AS bellows_w WHERE bellows_w.revision = " + y.d.Literal(y.Revision) + " AND bellows_w.side = " + y.d.Literal(string(side)) +
			" AND bellows_w.application = '' AND bellows_w.at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 seconds'));\n"
	}
	return text
}
