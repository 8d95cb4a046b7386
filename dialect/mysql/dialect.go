// Package mysql is all we know of MySQL and MariaDB without touching one.
//
// Charter: their facts, their spelling, how their text is cut, what their
// statements change and lose.
// Invariant: a [Dialect] is a value; the same text, flavour, version and
// sql_mode give the same answer.
// Example: e := mysql.New(mysql.MariaDB, 101106).Classify("DROP TABLE t"); e.Destructive()
package mysql

import (
	"encoding/hex"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/sqltext"
)

// Flavour is which of the two servers it is.
type Flavour string

// The flavours.
const (
	MySQL   Flavour = "mysql"
	MariaDB Flavour = "mariadb"
)

// Dialect is one flavour at one version and sql_mode. The zero value is MySQL
// at the newest version known.
type Dialect struct {
	flavour            Flavour
	version            int
	noBackslashEscapes bool
	ansiQuotes         bool
	pipesAsConcat      bool
	mode               string // the session's sql_mode, as the server spells it
}

var _ dialect.Dialect = Dialect{}

// New is a flavour as of a version number such as 80036 or 101106 (major,
// minor and patch in two digits each); 0 means the newest.
func New(flavour Flavour, version int) Dialect { return Dialect{flavour: flavour, version: version} }

// Mode is the same dialect under a sql_mode, spelled as the server spells it: a
// list with commas. Only the modes that change how text is read count, and for
// what runs under the mode it was made with, all of them.
func (d Dialect) Mode(sqlMode string) Dialect {
	d.noBackslashEscapes, d.ansiQuotes, d.pipesAsConcat, d.mode = false, false, false, sqlMode
	for _, mode := range strings.Split(strings.ToUpper(sqlMode), ",") {
		switch mode = strings.TrimSpace(mode); mode {
		case "NO_BACKSLASH_ESCAPES":
			d.noBackslashEscapes = true
		case "ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL":
			d.ansiQuotes, d.pipesAsConcat = true, d.pipesAsConcat || mode != "ANSI_QUOTES"
		case "PIPES_AS_CONCAT":
			d.pipesAsConcat = true
		}
	}
	return d
}

// Flavour is which of the two servers it is.
func (d Dialect) Flavour() Flavour {
	if d.flavour == "" {
		return MySQL
	}
	return d.flavour
}

// Version is the version the dialect was made for.
func (d Dialect) Version() int {
	switch {
	case d.version != 0:
		return d.version
	case d.flavour == MariaDB:
		return 110400
	}
	return 80400
}

// Name is the scheme people write in URLs.
func (d Dialect) Name() string { return string(d.Flavour()) }

// RollsBackDDL is false: every DDL commits, before and after itself.
func (d Dialect) RollsBackDDL() bool { return false }

// Traits are the facts; they are the same for both flavours and all versions.
// Text is kept as utf8mb4 whatever the database's default is, and times are
// kept in UTC without a zone, so that no session's time_zone matters.
func (d Dialect) Traits() dialect.Traits {
	return dialect.Traits{
		SessionLock:   true,
		MaxIdent:      64,
		BeginWrite:    "START TRANSACTION",
		Key:           "VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		Text:          "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		Int:           "BIGINT",
		AutoKey:       "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
		TableTail:     " ENGINE=InnoDB",
		Time:          "DATETIME(6)",
		Now:           "UTC_TIMESTAMP(6)",
		NowPlus:       "(UTC_TIMESTAMP(6) + INTERVAL %d * 1000 MICROSECOND)",
		LockRow:       " FOR UPDATE",
		TimeText:      "DATE_FORMAT(%s, '%%Y-%%m-%%dT%%H:%%i:%%s.%%fZ')",
		TimeLayout:    "2006-01-02 15:04:05.000000",
		OnConflict:    "ON DUPLICATE KEY UPDATE",
		Incoming:      "VALUES(%s)",
		BudgetTx:      budget(d),
		BudgetSession: budget(d),
		ScriptHead:    "-- The mariadb and mysql clients keep comments inside routines with --comments.\nSET NAMES utf8mb4;\nSET SESSION time_zone = '+00:00';",
		Elapsed:       "(TIMESTAMPDIFF(MICROSECOND, @bellows_begun, UTC_TIMESTAMP(6)) DIV 1000)",
		LateNumbers:   true,
		HoldTable:     "LOCK TABLES %s WRITE",
		HoldNext:      " WRITE, ",
		ReleaseTable:  "UNLOCK TABLES",
		Delimiter:     "DELIMITER %s",
		TableExists:   "SELECT 1 FROM information_schema.tables WHERE table_schema IN (DATABASE(), %s) AND table_schema = DATABASE() AND table_name = %s",
	}
}

// Quote spells an identifier, quoted always, so that ANSI_QUOTES does not
// matter. A NUL byte, which no identifier can hold, becomes U+FFFD.
func (d Dialect) Quote(ident string) string {
	ident = strings.ReplaceAll(ident, "\x00", "\uFFFD")
	return "`" + strings.ReplaceAll(ident, "`", "``") + "`"
}

// Literal spells a string; with a backslash in it by its bytes, which reads
// alike whatever NO_BACKSLASH_ESCAPES says.
func (d Dialect) Literal(text string) string {
	if strings.ContainsAny(text, "\\\x00") {
		return "CONVERT(X'" + hex.EncodeToString([]byte(text)) + "' USING utf8mb4)"
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// Split cuts text into statements, under the dialect's sql_mode and that of o.
func (d Dialect) Split(text string, o sqltext.Options) sqltext.Pieces {
	return Split(text, d.options(o))
}

func (d Dialect) options(o sqltext.Options) sqltext.Options {
	o.NoBackslashEscapes = o.NoBackslashEscapes || d.noBackslashEscapes
	o.ANSIQuotes = o.ANSIQuotes || d.ansiQuotes
	return o
}

// budget is the template of the session's time-outs. Lock waits count in whole
// seconds here, so they are rounded up. The statement time-out holds for every
// statement on MariaDB and for SELECT alone on MySQL, which has no other.
func budget(d Dialect) string {
	locks := "SET @bellows_begun = UTC_TIMESTAMP(6), SESSION lock_wait_timeout = (%[1]d + 999) DIV 1000, innodb_lock_wait_timeout = (%[1]d + 999) DIV 1000, "
	if d.flavour == MariaDB {
		return locks + "max_statement_time = %[2]d / 1000"
	}
	return locks + "max_execution_time = %[2]d"
}
