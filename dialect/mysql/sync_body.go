package mysql

import (
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

// body decides by what was given or changed. Names of its own begin with
// bellows_: a variable hides a column of its name here.
func (y synced) body(insert bool) string {
	old, new := y.differ(y.Old), y.differ(y.New)
	if insert {
		old, new = y.given("NEW.", y.Old), y.given("NEW.", y.New)
	}
	text := "BEGIN\n  DECLARE bellows_old BOOLEAN DEFAULT " + old + ";\n  DECLARE bellows_new BOOLEAN DEFAULT " + new + ";\n  DECLARE bellows_agree BOOLEAN DEFAULT FALSE;\n" +
		y.declared() + y.counting() +
		"  IF NOT bellows_old AND NOT bellows_new THEN\n" + y.touched(insert) +
		"  ELSEIF NOT bellows_new THEN\n" + y.oldOnly() +
		"  ELSEIF NOT bellows_old THEN\n" + y.newOnly() +
		"  ELSE\n" + y.both(insert) +
		"  END IF;\nEND"
	return text
}

// variable holds a value of a side's column: of the row as it came, or computed.
func variable(what string, side dialect.Side, i int) string {
	return fmt.Sprintf("bellows_%s_%s_%d", what, side, i)
}

// declared are the row as it came, and room to compute in.
func (y synced) declared() string {
	var text string
	for _, side := range []dialect.Side{dialect.Old, dialect.New} {
		columns, _ := y.Side(side)
		for i, c := range columns {
			name := y.column(c.Name)
			of := c.Type
			if y.d.Flavour() == MariaDB {
				of = "TYPE OF " + y.alias + "." + name
			}
			text += "  DECLARE " + variable("came", side, i) + " " + of + " DEFAULT NEW." + name + ";\n" +
				"  DECLARE " + variable("try", side, i) + " " + of + ";\n"
		}
	}
	return text
}

func (y synced) differ(columns []dialect.SyncColumn) string {
	var terms []string
	for _, c := range columns {
		name := y.column(c.Name)
		terms = append(terms, "NOT "+y.kind(c).same("OLD."+name, "NEW."+name))
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// bound is an expression in which names are those of a row that has NEW's values.
func (y synced) bound(sql string) string {
	var list []string
	for _, name := range y.Named(y.d, sql) {
		list = append(list, "NEW."+y.column(name)+" AS "+y.d.Quote(name))
	}
	if len(list) == 0 {
		list = []string{"1 AS bellows_none"}
	}
	return "(SELECT " + inner(sql) + " FROM (SELECT " + strings.Join(list, ", ") + ") AS " + y.alias + ")"
}

// compute puts what a side's expressions give into its variables.
func (y synced) compute(side dialect.Side, indent string) string {
	_, exprs := y.Side(side)
	var text string
	for i, e := range exprs {
		text += indent + "SET " + variable("try", side, i) + " = " + y.bound(e) + ";\n"
	}
	return text
}

// store makes the computed values the row's.
func (y synced) store(side dialect.Side, indent string) string {
	columns, _ := y.Side(side)
	var text string
	for i, c := range columns {
		text += indent + "SET NEW." + y.column(c.Name) + " = " + variable("try", side, i) + ";\n"
	}
	return text
}

// comes is a condition: a side of the row that came is what was computed.
func (y synced) comes(side dialect.Side) string {
	columns, _ := y.Side(side)
	var terms []string
	for i, c := range columns {
		terms = append(terms, y.kind(c).same(variable("try", side, i), variable("came", side, i)))
	}
	return strings.Join(terms, " AND ")
}

// nulls is a condition on what was computed.
func nulls(columns []dialect.SyncColumn, joint string) string {
	var terms []string
	for i := range columns {
		terms = append(terms, variable("try", dialect.New, i)+" IS NULL")
	}
	return strings.Join(terms, joint)
}

// attempt finds out whether a side of the row that came is what it is computed to
// be. An expression that fails says no.
func (y synced) attempt(side dialect.Side, indent string) string {
	if columns, _ := y.Side(side); len(columns) == 0 {
		return ""
	}
	return indent + "IF NOT bellows_agree THEN\n" + indent + "  BEGIN\n" + indent + "    DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END;\n" + y.compute(side, indent+"    ") +
		indent + "    SET bellows_agree = " + y.comes(side) + ";\n" + indent + "  END;\n" + indent + "END IF;\n"
}

// touched fills a row that is not filled. It must not make the statement fail: a
// row for which the expression fails stays as it is.
func (y synced) touched(insert bool) string {
	if insert && y.late() { // it is filled once it has a number
		return "    SET bellows_agree = TRUE;\n"
	}
	columns, _ := y.Side(dialect.New)
	lacking := "FALSE"
	for i, c := range columns {
		if c.NotNull {
			lacking += " OR " + variable("try", dialect.New, i) + " IS NULL"
		}
	}
	keep := lacking
	var back string
	if insert {
		var filled []string
		for _, c := range columns {
			filled = append(filled, "NEW."+y.column(c.Name)+" IS NOT NULL")
		}
		keep += " OR " + nulls(columns, " AND ")
		if len(y.Backward) > 0 {
			back = "        IF " + strings.Join(filled, " OR ") + " THEN\n" + y.compute(dialect.Old, "          ") + y.store(dialect.Old, "          ") + "        END IF;\n"
		}
	}
	return "    IF NOT " + y.given("NEW.", y.New) + " THEN\n      BEGIN\n        DECLARE EXIT HANDLER FOR SQLEXCEPTION SET bellows_agree = TRUE;\n" + y.compute(dialect.New, "        ") + "      END;\n" +
		"      IF NOT bellows_agree THEN\n        IF NOT (" + keep + ") THEN\n" + y.store(dialect.New, "          ") + elseDo(back) + "        END IF;\n      END IF;\n    END IF;\n"
}

func elseDo(text string) string {
	if text == "" {
		return ""
	}
	return "        ELSE\n" + text
}

// oldOnly computes the new side. Once the new side leads, it stays where the old
// one is what it gives.
func (y synced) oldOnly() string {
	if y.Policy != dialect.NewWins || len(y.Backward) == 0 {
		return y.compute(dialect.New, "    ") + y.store(dialect.New, "    ")
	}
	return y.attempt(dialect.Old, "    ") + "    IF NOT bellows_agree THEN\n" + y.compute(dialect.New, "      ") + y.store(dialect.New, "      ") + "    END IF;\n"
}

// newOnly computes the old side, unless the new one is what the old one gives: a
// backfill, ours or the application's, must not change what it reads.
func (y synced) newOnly() string {
	if len(y.Backward) == 0 {
		return "    SET bellows_agree = TRUE;\n"
	}
	return y.attempt(dialect.New, "    ") + "    IF NOT bellows_agree THEN\n" + y.compute(dialect.Old, "      ") + y.store(dialect.Old, "      ") + "    END IF;\n"
}

func (y synced) both(insert bool) string {
	text := y.attempt(dialect.New, "    ") + y.attempt(dialect.Old, "    ")
	var then string
	switch {
	case y.Policy == dialect.OldWins:
		then = y.compute(dialect.New, "      ") + y.store(dialect.New, "      ")
	case y.Policy == dialect.NewWins && len(y.Backward) > 0:
		then = y.compute(dialect.Old, "      ") + y.store(dialect.Old, "      ")
	case y.Policy == dialect.NewWins, insert && len(y.Backward) == 0:
		return text
	default:
		message := []rune(y.Complaint())
		then = "      SIGNAL SQLSTATE '23000' SET MESSAGE_TEXT = " + y.d.Literal(string(message[:min(len(message), 128)])) + ", MYSQL_ERRNO = 1644;\n"
	}
	return text + "    IF NOT bellows_agree THEN\n" + then + "    END IF;\n"
}

// counting appends to the table of evidence, once in a second of a session. It
// looks at nothing there, since a look from within a trigger would lock what it
// sees; and it does not fail.
func (y synced) counting() string {
	if y.Writes == "" {
		return ""
	}
	var text string
	for _, side := range []dialect.Side{dialect.Old, dialect.New} {
		flag := y.flag(side)
		text += "  IF bellows_" + string(side) + " AND @bellows IS NULL AND NOT (" + flag + " <=> UNIX_TIMESTAMP()) THEN\n    BEGIN\n      DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;\n" +
			"      SET " + flag + " = UNIX_TIMESTAMP();\n" +
			"      INSERT INTO " + y.Writes + " (revision, side, application, at) VALUES (" + y.d.Literal(y.Revision) + ", " + y.d.Literal(string(side)) + ", LEFT(USER(), 190), UTC_TIMESTAMP(6));\n" +
			"    END;\n  END IF;\n"
	}
	return text
}

var _ dialect.Pruner = Dialect{}

// Prune joins the evidence with the last of each second.
func (d Dialect) Prune(writes, revision string) []string {
	second := func(at string) string { return "DATE_FORMAT(" + at + ", '%Y-%m-%d %H:%i:%s')" }
	return []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
		"DELETE w FROM " + writes + " AS w JOIN (SELECT side, application, MAX(at) AS last FROM " + writes + " WHERE revision = " + d.Literal(revision) +
			" AND at < UTC_TIMESTAMP(6) - INTERVAL 2 SECOND GROUP BY side, application, " + second("at") + ") AS k ON w.side = k.side AND w.application = k.application AND w.at < k.last AND w.at >= CAST(" +
			second("k.last") + " AS DATETIME) WHERE w.revision = " + d.Literal(revision)}
}
