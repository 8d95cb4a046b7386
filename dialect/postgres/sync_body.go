package postgres

import (
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

// syncFunction decides by what was given or changed. Names of its own begin with
// bellows_; where they could be taken for a column, the column wins.
func (y synced) syncFunction() string {
	body := "\n#variable_conflict use_column\nDECLARE\n" +
		"  bellows_came record; -- the row as it came\n" +
		"  bellows_try record;\n  bellows_old boolean; -- that side was given, or changed\n  bellows_new boolean;\n  bellows_agree boolean := false;\nBEGIN\n" +
		"  IF TG_OP = 'INSERT' THEN\n" +
		"    bellows_old := " + y.given("NEW.", y.Old) + ";\n" +
		"    bellows_new := " + y.given("NEW.", y.New) + ";\n" +
		"  ELSE\n" +
		"    bellows_old := " + y.differ("OLD.", "NEW.", y.Old) + ";\n" +
		"    bellows_new := " + y.differ("OLD.", "NEW.", y.New) + ";\n" +
		"  END IF;\n" + y.flagging() +
		"  bellows_came := NEW;\n  IF NOT bellows_old AND NOT bellows_new THEN\n" + y.touched() +
		"  ELSIF NOT bellows_new THEN\n" + y.oldOnly() +
		"  ELSIF NOT bellows_old THEN\n" + y.newOnly() +
		"  ELSE\n" + y.both() +
		"  END IF;\n  RETURN NEW;\nEND\n"
	return "CREATE OR REPLACE FUNCTION " + y.object("_sync") + "() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS " + dollars(body)
}

// dollars quotes a text.
func dollars(text string) string {
	tag := "$bellows$"
	for n := 1; strings.Contains(text, tag); n++ {
		tag = fmt.Sprintf("$bellows%d$", n)
	}
	return tag + text + tag
}

func (y synced) differ(a, b string, columns []dialect.SyncColumn) string {
	return "pg_catalog.record_image_ne(ROW(" + y.fields(a, columns) + "), ROW(" + y.fields(b, columns) + "))"
}

// compute puts a side's values, computed from a row, into a record.
func (y synced) compute(side dialect.Side, from, into string) string {
	columns, exprs := y.Side(side)
	var list []string
	for _, e := range exprs {
		list = append(list, inner(e))
	}
	return "SELECT " + strings.Join(list, ", ") + " INTO STRICT " + y.fields(into+".", columns) + " FROM (SELECT " + y.image(from) + ") AS " + y.alias + ";\n"
}

// attempt finds out whether a side of the row that came is what it is computed to
// be. An expression that fails says no.
func (y synced) attempt(side dialect.Side, indent string) string {
	columns, _ := y.Side(side)
	if len(columns) == 0 {
		return ""
	}
	return indent + "IF NOT bellows_agree THEN\n" + indent + "  BEGIN\n" + indent + "    bellows_try := bellows_came;\n" +
		indent + "    " + y.compute(side, "bellows_came", "bellows_try") +
		indent + "    bellows_agree := NOT " + y.differ("bellows_try.", "bellows_came.", columns) + ";\n" +
		indent + "  EXCEPTION WHEN OTHERS THEN\n" + indent + "    NULL;\n" + indent + "  END;\n" + indent + "END IF;\n"
}

// touched fills a row that is not filled. It must not make the statement fail: a
// row for which the expression fails stays as it is.
func (y synced) touched() string {
	columns, _ := y.Side(dialect.New)
	var required []dialect.SyncColumn
	for _, c := range columns {
		if c.NotNull {
			required = append(required, c)
		}
	}
	keep := "TG_OP = 'INSERT' AND pg_catalog.num_nonnulls(" + y.fields("NEW.", columns) + ") = 0"
	if len(required) > 0 {
		keep += " OR pg_catalog.num_nulls(" + y.fields("NEW.", required) + ") > 0"
	}
	back := ""
	if len(y.Backward) > 0 {
		back = "      IF TG_OP = 'INSERT' AND pg_catalog.num_nonnulls(" + y.fields("NEW.", columns) + ") > 0 THEN\n" +
			"        " + y.compute(dialect.Old, "bellows_came", "NEW") + "      END IF;\n"
	}
	return "    IF NOT " + y.given("NEW.", y.New) + " THEN\n" +
		"      BEGIN\n        " + y.compute(dialect.New, "bellows_came", "NEW") +
		"      EXCEPTION WHEN OTHERS THEN\n        NEW := bellows_came;\n        RETURN NEW;\n      END;\n" +
		"      IF " + keep + " THEN\n        NEW := bellows_came;\n" + strings.ReplaceAll(back, "\n      ", "\n        ") + "      END IF;\n    END IF;\n"
}

// oldOnly computes the new side. Once the new side leads, it stays where the old
// one is what it gives.
func (y synced) oldOnly() string {
	text := "    " + y.compute(dialect.New, "bellows_came", "NEW")
	if y.Policy != dialect.NewWins || len(y.Backward) == 0 {
		return text
	}
	return y.attempt(dialect.Old, "    ") + "    IF NOT bellows_agree THEN\n      " + strings.TrimLeft(text, " ") + "    END IF;\n"
}

// newOnly computes the old side, unless the new one is what the old one gives: a
// backfill, ours or the application's, must not change what it reads.
func (y synced) newOnly() string {
	columns, _ := y.Side(dialect.Old)
	if len(columns) == 0 {
		return "    NULL;\n"
	}
	return "    " + y.compute(dialect.Old, "bellows_came", "NEW") +
		"    IF " + y.differ("NEW.", "bellows_came.", columns) + " THEN\n" + y.attempt(dialect.New, "      ") +
		"      IF bellows_agree THEN\n        NEW := bellows_came;\n      END IF;\n    END IF;\n"
}

func (y synced) both() string {
	text := y.attempt(dialect.New, "    ") + y.attempt(dialect.Old, "    ") + "    IF NOT bellows_agree THEN\n"
	switch {
	case y.Policy == dialect.OldWins:
		text += "      " + y.compute(dialect.New, "bellows_came", "NEW")
	case y.Policy == dialect.NewWins && len(y.Backward) > 0:
		text += "      " + y.compute(dialect.Old, "bellows_came", "NEW")
	case y.Policy == dialect.NewWins:
		text += "      NULL;\n"
	case len(y.Backward) == 0: // a row that moves to another partition gives both, and they may differ
		text += "      IF TG_OP <> 'INSERT' THEN\n  " + y.refusal() + "      END IF;\n"
	default:
		text += y.refusal()
	}
	return text + "    END IF;\n"
}

func (y synced) refusal() string {
	return "      RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, MESSAGE = " +
		y.d.Literal(y.Complaint()) + ", HINT = " + y.d.Literal(dialect.Remedy) + ";\n"
}

// stamp is an expression: it changes each second, and with the application.
const stamp = "(pg_catalog.date_part('epoch', pg_catalog.now())::bigint)::text || ' ' || pg_catalog.current_setting('application_name')"

// flagging raises the session's flag for the second trigger when a side has not
// been counted in this second.
func (y synced) flagging() string {
	if y.Writes == "" {
		return ""
	}
	var text string
	for _, side := range []dialect.Side{dialect.Old, dialect.New} {
		flag := y.flag(string(side))
		text += "  IF bellows_" + string(side) + " AND pg_catalog.current_setting('" + flag + "', true) IS DISTINCT FROM " + stamp + " THEN\n" +
			"    PERFORM pg_catalog.set_config('" + flag + "', " + stamp + ", false);\n" +
			"    PERFORM pg_catalog.set_config('" + y.flag("due") + "', pg_catalog.concat(pg_catalog.current_setting('" + y.flag("due") + "', true), '" + string(side) + " '), false);\n" +
			"  END IF;\n"
	}
	return text
}

// countFunction appends to the table of evidence what is due. It never waits,
// and it never fails: a lock that is not to be had, a table that is gone, cost the
// evidence and not the application's statement. A serializable transaction does
// not look what is there, so that it conflicts with nobody.
func (y synced) countFunction() string {
	side := "bellows_side"
	body := "\nDECLARE\n  bellows_side text;\n  bellows_due text := pg_catalog.current_setting('" + y.flag("due") + "', true);\n" +
		"  bellows_app text := pg_catalog.current_setting('application_name');\nBEGIN\n" +
		"  IF TG_LEVEL = 'STATEMENT' THEN\n" +
		"    IF pg_catalog.current_setting('" + y.flag("old") + "', true) IS NOT DISTINCT FROM " + stamp + " THEN\n      RETURN NULL;\n    END IF;\n" +
		"    PERFORM pg_catalog.set_config('" + y.flag("old") + "', " + stamp + ", false);\n    bellows_due := TG_ARGV[0];\n" +
		"  ELSE\n    PERFORM pg_catalog.set_config('" + y.flag("due") + "', '', false);\n  END IF;\n" +
		"  IF bellows_app LIKE 'bellows/%' THEN\n    RETURN NEW;\n  END IF;\n" +
		"  FOREACH bellows_side IN ARRAY pg_catalog.string_to_array(pg_catalog.btrim(bellows_due), ' ') LOOP\n" +
		"    CONTINUE WHEN " + side + " NOT IN ('old', 'new');\n" +
		"    BEGIN\n" +
		"      LOCK TABLE " + y.Writes + " IN ROW EXCLUSIVE MODE NOWAIT;\n" +
		"      IF pg_catalog.current_setting('transaction_isolation') = 'serializable' OR NOT EXISTS (SELECT FROM " + y.Writes + " w WHERE w.revision = " + y.d.Literal(y.Revision) +
		" AND w.side = bellows_side AND w.application = bellows_app AND w.at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => 1)) THEN\n" +
		"        INSERT INTO " + y.Writes + " (revision, side, application, at) VALUES (" + y.d.Literal(y.Revision) + ", bellows_side, bellows_app, pg_catalog.clock_timestamp());\n" +
		"      END IF;\n" +
		"    EXCEPTION WHEN OTHERS THEN\n      NULL;\n    END;\n" +
		"  END LOOP;\n  RETURN NEW;\nEND\n"
	return "CREATE OR REPLACE FUNCTION " + y.object("_count") + "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS " + dollars(body)
}
