// Package postgres is all we know of PostgreSQL without touching one.
//
// Charter: its facts, its spelling, how its text is cut, what its statements
// lock and lose, for each server version.
// Invariant: a [Dialect] is a value; the same text and version give the same answer.
// Example: e := postgres.New(150000).Classify("ALTER TABLE t ADD c int"); e.Strongest().Lock == "ACCESS EXCLUSIVE"
package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/sqltext"
)

// Newest is the newest server version whose locks were measured.
const Newest = 180000

// Dialect is PostgreSQL at one server version. The zero value means [Newest].
type Dialect struct{ version int }

var _ dialect.Dialect = Dialect{}

// New is PostgreSQL as of a server_version_num such as 150004; 0 means [Newest].
func New(version int) Dialect { return Dialect{version: version} }

// Version is the server_version_num the dialect was made for.
func (d Dialect) Version() int {
	if d.version == 0 {
		return Newest
	}
	return d.version
}

// Name is the scheme people write in URLs.
func (d Dialect) Name() string { return "postgres" }

// RollsBackDDL is true: DDL can be rolled back.
func (d Dialect) RollsBackDDL() bool { return true }

// Traits are the facts; all but one are the same for all versions.
func (d Dialect) Traits() dialect.Traits {
	return dialect.Traits{
		TransactionalDDL: true,
		Schemas:          true,
		MakeSchema:       "DO $bellows$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %[1]s) THEN CREATE SCHEMA %[2]s; END IF; END $bellows$",
		SchemaTraps:      `SELECT 1 WHERE current_user = %[1]s AND pg_catalog.current_setting('search_path') LIKE '%%"$user"%%' AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %[1]s)`,
		SessionLock:      true,
		ConcurrentIndex:  d.Version() < 140000 || d.Version() >= 140004, // 14.0 to 14.3 can damage one
		Pipelines:        true,
		MaxIdent:         63,
		BeginWrite:       "BEGIN",
		Key:              "text",
		Text:             "text",
		Int:              "bigint",
		AutoKey:          "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		Time:             "timestamptz",
		Now:              "clock_timestamp()",
		NowPlus:          "(clock_timestamp() + %d * interval '1 millisecond')",
		LockRow:          " FOR UPDATE",
		TimeText:         `to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
		TimeLayout:       "2006-01-02T15:04:05.000000Z",
		OnConflict:       "ON CONFLICT (%s) DO UPDATE SET",
		Incoming:         "excluded.%s",
		LazyCommit:       "SET LOCAL synchronous_commit TO off",
		BudgetTx:         "SELECT pg_catalog.set_config('lock_timeout', '%[1]dms', true), pg_catalog.set_config('statement_timeout', '%[2]dms', true)",
		BudgetSession:    "SELECT pg_catalog.set_config('lock_timeout', '%[1]dms', false), pg_catalog.set_config('statement_timeout', '%[2]dms', false)",
		ResetSession:     "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL",
		ScriptHead:       "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSET TimeZone = 'UTC';",
		Elapsed:          "(extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000)::bigint",
		TableExists:      "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
	}
}

// Quote spells an identifier, quoted always. A NUL byte, which no identifier
// can hold, becomes U+FFFD.
func (d Dialect) Quote(ident string) string {
	return `"` + strings.ReplaceAll(storable(ident), `"`, `""`) + `"`
}

// Literal spells a string; with a backslash in it as E'…', which reads alike
// whatever standard_conforming_strings says. A NUL byte, which no text can
// hold, becomes U+FFFD.
func (d Dialect) Literal(text string) string {
	text = strings.ReplaceAll(storable(text), "'", "''")
	if !strings.Contains(text, `\`) {
		return "'" + text + "'"
	}
	return "E'" + strings.ReplaceAll(text, `\`, `\\`) + "'"
}

// Split cuts text into statements.
func (d Dialect) Split(text string, o sqltext.Options) sqltext.Pieces { return Split(text, o) }

func storable(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }
