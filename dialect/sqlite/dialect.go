// Package sqlite is all we know of SQLite without touching a file.
//
// Charter: its facts, its spelling, how its text is cut, what its statements
// change and lose.
// Invariant: a [Dialect] is a value; the same text and version give the same answer.
// Example: e := sqlite.New(3053000).Classify("VACUUM"); e.NoTx != ""
package sqlite

import (
	"encoding/hex"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/sqltext"
)

// Newest is the newest version of the library whose behaviour was measured.
const Newest = 3054001

// Dialect is SQLite at one version of the library. The zero value means [Newest].
type Dialect struct{ version int }

var _ dialect.Dialect = Dialect{}

// New is SQLite as of a sqlite3_libversion_number such as 3040001; 0 means [Newest].
func New(version int) Dialect { return Dialect{version: version} }

// Version is the version number the dialect was made for.
func (d Dialect) Version() int {
	if d.version == 0 {
		return Newest
	}
	return d.version
}

// Name is the scheme people write in URLs.
func (d Dialect) Name() string { return "sqlite" }

// RollsBackDDL is true: DDL can be rolled back.
func (d Dialect) RollsBackDDL() bool { return true }

// Traits are the facts; they are the same for all versions.
func (d Dialect) Traits() dialect.Traits {
	return dialect.Traits{
		TransactionalDDL: true,
		SingleWriter:     true,
		BeginWrite:       "BEGIN IMMEDIATE",
		Key:              "TEXT",
		Text:             "TEXT",
		Int:              "INTEGER",
		AutoKey:          "INTEGER PRIMARY KEY AUTOINCREMENT",
		Time:             "TEXT",
		Now:              "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
		NowPlus:          "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', (%d / 1000.0) || ' seconds')",
		TimeText:         "(substr(%s, 1, 23) || '000Z')",
		TimeLayout:       "2006-01-02T15:04:05.000Z",
		OnConflict:       "ON CONFLICT (%s) DO UPDATE SET",
		Incoming:         "excluded.%s",
		BudgetTx:         "PRAGMA busy_timeout = %[1]d",
		BudgetSession:    "PRAGMA busy_timeout = %[1]d",
		JoinRows:         "group_concat(%s, %s)",
		Elapsed:          "max(0, CAST((julianday('now') - julianday(%s)) * 86400000 AS INTEGER))",
		KeysAsk:          "SELECT foreign_keys FROM pragma_foreign_keys WHERE foreign_keys = 1",
		KeysOff:          "PRAGMA foreign_keys = OFF",
		KeysOn:           "PRAGMA foreign_keys = ON",
		Dangling:         `SELECT "table", rowid, parent FROM pragma_foreign_key_check`,
		ScriptHead:       "PRAGMA foreign_keys = ON;",
		TableExists:      "SELECT 1 FROM sqlite_master WHERE %s <> '' AND type = 'table' AND name = %s",
	}
}

// Quote spells an identifier, quoted always. A NUL byte, which ends the text
// of a statement, becomes U+FFFD.
func (d Dialect) Quote(ident string) string {
	ident = strings.ReplaceAll(ident, "\x00", "\uFFFD")
	return `"` + strings.ReplaceAll(ident, `"`, `""`) + `"`
}

// Literal spells a string. One with a NUL byte, which would end the statement,
// is spelled by its bytes.
func (d Dialect) Literal(text string) string {
	if strings.Contains(text, "\x00") {
		return "CAST(X'" + hex.EncodeToString([]byte(text)) + "' AS TEXT)"
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// Split cuts text into statements.
func (d Dialect) Split(text string, o sqltext.Options) sqltext.Pieces { return Split(text, o) }
