package dialect_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/testdb"
)

var servers = map[string]struct {
	driver   db.Driver
	url      func(testing.TB) string
	settings []string // under each of which texts must read alike
}{
	"postgres": {postgres.Driver{}, testdb.Postgres, []string{"SET standard_conforming_strings = on", "SET standard_conforming_strings = off"}},
	"mariadb":  {mysql.Driver{}, testdb.MariaDB, []string{"SET sql_mode = ''", "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'"}},
	"sqlite":   {sqlite.Driver{}, testdb.SQLite, []string{"SELECT 1"}},
}

func each(t *testing.T, test func(t *testing.T, c db.Conn, settings []string)) {
	for name, s := range servers {
		t.Run(name, func(t *testing.T) {
			c, err := s.driver.Open(t.Context(), s.url(t), db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			test(t, c, s.settings)
		})
	}
}

func do(t *testing.T, c db.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// asked is the first column of the first row as text.
func asked(t *testing.T, c db.Conn, sql string) string {
	t.Helper()
	rows, err := c.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	var text string
	if !rows.Next() {
		t.Fatalf("%s: no row, %v", sql, rows.Err())
	}
	if err := rows.Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func TestLiteralsComeBackUnderEverySetting(t *testing.T) {
	texts := []string{"", "plain", "it's", `back\slash`, `\' OR 1=1 --`, "\"quoted\"", "line\nbreak\r\ttab", "grüße 🦜", "$$ $1 ? :x %s %d", strings.Repeat(`'\`, 100), `ends in \`}
	each(t, func(t *testing.T, c db.Conn, settings []string) {
		d := c.Dialect()
		for _, setting := range settings {
			do(t, c, setting)
			for _, text := range texts {
				if got := asked(t, c, "SELECT "+d.Literal(text)); got != text {
					t.Errorf("after %s, %q came back as %q", setting, text, got)
				}
			}
		}
	})
}

func TestQuotedNamesAreThatName(t *testing.T) {
	each(t, func(t *testing.T, c db.Conn, settings []string) {
		d := c.Dialect()
		for _, setting := range settings {
			do(t, c, setting)
			for _, name := range []string{"select", "Mixed Case", `dou"ble`, "tick`s", "semi;colon -- x", "new\nline", "ünï"} {
				q := d.Quote(name)
				do(t, c, "CREATE TABLE "+q+" (a int)")
				if e := d.Classify("DROP TABLE " + q); len(e.Destroys) != 1 || e.Destroys[0].Table.Name != name {
					t.Errorf("DROP TABLE %s is read as %s", q, e)
				}
				do(t, c, "DROP TABLE "+q)
			}
		}
	})
}

func TestTraitsMakeALedger(t *testing.T) {
	each(t, func(t *testing.T, c db.Conn, _ []string) {
		d := c.Dialect()
		tr := d.Traits()
		do(t, c, fmt.Sprintf("CREATE TABLE led (id %s, word %s NOT NULL, body %s, n %s, at %s, UNIQUE (word))%s", tr.AutoKey, tr.Key, tr.Text, tr.Int, tr.Time, tr.TableTail))
		big := strings.Repeat("x", 70000)
		do(t, c, "INSERT INTO led (word, body, n, at) VALUES ('a', "+d.Literal(big)+", 9223372036854775807, "+tr.Now+")")
		add := "INSERT INTO led (word, n) VALUES ('a', 7) "
		do(t, c, add+tr.Upsert([]string{"word"}, nil))
		if got := asked(t, c, "SELECT n FROM led"); got != "9223372036854775807" {
			t.Errorf("an upsert of nothing changed n to %s", got)
		}
		do(t, c, add+tr.Upsert([]string{"word"}, []string{"n"}))
		if got := asked(t, c, "SELECT n FROM led"); got != "7" {
			t.Errorf("after an upsert n is %s", got)
		}
		do(t, c, "INSERT INTO led (word) VALUES ('A')")
		if got := asked(t, c, "SELECT count(*) FROM led"); got != "2" {
			t.Errorf("%s rows: words are not compared byte for byte", got)
		}
		if got := asked(t, c, "SELECT max(id) FROM led"); got == "" || got == "0" {
			t.Errorf("the counting key is %q", got)
		}
		do(t, c, tr.BeginWrite)
		if got := asked(t, c, "SELECT n FROM led WHERE word = 'a'"+tr.LockRow); got != "7" {
			t.Errorf("a locked row says %s", got)
		}
		do(t, c, "ROLLBACK")
	})
}

func TestTimesAreUTCAndComeBack(t *testing.T) {
	each(t, func(t *testing.T, c db.Conn, _ []string) {
		d := c.Dialect()
		tr := d.Traits()
		do(t, c, "CREATE TABLE times (at "+tr.Time+")"+tr.TableTail)
		moment := time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC)
		do(t, c, "INSERT INTO times VALUES ("+d.Literal(moment.Format(tr.TimeLayout))+")")
		if got := asked(t, c, "SELECT "+fmt.Sprintf(tr.TimeText, "at")+" FROM times"); got != "2026-02-03T04:05:06.789000Z" {
			t.Errorf("the moment came back as %s", got)
		}
		do(t, c, "UPDATE times SET at = "+tr.Now)
		for ms, want := range map[int]string{-5000: "1", 60000: "0"} {
			sql := "SELECT CASE WHEN at > " + fmt.Sprintf(tr.NowPlus, ms) + " THEN 1 ELSE 0 END FROM times"
			if got := asked(t, c, sql); got != want {
				t.Errorf("%s gives %s", sql, got)
			}
		}
		do(t, c, "UPDATE times SET at = "+fmt.Sprintf(tr.NowPlus, -90061001))
		text := asked(t, c, "SELECT "+fmt.Sprintf(tr.TimeText, "at")+" FROM times")
		at, err := time.Parse(time.RFC3339Nano, text)
		if off := time.Since(at) - 90061001*time.Millisecond; err != nil || off < -time.Hour || off > time.Hour {
			t.Errorf("%s is %v off, %v", text, off, err)
		}
	})
}

func TestBudgetsAreStatements(t *testing.T) {
	each(t, func(t *testing.T, c db.Conn, _ []string) {
		tr := c.Dialect().Traits()
		for _, template := range []string{tr.BudgetTx, tr.BudgetSession} {
			if template != "" {
				do(t, c, dialect.Budget(template, 1500*time.Millisecond, 0))
			}
		}
		if tr.ResetSession != "" {
			do(t, c, tr.ResetSession)
		}
	})
}
