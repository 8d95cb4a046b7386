// Package ledger remembers, inside each database, what was done to it.
//
// Charter: our tables inside the user's database: their shape, what is written
// to them and how they are read.
// Invariant: every write carries the epoch of the lease under which it is made,
// read from the lease's own row in the same statement into a column that cannot
// be null; so a run that was taken over cannot write, nor commit what it did in
// the transaction of such a write.
// Example: l := ledger.New(c.Dialect(), "bellows"); s, err := l.Read(ctx, c)
package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
)

// Format is the number of the ledger's shape that this build reads and writes.
const Format = 1

// DefaultName names the ledger's schema, or the prefix of its tables.
const DefaultName = "bellows"

// Ledger is the ledger of one database. It holds no state of its own.
type Ledger struct {
	d    dialect.Dialect
	t    dialect.Traits
	name string
	// steps lead from format 1 to ours.
	steps []step
}

// New is the ledger of that name, [DefaultName] when it is "".
func New(d dialect.Dialect, name string) Ledger {
	if name == "" {
		name = DefaultName
	}
	return Ledger{d: d, t: d.Traits(), name: name, steps: released[:]}
}

// LockKey is the name of the lock that goes with the ledger: the same for the
// library and the command line tool, different for two ledgers.
func (l Ledger) LockKey() string { return "bellows/" + l.name }

// table spells one of our tables.
func (l Ledger) table(name string) string {
	if l.t.Schemas {
		return l.d.Quote(l.name) + "." + l.d.Quote(name)
	}
	return l.d.Quote(l.name + "_" + name)
}

// Tables are the tables of every ledger, spelled as SQL.
func (l Ledger) Tables() []string {
	var names []string
	for _, t := range tables {
		names = append(names, l.table(t.name))
	}
	return names
}

// column is one column of our tables; its type is a field of the traits.
type column struct{ name, kind string }

// table is one of our tables. Primary names the key's columns, "" when a column
// is an auto key itself.
type table struct {
	name, primary string
	columns       []column
}

// The kinds of a column.
const (
	key     = "key"
	text    = "text"
	integer = "int"
	fence   = "fence" // the epoch: an integer that must be there
	moment  = "time"
	auto    = "auto"
)

// tables is the shape of the ledger at [Format].
var tables = [...]table{
	{"lease", "name", []column{
		{"name", key}, {"run", key}, {"owner", text}, {"host", text}, {"pid", integer},
		{"session", integer}, {"session_start", text}, {"session_host", text},
		{"epoch", fence}, {"since", moment}, {"expires", moment}, {"doing", text},
	}},
	{"revision", "id", []column{
		{"id", key}, {"name", text}, {"kind", key}, {"state", key}, {"phase", key}, {"checksum", key},
		{"parents", text}, {"needs", text}, {"label", text},
		{"up_sql", text}, {"down_sql", text}, {"script", text},
		{"seq", integer}, {"run", key}, {"applied_at", moment}, {"duration_ms", integer},
		{"actor", text}, {"tool", text}, {"tag", text},
		{"error", text}, {"failed_at", moment}, {"epoch", fence},
	}},
	{"progress", "revision", []column{
		{"revision", key}, {"direction", key}, {"done", integer}, {"state", key},
		{"hash", key}, {"witness", text}, {"run", key}, {"at", moment}, {"epoch", fence},
	}},
	{"journal", "", []column{
		{"seq", auto}, {"at", moment}, {"run", key}, {"action", key}, {"revision", key},
		{"actor", text}, {"tool", text}, {"tag", text}, {"detail", text}, {"epoch", fence},
	}},
	{"meta", "name", []column{{"name", key}, {"value", text}}},
}

// Create gives the statements that make the ledger where it is not there. Each
// can be repeated. The last one writes the format, which is what makes the
// ledger exist: where DDL cannot be rolled back, a process may be killed on the way.
func (l Ledger) Create() []string {
	var out []string
	if l.t.Schemas {
		out = append(out, fmt.Sprintf(l.t.MakeSchema, l.d.Literal(l.name), l.d.Quote(l.name)))
	}
	for _, t := range tables {
		out = append(out, l.createTable(t))
	}
	return append(out,
		l.insertOnce("lease", "name", "name", l.d.Literal(leaseName), "run", "''", "epoch", "0"),
		l.insertOnce("meta", "name", "name", l.d.Literal("format"), "value", l.d.Literal(strconv.Itoa(l.format()))))
}

func (l Ledger) createTable(t table) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + l.table(t.name) + " (")
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.name + " " + l.columnType(c.kind))
	}
	if t.primary != "" {
		b.WriteString(", PRIMARY KEY (" + t.primary + ")")
	}
	return b.String() + ")" + l.t.TableTail
}

func (l Ledger) columnType(kind string) string {
	switch kind {
	case key:
		return l.t.Key + " NOT NULL"
	case integer:
		return l.t.Int
	case fence:
		return l.t.Int + " NOT NULL"
	case moment:
		return l.t.Time + " NULL"
	case auto:
		return l.t.AutoKey
	}
	return l.t.Text
}

// insertOnce inserts a row unless its key is there. Pairs are column, value as SQL.
func (l Ledger) insertOnce(name, primary string, pairs ...string) string {
	return l.insert(name, pairs...) + " " + l.t.Upsert([]string{primary}, nil)
}

// upsert inserts a row, or gives the row with its key the new values.
func (l Ledger) upsert(name, primary string, pairs ...string) string {
	var columns []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != primary {
			columns = append(columns, pairs[i])
		}
	}
	return l.insert(name, pairs...) + " " + l.t.Upsert([]string{primary}, columns)
}

func (l Ledger) insert(name string, pairs ...string) string {
	var columns []string
	for i := 0; i < len(pairs); i += 2 {
		columns = append(columns, pairs[i])
	}
	return "INSERT INTO " + l.table(name) + " (" + strings.Join(columns, ", ") + ") VALUES " + values(pairs)
}

// values are the values of pairs as a row.
func values(pairs []string) string {
	var out []string
	for i := 1; i < len(pairs); i += 2 {
		out = append(out, pairs[i])
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// Exists tells whether the ledger is there, whole; one that a newer build has
// made is an error of code fault.LedgerNewer, an older one is [Outdated].
func (l Ledger) Exists(ctx context.Context, c db.Conn) (bool, error) {
	schema, name := "-", l.name+"_meta"
	if l.t.Schemas {
		schema, name = l.name, "meta"
	}
	q := strings.Replace(l.t.TableExists, "%s", l.d.Literal(schema), 1)
	q = strings.Replace(q, "%s", l.d.Literal(name), 1)
	var any int64
	if found, err := one(ctx, c, q, &any); err != nil || !found {
		return false, err
	}
	var value string
	found, err := one(ctx, c, l.formatQuery(), &value)
	if err != nil || !found {
		return false, unreadable(err)
	}
	return true, l.checkFormat(value)
}

// Damaged is the error for a ledger that is not as we make it, or whose tables
// are somebody else's.
func Damaged(why error) error {
	return fault.New(fault.Repair, "the ledger in this database is damaged").Because(why).
		Try("bring its tables back from a backup; or drop them, and record what is applied with bellows stamp; " +
			"if they are another program's: ledger_schema or ledger_prefix in bellows.toml names ours")
}

// unreadable is [Damaged] for an error that says that our own query is wrong
// here; any other error as it is, and one for which the database has a hint.
func unreadable(err error) error {
	var e *db.Error
	if errors.As(err, &e) && e.Class == db.Bad && e.Hint == "" {
		return Damaged(errors.New(e.Error())) // the words only: nobody shall take it for an error of the user's SQL
	}
	return err
}

// one reads the first row of a query; found is false when there is none.
func one(ctx context.Context, c db.Conn, sql string, dest ...any) (found bool, err error) {
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	return true, rows.Scan(dest...)
}
