package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// env adds variables to the environment.
func env(pairs ...string) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) { s.env = append(s.env, pairs...) }
}

// toml writes a configuration file; nothing else names a database then.
func toml(text string) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		s.write(t, "bellows.toml", text)
		s.use = ""
		s.env = append(s.env, "BELLOWS_DIR=")
	}
}

// inTurn does several things.
func inTurn(all ...func(*testing.T, *scene)) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		for _, f := range all {
			f(t, s)
		}
	}
}

const (
	twoSQL   = "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE two (id integer);\n-- migrate:down\nDROP TABLE two;\n"
	threeSQL = "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE three (id integer);\n-- migrate:down\nDROP TABLE three;\n"
)

// forked is a folder with two heads, 20 and 21.
func forked() map[string]string {
	return map[string]string{"20_two.sql": twoSQL, "21_three.sql": threeSQL}
}

// badHistory are targets that name nothing or too much, histories that do not
// fit the files, and ledgers that somebody had his hands in.
func badHistory() []bad {
	target := func(name, args string) bad {
		return bad{name: name, args: args, m: forked(), exit: 2, code: fault.Target}
	}
	edited := strings.Replace(baseSQL, "varchar(20)", "varchar(30)", 1)
	ledger := func(name string, exit int, code fault.Code, statements ...string) bad {
		return bad{name: name, on: "postgres", m: file("2_x.sql", twoSQL), exit: exit, code: code, acts: true,
			set: func(t *testing.T, s *scene) { s.sql(t, statements...) }}
	}
	return []bad{
		target("target that names nothing", "up nosuch"),
		target("target like another", "up thre"),
		target("target with several meanings", "up 2"),
		target("target that is a range", "up 1:20"),
		target("head of several", "up head"),
		target("label that is not there", "up billing@head"),
		target("further than there is", "up +9"),
		target("back further than there is", "down -9"),
		target("back to what is ahead", "down 20"),
		target("a target with an odd sign", "up 1~2"),
		target("stamp of nothing", "stamp nosuch"),
		target("show of nothing", "show nosuch"),
		{name: "down with several heads", args: "down", m: forked(), set: applied("up"), exit: 2, code: fault.Target},
		{name: "plan --sql without a range", args: "plan --sql nosuch", m: forked(), exit: 2, code: fault.Target},
		{name: "merge of one head", args: "merge", exit: 1, code: fault.Graph},
		{name: "new with two heads", args: "new more", m: forked(), exit: 1, code: fault.Graph},

		{name: "edited after it was applied", m: map[string]string{"1_base.sql": edited, "2_x.sql": twoSQL}, exit: 6, code: fault.Edited, at: "m/1_base.sql"},
		{name: "edited, and status --check", args: "status --check", m: map[string]string{"1_base.sql": edited}, exit: 6, code: fault.Edited, at: "m/1_base.sql"},
		{name: "gone after it was applied", m: map[string]string{"1_base.sql": "-", "2_x.sql": "-- migrate:revises none\n-- migrate:up\nCREATE TABLE two (id integer);\n-- migrate:down\nDROP TABLE two;\n"}, exit: 6, code: fault.Missing},
		{name: "edit accepted that changes SQL", args: "repair --accept-edit 1", m: map[string]string{"1_base.sql": edited}, exit: 6, code: fault.Edited, at: "m/1_base.sql"},
		{name: "repair of nothing", args: "repair --mark-applied 77", exit: 2, code: fault.Target},
		{name: "forgetting what is there", args: "repair --forget 1", exit: 7, code: fault.Repair},
		{name: "late, and strict", args: "up --strict", exit: 6, code: fault.Order, at: "m/2_late.sql", m: map[string]string{"5_x.sql": twoSQL},
			set: inTurn(applied("up"), func(t *testing.T, s *scene) { s.write(t, "m/2_late.sql", threeSQL) })},
		{name: "no way back", args: "down", exit: 1, code: fault.Irreversible, at: "m/2_x.sql:4:1", set: applied("up"),
			m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE two (id integer);\n-- migrate:down irreversible \"two is for ever\"\n")},
		{name: "no down section", args: "down", exit: 1, code: fault.Irreversible, at: "m/2_x.sql:4:1", set: applied("up"),
			m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE two (id integer);\n")},
		{name: "down that differs in ledger and file", args: "down", exit: 6, code: fault.Edited, at: "m/2_x.sql", m: file("2_x.sql", twoSQL),
			set: inTurn(applied("up"), func(t *testing.T, s *scene) {
				s.write(t, "m/2_x.sql", strings.Replace(twoSQL, "DROP TABLE two", "DROP TABLE IF EXISTS two", 1))
			})},

		ledger("ledger of a newer build", 6, fault.LedgerNewer, "UPDATE bellows.meta SET value = '99' WHERE name = 'format'"),
		ledger("ledger with a format that is no number", 7, fault.Repair, "UPDATE bellows.meta SET value = 'soon' WHERE name = 'format'"),
		ledger("ledger with an unknown state", 7, fault.Repair, "UPDATE bellows.revision SET state = 'bananas'"),
		ledger("ledger without its lease row", 7, fault.Repair, "DELETE FROM bellows.lease"),
		placed("m/2_x.sql", ledger("ledger without its journal", 7, fault.Repair, "DROP TABLE bellows.journal")),
		ledger("ledger without a column", 7, fault.Repair, "ALTER TABLE bellows.revision DROP COLUMN checksum"),
		ledger("somebody else's table named as ours", 7, fault.Repair, "DROP SCHEMA bellows CASCADE", "CREATE SCHEMA bellows", "CREATE TABLE bellows.meta (id int)"),
	}
}

// badSettings are configuration files, .env files, environment variables and
// flags that make no sense.
func badSettings() []bad {
	config := func(name, at, text string) bad {
		return bad{name: name, on: "none", exit: 2, code: fault.Config, at: at, set: toml(text)}
	}
	const b = "bellows.toml:"
	return []bad{
		config("toml: no TOML", b+"2", "dir = \"m\"\nurl = \n"),
		config("toml: quote not closed, with a password", b+"1", "url = \"postgres://ann:"+testdb.Password+"@db/app\n"),
		config("toml: password without quotes", b+"1", "url = postgres://ann:"+testdb.Password+"@db/app\n"),
		config("toml: unknown key", b+"2:1", "dir = \"m\"\nurll = \"sqlite:a.db\"\n"),
		config("toml: unknown key that resembles none", b+"1:1", "flavour = \"vanilla\"\n"),
		config("toml: unknown table", b+"1:1", "[production]\nurl = \"sqlite:a.db\"\n"),
		config("toml: unknown key of an environment", b+"2:1", "[env.dev]\nprotectd = true\n"),
		config("toml: key twice", b+"2", "dir = \"m\"\ndir = \"n\"\n"),
		config("toml: number for a text", b+"1:1", "dir = 5\n"),
		config("toml: text for a truth", b+"1:1", "strict = \"yes\"\n"),
		config("toml: number for a duration", b+"1:1", "lock_wait = 30\n"),
		config("toml: not a duration", b+"1:1", "lock_wait = \"soon\"\n"),
		config("toml: negative duration", b+"1:1", "lock_wait = \"-3s\"\n"),
		config("toml: no lock timeout", b+"1:1", "lock_timeout = \"0s\"\n"),
		config("toml: odd ledger schema", b+"1:1", "ledger_schema = \"My Ledger; DROP\"\n"),
		config("toml: neither ask nor auto", b+"1:1", "holds = \"never\"\n"),
		config("toml: default that is not there", b+"1:1", "default = \"prod\"\n[env.production]\nurl = \"sqlite:a.db\"\n"),
		config("toml: variable that is not set", b+"1:1", "url = \"${NO_SUCH_VARIABLE}\"\n"),
		config("toml: variable not closed", b+"1:1", "url = \"${DATABASE_URL\"\n"),
		config("toml: env is no table", b+"1:1", "env = \"dev\"\n"),
		config("toml: several things wrong", b+"1:1", "dri = \"m\"\nstrict = 1\n[env.dev]\nurll = \"x\"\n"),
		{name: "toml: no environment of that name", on: "none", args: "up --env prodction", exit: 2, code: fault.Config, set: toml("[env.production]\nurl = \"sqlite:a.db\"\n")},
		{name: "toml: not there", on: "none", args: "up --config other.toml", exit: 2, code: fault.Config},
		{name: "toml: a folder", on: "none", exit: 2, code: fault.Config, set: oddFile("bellows.toml", func(p string) error { return os.Mkdir(p, 0o777) })},
		{name: "toml: a pipe", on: "none", exit: 2, code: fault.Config, set: oddFile("bellows.toml", fifo)},
		{name: "toml: a symlink to itself", on: "none", exit: 2, code: fault.Config, set: oddFile("bellows.toml", func(p string) error { return os.Symlink("bellows.toml", p) })},
		{name: "toml: NUL byte", on: "none", exit: 2, code: fault.Config, at: b + "1", set: toml("dir = \"m\x00\"\n")},
		{name: "toml: UTF-16", on: "none", exit: 2, code: fault.Config, at: b + "1", set: toml("\xff\xfed\x00i\x00r\x00")},
		{name: ".env: no assignment", exit: 2, code: fault.Config, at: ".env:2", set: func(t *testing.T, s *scene) { s.write(t, ".env", "A=1\nthis is no line\n") }},
		{name: ".env: quote not closed, with a password", exit: 2, code: fault.Config, at: ".env:1", set: func(t *testing.T, s *scene) {
			s.write(t, ".env", "DATABASE_URL=\"postgres://ann:"+testdb.Password+"@db/app\n")
		}},
		{name: ".env: a folder", exit: 2, code: fault.Config, set: oddFile(".env", func(p string) error { return os.Mkdir(p, 0o777) })},
		{name: ".env: a pipe", exit: 2, code: fault.Config, set: oddFile(".env", fifo)},
		{name: "variable: not a duration", exit: 2, code: fault.Config, set: env("BELLOWS_LOCK_WAIT=soon")},
		{name: "variable: neither true nor false", exit: 2, code: fault.Config, set: env("BELLOWS_STRICT=perhaps")},
		{name: "variable: no environment of that name", exit: 2, code: fault.Config, set: env("BELLOWS_ENV=production")},
		{name: "variable: unknown format", exit: 2, code: fault.Config, set: env("BELLOWS_FORMAT=flyway")},
		{name: "flag: not a duration", args: "up --lock-wait soon", exit: 2, code: fault.Config},
		{name: "flag: unknown format", args: "up --format flyway", exit: 2, code: fault.Config},
		{name: "no URL at all", on: "none", exit: 2, code: fault.Usage},
		{name: "empty URL", exit: 2, code: fault.Usage, set: func(_ *testing.T, s *scene) { s.use = ""; s.args = append(s.args, "--url", "") }},
	}
}

// badWords are command lines that make no sense, and verbs that write files.
func badWords() []bad {
	usage := func(name, args string) bad {
		return bad{name: name, args: args, exit: 2, code: fault.Usage}
	}
	return []bad{
		usage("unknown verb", "stauts"),
		usage("unknown verb that resembles none", "frobnicate"),
		usage("unknown flag", "up --stpe 3"),
		usage("flag of another verb", "status --batch"),
		usage("unknown short flag", "up -Z"),
		usage("flag without its value", "up --step"),
		usage("flag with a wrong value", "up --step many"),
		usage("negative number of steps", "up --step=-2"),
		usage("too many words", "up 1 2"),
		usage("words where there are none", "status 1"),
		usage("new without a name", "new"),
		usage("new with a name of signs only", "new ???"),
		usage("new of two kinds", "new x --data --backfill base"),
		usage("change without columns", "new x --change base"),
		usage("columns without a change", "new x --old a"),
		usage("new --edit without an editor", "new x --edit"),
		usage("try without a command", "try"),
		usage("try of a command that is not there", "try -- no-such-command"),
		usage("redo of no number", "redo some"),
		usage("redo of nothing", "redo 0"),
		usage("down from nowhere", "down --down-from memory"),
		usage("batch and target", "down --batch 1"),
		usage("completion for no shell", "completion bsh"),
		usage("help about nothing", "help stauts"),
		usage("db without a verb", "db"),
		usage("db with another verb", "db crate"),
		{name: "new --edit with an editor that fails", args: "new x --edit", exit: 1, code: fault.Failed, set: env("EDITOR=false")},
		{name: "new --edit with an editor that is not there", args: "new x --edit", exit: 1, code: fault.Failed, set: env("EDITOR=no-such-editor")},
		{name: "new into a folder that is a file", args: "new x", exit: 1, code: fault.File, at: "m/1_base.sql", set: env("BELLOWS_DIR=m/1_base.sql")},
		{name: "new from a template that is none", args: "new x", exit: 2, code: fault.Config, at: "t/schema.sql:2", after: noNewFile, set: func(t *testing.T, s *scene) {
			s.write(t, "t/schema.sql", "-- migrate:up {{ .Nothing \n")
			s.env = append(s.env, "BELLOWS_TEMPLATES=t")
		}},
		{name: "new from a template with an unknown field", args: "new x", exit: 2, code: fault.Config, at: "t/schema.sql:2:3", after: noNewFile, set: func(t *testing.T, s *scene) {
			s.write(t, "t/schema.sql", "-- migrate:up\n{{.Author}}\n")
			s.env = append(s.env, "BELLOWS_TEMPLATES=t")
		}},
		{name: "new with a folder of templates that is not there", args: "new x", exit: 2, code: fault.Config, at: "t", set: env("BELLOWS_TEMPLATES=t"), after: noNewFile},
		{name: "init twice", args: "init", exit: 1, code: fault.Exists, at: "bellows.toml", set: applied("init")},
		{name: "init with a password", args: "init --url postgres://ann:" + "secret7" + "@db/app", exit: 2, code: fault.Usage},
		usage("rebase with a word", "rebase 1"),
		{name: "confirmation of another place", args: "up --confirm staging", m: file("2_x.sql", twoSQL), exit: 8, code: fault.Confirm, set: production},
		{name: "no confirmation, and nobody to ask", args: "down", exit: 8, code: fault.Confirm, set: production},
		{name: "drop without confirmation", args: "db drop", exit: 8, code: fault.Confirm, set: production},
		{name: "try that fails to apply", args: "try -- true", m: second("CREAT TABLE x (id integer);"), exit: 1, code: "sqlite.1", at: "m/2_x.sql:3:1"},
		{name: "try that fails to revert", args: "try -- true", exit: 1, code: "sqlite.1", at: "m/2_x.sql:5:12", acts: true,
			m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE x (id integer);\n-- migrate:down\nDROP TABLE y;\n")},
		{name: "try without a way back", args: "try -- true", exit: 1, code: fault.Irreversible, at: "m/2_x.sql:4:1",
			m: file("2_x.sql", "-- migrate:revises 1\n-- migrate:up\nCREATE TABLE x (id integer);\n-- migrate:down irreversible \"no\"\n")},
	}
}

// noNewFile demands that only the files of the scene are there.
func noNewFile(t *testing.T, s *scene) {
	files, err := filepath.Glob(filepath.Join(s.dir, "m", "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v (%v)", files, err)
	}
}

// production makes the database that of a protected environment.
func production(t *testing.T, s *scene) {
	s.write(t, "bellows.toml", "dir = \"m\"\ndefault = \"production\"\n[env.production]\nurl = \""+s.url+"\"\nprotected = true\n")
	s.use = ""
	s.in = strings.NewReader("production\n")
}

// at makes the program use another URL.
func at(raw string) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) { s.use = raw }
}

// changed makes the program use a changed URL.
func changed(change func(u *url.URL)) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) { s.use = with(t, s.url, change) }
}

// badServers are URLs that lead nowhere, and servers that do not want us.
func badServers() []bad {
	const secret = testdb.Password
	off := func(name, raw string) bad {
		return bad{name: name, on: "none", set: at(raw), exit: 2, code: fault.Config}
	}
	all := []bad{
		{name: "URL: unknown scheme", on: "none", set: at("oracle://ann:" + secret + "@db/app"), exit: 2, code: fault.Usage},
		{name: "URL: no scheme", on: "none", set: at("app.db"), exit: 2, code: fault.Usage},
		{name: "URL: only a password", on: "none", set: at("ann:" + secret + "@db/app"), exit: 2, code: fault.Usage},
		off("URL: sqlite without a file", "sqlite:"),
		off("URL: sqlite with an unknown parameter", "sqlite:a.db?journal=wal"),
		off("URL: postgres without slashes", "postgres:app"),
		off("URL: postgres, port is a word", "postgres://ann:"+secret+"@db:port/app"),
		off("URL: postgres, port too large", "postgres://ann:"+secret+"@db:99999/app"),
		off("URL: postgres, percent in the password", "postgres://ann:100%"+secret+"@db/app"),
		off("URL: postgres, slash in the password", "postgres://ann:"+secret+"/x@db/app"),
		{name: "URL: postgres, hash in the password", on: "none", set: at("postgres://ann:" + secret + "#x@127.0.0.1:1/app"), exit: 1, code: fault.Connect},
		off("URL: postgres, bracket in the host", "postgres://ann:"+secret+"@[::1/app"),
		off("URL: postgres, unknown sslmode", "postgres://ann:"+secret+"@db/app?sslmode=perhaps"),
		off("URL: mysql without slashes", "mysql:app"),
		off("URL: mysql, port is a word", "mysql://ann:"+secret+"@db:port/app"),
		off("URL: mysql, port too large", "mysql://ann:"+secret+"@db:99999/app"),
		off("URL: mysql, percent in the password", "mysql://ann:100%"+secret+"@db/app"),
		off("URL: mysql, slash in the password", "mysql://ann:"+secret+"/x@db/app"),
		off("URL: mysql, two databases", "mysql://ann:"+secret+"@db/app/other"),
		off("URL: mysql, unknown tls", "mysql://ann:"+secret+"@db/app?tls=perhaps"),
	}
	for _, on := range []string{"postgres", "mariadb"} {
		scheme := map[string]string{"postgres": "postgres", "mariadb": "mysql"}[on]
		server := func(name string, exit int, code fault.Code, set func(*testing.T, *scene)) bad {
			return bad{name: on + ": " + name, on: on, m: file("2_x.sql", twoSQL), exit: exit, code: code, set: set}
		}
		all = append(all,
			server("wrong password", 1, fault.Denied, changed(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "Wrong"+secret) })),
			server("unknown user", 1, fault.Denied, changed(func(u *url.URL) { u.User = url.UserPassword("nosuch", secret) })),
			server("unknown database", 1, fault.Connect, changed(func(u *url.URL) { u.Path = "/nosuch" })),
			server("nobody listens", 1, fault.Connect, func(t *testing.T, s *scene) { s.elsewhere(t, closedPort(t)) }),
			server("a server that never answers", 1, fault.Connect, func(t *testing.T, s *scene) { s.elsewhere(t, answering(t, "")) }),
			server("a server of another kind", 1, fault.Connect, func(t *testing.T, s *scene) {
				s.elsewhere(t, answering(t, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
			}),
			server("TLS where there is none", 1, fault.Connect, changed(func(u *url.URL) {
				u.RawQuery = map[string]string{"postgres": "sslmode=require", "mariadb": "tls=true"}[on]
			})),
			server("unknown parameter", 1, fault.Connect, changed(func(u *url.URL) { u.RawQuery += "&nosuch_setting=1" })),
			placed(map[string]string{"postgres": "m/2_x.sql:3:14", "mariadb": "m/2_x.sql:3:1"}[on], server("no right to create", 1, map[string]fault.Code{"postgres": "postgres.42501", "mariadb": "mysql.1142"}[on], func(t *testing.T, s *scene) { s.use = testdb.Restricted(t, s.url) })),
			server("no right to create the ledger", 1, fault.Denied, func(t *testing.T, s *scene) {
				s.url = map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mariadb": testdb.MariaDB}[on](t)
				s.use = testdb.Restricted(t, s.url)
			}),
			server("no right to write", 1, fault.Denied, func(t *testing.T, s *scene) { s.use = testdb.ReadOnly(t, s.url) }),
			server("stopped", 1, fault.Connect, func(t *testing.T, s *scene) {
				p := private(t, on)
				s.url, s.use = "", p.AdminURL()
				p.Stop(t, testdb.Fast)
			}),
			bad{name: on + ": db wait for nobody", on: on, args: "db wait --timeout 300ms", exit: 1, code: fault.Connect,
				set: func(t *testing.T, s *scene) { s.elsewhere(t, closedPort(t)) }},
			bad{name: on + ": password in a scheme of capitals", on: "none", exit: 2, code: fault.Config, set: at(strings.ToUpper(scheme) + "://ann:" + secret + "@127.0.0.1:1x/app")},
		)
	}
	return append(all,
		bad{name: "postgres: read-only server", on: "none", m: file("2_x.sql", twoSQL), exit: 1, code: fault.Denied, set: func(t *testing.T, s *scene) {
			s.use = testdb.PrivatePostgres(t, 0, "default_transaction_read_only=on").AdminURL()
		}},
		bad{name: "mariadb: read-only server", on: "none", m: file("2_x.sql", twoSQL), exit: 1, code: fault.Denied, set: func(t *testing.T, s *scene) {
			p := testdb.PrivateMariaDB(t)
			u := p.Database(t)
			s.use = testdb.Restricted(t, u)
			if err := execute(u, "SET GLOBAL read_only = 1"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = execute(u, "SET GLOBAL read_only = 0") })
		}},
		bad{name: "postgres: a table that is never free", on: "postgres", args: "up --quiet", exit: 1, code: fault.Busy, at: "m/2_x.sql", m: second("ALTER TABLE base ADD COLUMN x int;"),
			set: inTurn(holdTable, env("BELLOWS_LOCK_BUDGET=1s", "BELLOWS_LOCK_TIMEOUT=50ms"))},
		bad{name: "postgres: locked by another run", on: "postgres", args: "up --lock-wait 0", exit: 5, code: fault.Locked, m: second("SELECT pg_advisory_lock(4711);"), acts: true,
			set: func(t *testing.T, s *scene) { s.another(t, "up") }},
		bad{name: "postgres: unlock while the holder lives", on: "postgres", args: "unlock", exit: 5, code: fault.Locked, m: second("SELECT pg_advisory_lock(4711);"), acts: true,
			set: func(t *testing.T, s *scene) { s.another(t, "up") }},
	)
}

// placed is a case whose error has a place.
func placed(at string, b bad) bad {
	b.at = at
	return b
}

// elsewhere makes the program use another server than the scene's.
func (s *scene) elsewhere(t *testing.T, host string) {
	s.use = with(t, s.url, func(u *url.URL) {
		u.Host = host
		u.RawQuery = map[string]string{"postgres": "sslmode=disable&connect_timeout=1", "mysql": "timeout=1s&readTimeout=1s"}[u.Scheme]
	})
}

func private(t *testing.T, on string) *testdb.Private {
	if on == "postgres" {
		return testdb.PrivatePostgres(t, 0)
	}
	return testdb.PrivateMariaDB(t)
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answering is the address of a server that takes every connection and says one
// thing.
func answering(t *testing.T, text string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			_, _ = io.WriteString(c, text)
		}
	}()
	return l.Addr().String()
}

// holdTable keeps the table base for itself until the end of the test.
func holdTable(t *testing.T, s *scene) {
	ctx := context.Background()
	c, err := bellows.Connect(ctx, s.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for _, sql := range []string{"SET idle_in_transaction_session_timeout = 0", "BEGIN", "LOCK TABLE base IN ACCESS SHARE MODE"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
}

// another starts the program in the scene and returns when it is in the middle
// of a migration, which waits until free is called, or the test ends.
func (s *scene) another(t *testing.T, line string) (free func()) {
	ctx := context.Background()
	c, err := bellows.Connect(ctx, s.url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock(4711)"); err != nil {
		t.Fatal(err)
	}
	args := s.args
	s.args = strings.Fields(line)
	cmd := s.command(ctx)
	s.args = args
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	free = sync.OnceFunc(func() {
		_ = c.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(free)
	s.words[fmt.Sprint(cmd.Process.Pid)] = "PID"
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s.words[host] = "HOST"
	if who, err := user.Current(); err == nil {
		s.words[who.Username+"@"+host] = "WHO@HOST"
	}
	s.until(t, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted", "1")
	shown, err := rowsOf(s.url, "SELECT concat(usename, application_name, query) FROM pg_stat_activity")
	if err != nil || len(shown) == 0 || strings.Contains(fmt.Sprint(shown), testdb.Password) {
		t.Errorf("what other sessions see: %v (%v)", shown, err)
	}
	return free
}

// until waits for a query to give a value.
func (s *scene) until(t *testing.T, query, want string) {
	t.Helper()
	for start := time.Now(); time.Since(start) < limit; time.Sleep(10 * time.Millisecond) {
		rows, err := rowsOf(s.url, query)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(rows[0][0]) == want {
			return
		}
	}
	t.Fatalf("never: %s = %s", query, want)
}

// badSystem are files and processes that misbehave.
func badSystem() []bad {
	two := file("2_x.sql", twoSQL)
	path := func(s *scene) string { return strings.TrimPrefix(s.url, "sqlite:") }
	named := func(name string) func(*testing.T, *scene) {
		return func(_ *testing.T, s *scene) { s.use = "sqlite:" + name }
	}
	return []bad{
		{name: "sqlite: file that is no database", on: "none", m: two, exit: 1, code: fault.Connect, set: inTurn(named("other.db"), func(t *testing.T, s *scene) {
			s.write(t, "other.db", strings.Repeat("this is no database\n", 100))
		}), after: func(t *testing.T, s *scene) {
			if text, err := os.ReadFile(filepath.Join(s.dir, "other.db")); err != nil || !strings.HasPrefix(string(text), "this is no") {
				t.Errorf("the file was written to (%v)", err)
			}
		}},
		{name: "sqlite: file that is broken inside", m: two, exit: 1, code: "sqlite.11", acts: true, set: func(t *testing.T, s *scene) {
			tear(t, path(s))
			s.url = ""
		}},
		{name: "sqlite: folder that is not there", on: "none", m: two, set: named("no/such/app.db"), exit: 1, code: fault.Connect},
		{name: "sqlite: file that is a folder", on: "none", m: two, set: inTurn(named("m"), func(*testing.T, *scene) {}), exit: 1, code: fault.Connect},
		{name: "sqlite: folder without the right to write", on: "none", m: two, exit: 1, code: fault.Connect, set: inTurn(named("locked/app.db"), func(t *testing.T, s *scene) {
			s.write(t, "locked/x", "")
			s.nobody(t)
			readOnlyPath(t, filepath.Join(s.dir, "locked"), 0o555)
		})},
		{name: "sqlite: file without the right to write", m: two, exit: 1, code: fault.Denied, set: func(t *testing.T, s *scene) {
			s.nobody(t)
			readOnlyPath(t, path(s), 0o444)
		}},
		{name: "sqlite: file without the right to read", m: two, exit: 1, code: fault.Connect, acts: true, set: func(t *testing.T, s *scene) {
			s.nobody(t)
			readOnlyPath(t, path(s), 0)
			s.url = ""
		}},
		{name: "sqlite: disk full", m: data("INSERT INTO base WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i, 'twenty letters here.' FROM n;"),
			exit: 1, code: "sqlite.13", at: "m/2_x.sql:3:1", set: func(_ *testing.T, s *scene) { s.use += "?_pragma=max_page_count(40)" }},
		{name: "sqlite: disk that fails", m: data("INSERT INTO base WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i, 'twenty letters here.' FROM n;"),
			args: "up --quiet", exit: 1, code: fault.Lost, set: func(_ *testing.T, s *scene) { s.shell = `ulimit -f 200; exec bellows "$@"` }},
		{name: "sqlite: somebody else writes", m: two, args: "up --lock-wait 0 --lock-timeout 50ms", exit: 5, code: fault.Locked, set: busyFile},
		{name: "no home, no path, no input", m: second("CREAT TABLE x (id integer);"), exit: 1, code: "sqlite.1", at: "m/2_x.sql:3:1", set: func(t *testing.T, s *scene) {
			program, err := exec.LookPath("bellows")
			if err != nil {
				t.Fatal(err)
			}
			s.shell = `unset HOME PATH; exec ` + program + ` "$@" <&-`
		}},
		{name: "nobody to ask on a closed input", args: "down", exit: 8, code: fault.Confirm, set: inTurn(production, func(_ *testing.T, s *scene) {
			s.shell = `exec bellows "$@" <&-`
		})},
	}
}

// readOnlyPath takes rights from a path, and gives them back for cleaning up.
func readOnlyPath(t *testing.T, path string, mode os.FileMode) {
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
}

// tear overwrites the second half of a database file.
func tear(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i++ {
		data[i] = 0x55
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// busyFile is in the middle of writing to the scene's file.
func busyFile(t *testing.T, s *scene) {
	ctx := context.Background()
	c, err := bellows.Connect(ctx, s.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
}

// TestChangedWhileWaiting: a file that is changed between being read and being
// run is refused, not run in part.
func TestChangedWhileWaiting(t *testing.T) {
	b := bad{on: "postgres", args: "up --plain --lock-wait 60s", m: map[string]string{
		"2_x.sql": "-- migrate:revises 1\n-- migrate:up\nSELECT pg_advisory_lock(4711);\n-- migrate:down\nSELECT 1;\n",
		"3_y.sql": "-- migrate:revises 2\n-- migrate:up\nCREATE TABLE y (id int);\n-- migrate:down\nDROP TABLE y;\n"}}
	s := b.scene(t)
	free := s.another(t, "up 2")
	cmd := s.command(context.Background())
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(said)
	for first := ""; !strings.HasPrefix(first, "waiting"); {
		if first, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("it never waits: %q %v", first, err)
		}
	}
	s.write(t, "m/3_y.sql", "-- migrate:revises 2\n-- migrate:up\nDROP TABLE base;\n-- migrate:down\nSELECT 1;\n")
	free()
	rest, _ := io.ReadAll(lines)
	if code := codeOf(t, cmd.Wait()); code != 1 || !strings.Contains(string(rest), "at m/3_y.sql\nhint: run the command again\ncode: file.unreadable\n") {
		t.Errorf("exit code %d: %s", code, rest)
	}
	if st := stateOf(t, s.url); st.applied != "applied: 1 2" {
		t.Errorf("%s", st.applied)
	}
}
