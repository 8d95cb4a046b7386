package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// file is a folder with one more file.
func file(name, text string) map[string]string { return map[string]string{name: text} }

// second is the file of a second migration with that SQL.
func second(sql string) map[string]string {
	return file("2_x.sql", "-- migrate:revises 1\n-- migrate:up\n"+sql+"\n\n-- migrate:down\nSELECT 1;\n")
}

// data is the file of a second migration, of rows.
func data(sql string) map[string]string {
	return file("2_x.sql", "-- migrate:revises 1\n-- migrate:data\n"+sql+"\n\n-- migrate:down\nDELETE FROM base WHERE id > 1;\n")
}

// headed is the file of a second migration with that header.
func headed(header string) map[string]string {
	return file("2_x.sql", header+"\n-- migrate:up\nCREATE TABLE x (id integer);\n\n-- migrate:down\nDROP TABLE x;\n")
}

// oddFile puts something that is not a plain file into the folder.
func oddFile(name string, make func(path string) error) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		path := filepath.Join(s.dir, name)
		_ = os.Remove(path)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
	}
}

func fifo(path string) error { return syscall.Mkfifo(path, 0o666) }

// socket listens in the folder; the address is relative because the form of
// such addresses is short.
func socket(t *testing.T, s *scene) {
	l, err := net.Listen("unix", filepath.Join(s.dir, "m", "2_x.sql"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

// badFiles are files and folders that cannot be read as migrations.
func badFiles() []bad {
	const x = "m/2_x.sql"
	syntax := func(name, at string, files map[string]string) bad {
		return bad{name: name, m: files, exit: 1, code: fault.Syntax, at: at}
	}
	text := func(s string) map[string]string { return file("2_x.sql", s) }
	return []bad{
		syntax("unknown directive", x+":2:12", text("-- migrate:revises 1\n-- migrate:upp\nSELECT 1;\n")),
		syntax("unknown directive that resembles none", x+":1:12", text("-- migrate:frobnicate\n-- migrate:up\nSELECT 1;\n")),
		syntax("directive without a word", x+":1:12", text("-- migrate:\n-- migrate:up\nSELECT 1;\n")),
		syntax("two ups", x+":4:12", text("-- migrate:revises 1\n-- migrate:up\nSELECT 1;\n-- migrate:up\nSELECT 2;\n")),
		syntax("two downs", x+":5:12", text("-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n-- migrate:down\nSELECT 2;\n")),
		syntax("up and data in one file", x+":3:12", text("-- migrate:up\nSELECT 1;\n-- migrate:data\nSELECT 2;\n")),
		syntax("down before up", x+":1:12", text("-- migrate:down\nSELECT 1;\n-- migrate:up\nSELECT 2;\n")),
		syntax("unknown option", x+":1:15", text("-- migrate:up transactoin:false\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")),
		syntax("option without a value", x+":1:27", text("-- migrate:up transaction:\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")),
		syntax("option twice", x+":1:26", text("-- migrate:up mixed:true mixed:false\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")),
		syntax("neither true nor false", x+":1:27", text("-- migrate:up transaction:maybe\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")),
		syntax("duration without a unit", x+":1:28", text("-- migrate:up lock_timeout:5\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")),
		syntax("not a duration", x+":1:33", text("-- migrate:up statement_timeout:soon\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")),
		syntax("unclosed quote in a directive", x+":3:30", text("-- migrate:up\nSELECT 1;\n-- migrate:down irreversible \"it is lost\n")),
		syntax("irreversible without a reason", x+":3:16", text("-- migrate:up\nSELECT 1;\n-- migrate:down irreversible\n")),
		syntax("SQL below irreversible", x+":4:1", text("-- migrate:up\nSELECT 1;\n-- migrate:down irreversible \"gone\"\nSELECT 1;\n")),
		syntax("header behind a section", x+":3:12", text("-- migrate:up\nSELECT 1;\n-- migrate:revises 1\n")),
		syntax("header twice", x+":2:12", headed("-- migrate:revises 1\n-- migrate:revises 1")),
		syntax("SQL before the first section", x+":1:1", text("SELECT 1;\n-- migrate:up\nSELECT 2;\n-- migrate:down\nSELECT 1;\n")),
		syntax("no section at all", x+":1:1", text("CREATE TABLE x (id integer);\n")),
		syntax("empty file", x+":1:1", text("")),
		syntax("only comments", x+":1:1", text("-- nothing here\n/* nor here */\n")),
		syntax("empty up section", x+":2:12", text("-- migrate:revises 1\n-- migrate:up\n\n-- migrate:down\nSELECT 1;\n")),
		syntax("only a down section", x+":2:12", text("-- migrate:revises 1\n-- migrate:down\nSELECT 1;\n")),
		syntax("two words as one id", x+":1:20", headed("-- migrate:revises 1 and 2")),
		syntax("nothing revised", x+":1:19", headed("-- migrate:revises")),
		syntax("a parent twice", x+":1:23", headed("-- migrate:revises 1, 1")),
		syntax("a label that means something else", x+":2:18", headed("-- migrate:revises 1\n-- migrate:label head")),
		syntax("a range that is none", x+":2:21", headed("-- migrate:revises 1\n-- migrate:replaces 1-2")),
		syntax("an unknown phase", x+":2:20", headed("-- migrate:revises 1\n-- migrate:needs 1:contrct")),
		syntax("NUL byte", x+":3:8", second("SELECT \x001;")),
		syntax("invalid UTF-8", x+":3:9", second("SELECT '\xe9t\xe9';")),
		syntax("UTF-16", x+":1:1", text("\xff\xfe-\x00-\x00 \x00m\x00i\x00")),
		syntax("UTF-16 the other way round", x+":1:1", text("\xfe\xff\x00-\x00-\x00 ")),
		syntax("byte-order mark and CRLF, and then an error", x+":2:12", text("\xef\xbb\xbf-- migrate:revises 1\r\n-- migrate:upp\r\nSELECT 1;\r\n")),
		syntax("hold without a name", x+":7:16", text(changeText("-- migrate:hold\n"))),
		syntax("change without its sections", x+":2:12", text("-- migrate:revises 1\n-- migrate:change table:base old:name new:title\n")),
		syntax("backfill without a table", x+":2:20", text("-- migrate:revises 1\n-- migrate:backfill\nUPDATE base SET name = '' WHERE :chunk;\n")),
		syntax("backfill without :chunk", x+":3:1", text("-- migrate:revises 1\n-- migrate:backfill table:base\nUPDATE base SET name = '';\n")),
		syntax("empty repeatable", "m/repeatable/v.sql:1:1", file("repeatable/v.sql", "-- nothing\n")),
		syntax("repeatable with a parent", "m/repeatable/v.sql:1:12", file("repeatable/v.sql", "-- migrate:revises 1\nSELECT 1;\n")),
		syntax("repeatable with a down section", "m/repeatable/v.sql:3:12", file("repeatable/v.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")),
		{name: "25 files with an error each", exit: 1, code: fault.Syntax, at: "m/10_x.sql:1:12", set: func(t *testing.T, s *scene) {
			for i := range 25 {
				s.write(t, fmt.Sprintf("m/%d_x.sql", i+2), "-- migrate:upp\n")
			}
		}},
		{name: "a name without digits", m: file("create.sql", "-- migrate:up\nSELECT 1;\n"), exit: 1, code: fault.File, at: "m/create.sql"},
		{name: "mixed formats in one folder", m: file("2_x.up.sql", "SELECT 1;\n"), exit: 1, code: fault.File, at: "m"},

		{name: "missing parent", m: headed("-- migrate:revises 99"), exit: 1, code: fault.Graph, at: x + ":1:20"},
		{name: "parent of itself", m: headed("-- migrate:revises 2"), exit: 1, code: fault.Graph, at: x + ":1:20"},
		{name: "cycle", exit: 1, code: fault.Graph, at: x + ":1:20", m: map[string]string{
			"2_x.sql": "-- migrate:revises 3\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n",
			"3_y.sql": "-- migrate:revises 2\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n"}},
		{name: "duplicate id", exit: 1, code: fault.Graph, at: "m/2_y.sql", m: map[string]string{
			"2_x.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n", "2_y.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n"}},
		{name: "duplicate id with a leading zero", exit: 1, code: fault.Graph, at: "m/2_x.sql", m: map[string]string{
			"02_w.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n", "2_x.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n"}},
		{name: "unknown need", m: headed("-- migrate:revises 1\n-- migrate:needs 77"), exit: 1, code: fault.Graph, at: x + ":2:18"},
		{name: "a label twice", exit: 1, code: fault.Graph, at: "m/3_y.sql:2:18", m: map[string]string{
			"2_x.sql": "-- migrate:revises 1\n-- migrate:label billing\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n",
			"3_y.sql": "-- migrate:revises 1\n-- migrate:label billing\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n"}},

		{name: "unreadable file", m: second("SELECT 1;"), exit: 1, code: fault.File, at: x, set: func(t *testing.T, s *scene) {
			s.nobody(t)
			forbid(t, s, "m/2_x.sql")
		}},
		{name: "unreadable folder", exit: 1, code: fault.File, at: "m", set: func(t *testing.T, s *scene) {
			s.nobody(t)
			forbid(t, s, "m")
		}},
		{name: "no folder", exit: 1, code: fault.File, at: "migrations", set: func(_ *testing.T, s *scene) { s.env = append(s.env, "BELLOWS_DIR=migrations") }},
		{name: "the folder is a file", exit: 1, code: fault.File, at: "m/1_base.sql", set: func(_ *testing.T, s *scene) { s.env = append(s.env, "BELLOWS_DIR=m/1_base.sql") }},
		{name: "symlink to itself", exit: 1, code: fault.File, at: x, set: oddFile(x, func(path string) error { return os.Symlink("2_x.sql", path) })},
		{name: "folder that is a symlink to itself", exit: 1, code: fault.File, at: "loop", set: func(t *testing.T, s *scene) {
			oddFile("loop", func(path string) error { return os.Symlink("loop", path) })(t, s)
			s.env = append(s.env, "BELLOWS_DIR=loop")
		}},
		{name: "symlink to nothing", exit: 1, code: fault.File, at: x, set: oddFile(x, func(path string) error { return os.Symlink("gone.sql", path) })},
		{name: "directory named like a file", exit: 1, code: fault.File, at: x, set: oddFile(x, func(path string) error { return os.Mkdir(path, 0o777) })},
		{name: "pipe named like a file", exit: 1, code: fault.File, at: x, set: oddFile(x, fifo)},
		{name: "socket named like a file", exit: 1, code: fault.File, at: x, set: socket},
		{name: "pipe named like a repeatable", exit: 1, code: fault.File, at: "m/repeatable/v.sql", set: func(t *testing.T, s *scene) {
			s.write(t, "m/repeatable/w.sql", "SELECT 1;\n")
			oddFile("m/repeatable/v.sql", fifo)(t, s)
		}},
		{name: "golang-migrate: an id twice", exit: 1, code: fault.Graph, at: "g/2_y.down.sql", on: "none", set: other("g", map[string]string{
			"2_x.up.sql": "SELECT 1;", "2_x.down.sql": "SELECT 1;", "2_y.up.sql": "SELECT 1;", "2_y.down.sql": "SELECT 1;"})},
		{name: "diesel: no up.sql", exit: 1, code: fault.File, at: "g/2020-01-01-000000_x", args: "up --format diesel", set: other("g", map[string]string{
			"2020-01-01-000000_x/down.sql": "SELECT 1;"})},
		{name: "dbmate: no up", exit: 1, code: fault.Syntax, at: "g/2_x.sql:1:1", args: "up --format dbmate", set: other("g", map[string]string{
			"2_x.sql": "CREATE TABLE x (id integer);\n"})},
	}
}

// changeText is a whole change, with more behind it.
func changeText(more string) string {
	return "-- migrate:revises 1\n-- migrate:change table:base old:name new:title\n-- migrate:expand\nALTER TABLE base ADD COLUMN title text;\n-- migrate:forward\ntitle = name\n" + more
}

// other makes another folder the one of the migrations.
func other(dir string, files map[string]string) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		for name, text := range files {
			s.write(t, dir+"/"+name, text)
		}
		s.env = append(s.env, "BELLOWS_DIR="+dir)
		if s.use == "" {
			s.use = testdb.SQLite(t)
		}
	}
}

// forbid takes all rights from a file, and gives them back for cleaning up.
func forbid(t *testing.T, s *scene, name string) {
	path := filepath.Join(s.dir, name)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
}

// badStatements are migrations whose SQL cannot be, or must not be, run.
func badStatements() []bad {
	const x = "m/2_x.sql"
	cut := func(name, on, at, sql string) bad {
		return bad{name: name, on: on, m: second(sql), exit: 1, code: fault.SQLText, at: x + at}
	}
	refused := func(name, on, at string, files map[string]string) bad {
		return bad{name: name, on: on, m: files, exit: 4, code: fault.Finding, at: x + at}
	}
	failed := func(name, on, at string, code fault.Code, files map[string]string) bad {
		return bad{name: name, on: on, m: files, exit: 1, code: code, at: x + at}
	}
	return []bad{
		cut("unclosed quote", "", ":4:8", "SELECT 1;\nSELECT 'it never ends;"),
		cut("unclosed quoted name", "", ":3:8", `SELECT "a;`),
		cut("unclosed bracket", "", ":3:8", `SELECT [a;`),
		cut("unclosed comment", "", ":3:11", `SELECT 1; /* it never ends`),
		cut("unclosed trigger", "", ":3:1", "CREATE TRIGGER t AFTER INSERT ON base BEGIN SELECT 1;"),
		cut("command of the sqlite3 shell", "", ":4:1", "SELECT 1;\n.read other.sql"),
		cut("unclosed dollar quote", "postgres", ":3:4", "DO $body$ BEGIN END $bodi$;"),
		cut("unclosed nested comment", "postgres", ":3:1", "/* /* */ SELECT 1;"),
		cut("unclosed parenthesis", "postgres", ":3:16", "CREATE TABLE x (id integer;"),
		cut("unclosed BEGIN ATOMIC", "postgres", ":4:1", "CREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC SELECT 1;"),
		cut("COPY without end of data", "postgres", ":3:1", "COPY base FROM STDIN;\n2\tb\n"),
		cut("text behind COPY", "postgres", ":3:23", "COPY base FROM STDIN; SELECT 1;\n2\tb\n\\.\n"),
		cut("stray end of data", "postgres", ":4:1", "SELECT 1;\n\\.\n"),
		cut("psql command", "postgres", ":3:1", "\\i other.sql\nSELECT 1;"),
		cut("psql connect", "postgres", ":4:1", "SELECT 1;\n\\connect other"),
		cut("psql \\copy", "postgres", ":3:1", "\\copy base from 'base.csv'"),
		cut("DELIMITER without a delimiter", "mariadb", ":3:1", "DELIMITER\nSELECT 1;"),
		cut("client command of MariaDB", "mariadb", ":3:1", "source other.sql"),
		cut("unclosed BEGIN of a procedure", "mariadb", ":4:1", "CREATE PROCEDURE p()\nBEGIN SELECT 1;"),
		cut("unclosed IF of a procedure", "mariadb", ":4:1", "CREATE PROCEDURE p() BEGIN\nIF 1 THEN SELECT 1; END;"),
		cut("unclosed backtick", "mariadb", ":3:8", "SELECT `a;"),
		{name: "line of 100 MB that is never closed", exit: 1, code: fault.SQLText, at: x + ":3:8", set: func(t *testing.T, s *scene) {
			s.write(t, x, "-- migrate:revises 1\n-- migrate:up\nSELECT '"+strings.Repeat("x", 100<<20)+"\n")
		}},
		{name: "line of 100 MB with an error at its end", exit: 1, code: "sqlite.1", at: x + ":3:104857608", set: func(t *testing.T, s *scene) {
			s.write(t, x, "-- migrate:revises 1\n-- migrate:up\n/* "+strings.Repeat("x", 100<<20)+" */ SELEC 1;\n-- migrate:down\nSELECT 1;\n")
		}},

		refused("rows changed by a schema migration", "", ":3:1", second("UPDATE base SET name = 'x';")),
		refused("rows changed behind DDL", "postgres", ":4:1", second("CREATE TABLE x (id int);\nDELETE FROM base;")),
		refused("rows copied by a schema migration", "postgres", ":3:1", second("COPY base FROM STDIN;\n2\tb\n\\.\n")),
		refused("DDL in a data migration", "", ":4:1", data("INSERT INTO base VALUES (2, 'b');\nCREATE TABLE x (id integer);")),
		refused("DDL in a data migration of MariaDB", "mariadb", ":3:1", data("ALTER TABLE base ADD COLUMN x int;")),
		{name: "DDL in the down section of a data migration", args: "down", exit: 4, code: fault.Finding, at: x + ":6:1", set: applied("up"),
			m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:data\nINSERT INTO base VALUES (2, 'b');\n\n-- migrate:down\nDROP TABLE base;\n")},
		refused("BEGIN in a section", "", ":3:1", second("BEGIN;\nCREATE TABLE x (id integer);\nCOMMIT;")),
		refused("COMMIT in a section", "postgres", ":4:1", second("CREATE TABLE x (id int);\nCOMMIT;\nDROP TABLE base;")),
		refused("ROLLBACK in a data migration", "mariadb", ":4:1", data("INSERT INTO base VALUES (2, 'b');\nROLLBACK;")),
		refused("index built concurrently in a transaction", "postgres", ":3:1", second("CREATE INDEX CONCURRENTLY i ON base (name);")),
		refused("VACUUM in a transaction", "postgres", ":3:1", second("VACUUM base;")),
		refused("VACUUM in a transaction of SQLite", "", ":3:1", second("VACUUM;")),
		failed("check that is no query", "", ":6:1", fault.Syntax, file("2_x.sql", "-- migrate:revises 1\n-- migrate:data\nINSERT INTO base VALUES (2, 'b');\n\n-- migrate:check\nDELETE FROM base;\n\n-- migrate:down\nDELETE FROM base WHERE id = 2;\n")),
		failed("check that returns rows", "", ":6:1", fault.Check, file("2_x.sql", "-- migrate:revises 1\n-- migrate:data\nINSERT INTO base VALUES (2, 'b'), (3, NULL);\n\n-- migrate:check\nSELECT id, name FROM base WHERE id > 1;\n\n-- migrate:down\nDELETE FROM base WHERE id > 1;\n")),
		failed("check that returns rows on PostgreSQL", "postgres", ":6:1", fault.Check, file("2_x.sql", "-- migrate:revises 1\n-- migrate:data\nINSERT INTO base VALUES (2, 'b'), (3, NULL);\n\n-- migrate:check\nSELECT id, name FROM base WHERE id > 1;\n\n-- migrate:down\nDELETE FROM base WHERE id > 1;\n")),
		failed("check that fails", "", ":6:15", "sqlite.1", file("2_x.sql", "-- migrate:revises 1\n-- migrate:data\nINSERT INTO base VALUES (2, 'b');\n\n-- migrate:check\nSELECT id FRM base;\n\n-- migrate:down\nDELETE FROM base WHERE id > 1;\n")),
		{name: "backfill of a table without a key", on: "postgres", m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:backfill table:plain\nUPDATE plain SET name = 'x' WHERE :chunk;\n"), exit: 1, code: fault.Unsupported, at: x + ":2:1",
			set: func(t *testing.T, s *scene) { s.sql(t, "CREATE TABLE plain (name text)") }},
		{name: "change of a table that is not there", m: file("2_x.sql", strings.Replace(changeText(""), "table:base", "table:nowhere", 1)), exit: 1, code: fault.Failed, at: x + ":2:1"},
		{name: "change of a column that is not there", m: file("2_x.sql", strings.Replace(changeText(""), "old:name", "old:nome", 1)), exit: 1, code: fault.Failed, at: x + ":2:1"},
		{name: "change whose expand makes another column", m: file("2_x.sql", strings.Replace(changeText(""), "COLUMN title", "COLUMN titel", 1)), exit: 1, code: fault.Failed, at: x + ":2:1"},
		{name: "change whose forward gives another column", m: file("2_x.sql", strings.Replace(changeText(""), "title = name", "titel = name", 1)), exit: 1, code: fault.Syntax, at: x + ":6:9"},
		{name: "change whose expression is wrong", on: "postgres", m: file("2_x.sql", strings.Replace(changeText(""), "title = name", "title = upper(nome)", 1)), exit: 1, code: "postgres.42703", at: x + ":6:15"},

		failed("syntax error", "", ":4:1", "sqlite.1", second("CREATE TABLE x (id integer);\nCREAT TABLE y (id integer);")),
		failed("syntax error on PostgreSQL", "postgres", ":4:1", "postgres.42601", second("CREATE TABLE x (id int);\nCREAT TABLE y (id int);")),
		failed("syntax error on MariaDB", "mariadb", ":3:1", "mysql.1064", second("CREAT TABLE y (id int);")),
		failed("table that is not there", "postgres", ":4:1", "postgres.42P01", second("CREATE TABLE x (id int);\nALTER TABLE nowhere ADD COLUMN y int;")),
		failed("table that is there already", "mariadb", ":3:14", "mysql.1050", second("CREATE TABLE base (id int);")),
		failed("column behind umlauts and tabs", "postgres", ":3:26", "postgres.42703", second("SELECT 'äöü日本', \t/* ß */ nöthing FROM base;")),
		failed("a row that breaks a key", "", ":4:1", "sqlite.1555", data("INSERT INTO base VALUES (2, 'b');\nINSERT INTO base VALUES (1, 'again');")),
		failed("a row that breaks a key on PostgreSQL", "postgres", ":4:1", "postgres.23505", data("INSERT INTO base VALUES (2, 'b');\nINSERT INTO base VALUES (1, 'again');")),
		failed("a row that breaks a key on MariaDB", "mariadb", ":4:1", "mysql.1062", data("INSERT INTO base VALUES (2, 'b');\nINSERT INTO base VALUES (1, 'again');")),
		failed("a deferred key breaks at COMMIT", "postgres", "", "postgres.23503", second("CREATE TABLE x (id int REFERENCES base DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO x VALUES (77);")),
		failed("a COPY row that does not fit", "postgres", ":4:1", "postgres.22P02", second("CREATE TABLE x (id int);\nCOPY x FROM STDIN;\n1\ntwo\n\\.\n")),
		failed("exception with a secret in it", "postgres", ":3:1", "postgres.P0001", second("DO $$ BEGIN RAISE EXCEPTION 'no way' USING DETAIL = 'the detail', HINT = 'the server''s hint'; END $$;")),
		failed("statement that is cancelled by its time limit", "postgres", ":4:1", "postgres.57014", file("2_x.sql", "-- migrate:revises 1\n-- migrate:up statement_timeout:50ms\nCREATE TABLE x (id int);\nSELECT pg_sleep(60);\n-- migrate:down\nDROP TABLE x;\n")),
		{name: "failing repeatable", m: file("repeatable/v.sql", "-- A view.\nDROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELEC name FROM base;\n"), exit: 1, code: "sqlite.1", at: "m/repeatable/v.sql:3:18"},
		{name: "failing repeatable on PostgreSQL", on: "postgres", m: file("repeatable/v.sql", "CREATE OR REPLACE VIEW v AS\n  SELECT nothing FROM base;\n"), exit: 1, code: "postgres.42703", at: "m/repeatable/v.sql:2:10"},
		{name: "failing down section", args: "down", m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE x (id integer);\n-- migrate:down\nDROP TABLE y;\n"),
			exit: 1, code: "sqlite.1", at: x + ":5:12", set: applied("up")},
		{name: "second statement without a transaction fails", on: "postgres", exit: 1, code: "postgres.42P07", at: x + ":4:1", acts: true,
			m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:up transaction:false\nCREATE TABLE x (id int);\nCREATE TABLE base (id int);\n-- migrate:down\nDROP TABLE x;\n")},
		{name: "second statement fails on MariaDB", on: "mariadb", exit: 1, code: "mysql.1050", at: x + ":4:14", acts: true,
			m: second("CREATE TABLE x (id int);\nCREATE TABLE base (id int);")},
		{name: "half-done, and then edited", on: "mariadb", exit: 6, code: fault.Edited, at: x, acts: true, m: second("CREATE TABLE x (id int);\nCREATE TABLE base (id int);"),
			set: func(t *testing.T, s *scene) {
				s.mayFail(t, "up")
				s.write(t, x, "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE y (id int);\nCREATE TABLE z (id int);\n\n-- migrate:down\nSELECT 1;\n")
			}},
		{name: "one transaction where there is none", on: "mariadb", args: "up --single-transaction", m: second("CREATE TABLE x (id int);"), exit: 1, code: fault.Unsupported},
		{name: "one transaction for a statement that has none", on: "postgres", args: "up --single-transaction", exit: 1, code: fault.Unsupported,
			m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON base (name);\n-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY i;\n")},
	}
}

// applied runs commands that must succeed.
func applied(lines ...string) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		for _, line := range lines {
			if out, code := s.mayFail(t, line); code != 0 {
				t.Fatalf("bellows %s: %d\n%s", line, code, out)
			}
		}
	}
}

// mayFail runs the program with other arguments.
func (s *scene) mayFail(t *testing.T, line string) (said string, code int) {
	t.Helper()
	args := s.args
	s.args = strings.Fields(line)
	out, errs, code := s.run(t)
	s.args = args
	return out + errs, code
}
