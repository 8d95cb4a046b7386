package compare

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Part is one migration of a result, ready to be written into a file.
type Part struct {
	diff.Leg
	// Name tells the part from the others, in letters fit for a file's name: "add",
	// "build", …; "" when it is the only one.
	Name string
	// Up and Down are the texts of its sections; Down is "" where there is no way back.
	UpSQL, DownSQL string
	// UpApart and DownApart tell that a section must say transaction:false.
	UpApart, DownApart bool
	// UpMixed and DownMixed tell that a section must say mixed:true, because it
	// copies rows or counters.
	UpMixed, DownMixed bool
	// Table is set when the part is a backfill: the table whose rows are changed.
	// UpSQL has the placeholder for the rows of a chunk.
	Table string
}

// Text is the file's text below its header.
func (p Part) Text() string {
	var b strings.Builder
	if p.Table != "" {
		b.WriteString("-- migrate:backfill table:" + p.Table + "\n" + p.UpSQL)
		b.WriteString("\n-- migrate:down\n-- The values go with their column, by the way back of the migration that added it.\nSELECT 1;\n")
		return b.String()
	}
	section := func(name, sql string, apart, mixed bool) {
		b.WriteString("-- migrate:" + name)
		if apart {
			b.WriteString(" transaction:false")
		}
		if mixed {
			b.WriteString(" mixed:true")
		}
		b.WriteString("\n" + sql)
	}
	section("up", p.UpSQL, p.UpApart, p.UpMixed)
	b.WriteString("\n")
	if p.Class == diff.Irreversible {
		b.WriteString("-- migrate:down irreversible \"" + strings.Map(plain, strings.Join(p.Unsolved, "; ")) + "\"\n")
	} else {
		section("down", p.DownSQL, p.DownApart, p.DownMixed)
	}
	return b.String()
}

// plain leaves out what would end the text of a reason.
func plain(r rune) rune {
	switch r {
	case '"', '\n', '\r':
		return '\''
	}
	return r
}

// parts writes the migrations of a result.
func parts(d dialect.Dialect, l diff.Language, legs []diff.Leg) []Part {
	all := make([]Part, len(legs))
	for i, leg := range legs {
		p := Part{Leg: leg}
		if len(legs) > 1 {
			p.Name = leg.Stage.String()
		}
		if leg.Stage == diff.Fill {
			p.Table, p.UpSQL = filled(d, leg.Up)
		} else {
			p.UpSQL, p.UpApart = section(d, l, leg.Up, leg.UpMode)
			p.DownSQL, p.DownApart = section(d, l, leg.Down, leg.DownMode)
			p.UpMixed, p.DownMixed = mixed(leg.Up), mixed(leg.Down)
		}
		all[i] = p
	}
	return all
}

// section is the text of a section, and whether its statements share no
// transaction with each other. Where dropping a table would take rows of others
// along, whoever runs a migration switches foreign keys off around it by himself,
// and looks whether they still hold before he commits.
func section(d dialect.Dialect, l diff.Language, statements []diff.Statement, mode diff.Mode) (sql string, apart bool) {
	f := frame(l, diff.Plan{Statements: statements})
	switch {
	case len(f.Before)+len(f.After) == 0:
		if mode == diff.Apart && d.Traits().TransactionalDDL {
			return units(d, f.Inside), true
		}
		return script(d, f.Inside), mode == diff.Apart
	case d.Traits().KeysOff != "" && slices.ContainsFunc(f.Inside, func(s diff.Statement) bool { return d.Classify(s.SQL).Verb == "DROP TABLE" }):
		return script(d, slices.DeleteFunc(slices.Clone(statements), func(s diff.Statement) bool {
			e := d.Classify(s.SQL)
			return e.Class == plan.Query || e.NoTx != "" && e.Ignored
		})), false
	}
	return script(d, f.Before) + "BEGIN;\n" + script(d, f.Inside) + "COMMIT;\n" + script(d, f.After), true
}

// mixed tells whether statements change rows of tables that they did not make.
func mixed(statements []diff.Statement) bool {
	step := plan.Step{Revision: revision.Revision{Native: true, Kind: revision.Schema}}
	for _, s := range statements {
		step.Statements = append(step.Statements, plan.Statement{SQL: s.SQL, Effect: s.Effect})
	}
	return len(plan.Mixed(step)) > 0
}

// script is statements one after the other.
func script(d dialect.Dialect, statements []diff.Statement) string {
	var b strings.Builder
	for _, s := range statements {
		b.WriteString(d.Traits().Ended(s.SQL))
	}
	return b.String()
}

// units is a script in which statements that share a transaction say so.
func units(d dialect.Dialect, statements []diff.Statement) string {
	var b strings.Builder
	for i := 0; i < len(statements); {
		unit := sharing(statements[i:])
		sql := script(d, unit)
		if len(unit) > 1 {
			sql = "BEGIN;\n" + sql + "COMMIT;\n"
		}
		b.WriteString(sql)
		i += len(unit)
	}
	return b.String()
}

// sharing are the first of some statements that share a transaction, or the first
// alone.
func sharing(statements []diff.Statement) []diff.Statement {
	n := 1
	for n < len(statements) && statements[0].Unit > 0 && statements[n].Unit == statements[0].Unit {
		n++
	}
	return statements[:n]
}

// filled is the text of a backfill, and its table.
func filled(d dialect.Dialect, statements []diff.Statement) (table, sql string) {
	var b strings.Builder
	for _, s := range statements {
		for _, n := range s.Effect.Changes {
			table = quoted(d, n)
		}
		b.WriteString(s.SQL + " AND :chunk;\n")
	}
	return table, b.String()
}

// quoted is a name as a migration's option spells it: bare where that is enough.
func quoted(d dialect.Dialect, n plan.Name) string {
	spell := func(name string) string {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == "" && strings.Trim(name[:1], "0123456789") != "" {
			return name
		}
		return d.Quote(name)
	}
	if n.Schema == "" {
		return spell(n.Name)
	}
	return spell(n.Schema) + "." + spell(n.Name)
}
