package shadow_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/shadow"
	"github.com/bellowsdb/bellows/internal/testdb"
)

var ctx = context.Background()

func names(t *testing.T, url, prefix string) string {
	t.Helper()
	all, err := postgres.Driver{}.Names(ctx, url, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func open(t *testing.T, o shadow.Options) *shadow.Shadow {
	t.Helper()
	o.Driver = postgres.Driver{}
	s, err := shadow.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(ctx) })
	return s
}

func TestShadowsAreDroppedSweptAndCopied(t *testing.T) {
	// A server of its own: who sweeps a day from now sweeps what others use today.
	url := testdb.PrivatePostgres(t, 0).AdminURL()
	now := time.Now()
	filled := 0
	fill := func(ctx context.Context, s *shadow.Shadow) error {
		filled++
		return shadow.Load(ctx, s.Conn, []shadow.Text{{Name: "a.sql", SQL: "create table t (a int);"}})
	}
	key := strconv.FormatInt(now.UnixNano(), 36)
	s := open(t, shadow.Options{Beside: url, Run: "one" + key, Now: now, Key: key, Fill: fill})
	again := open(t, shadow.Options{Beside: url, Run: "two" + key, Now: now, Key: key, Fill: fill})
	if filled != 1 {
		t.Errorf("filled %d times", filled)
	}
	for _, c := range []db.Conn{s.Conn, again.Conn} {
		if _, err := c.Exec(ctx, "insert into t values (1)"); err != nil {
			t.Error(err)
		}
	}
	if got := names(t, url, "bellows_shadow_"); !strings.Contains(got, "_one"+key) || !strings.Contains(got, "_two"+key) {
		t.Errorf("the names are %s", got)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := names(t, url, "bellows_shadow_"); strings.Contains(got, "_one"+key) {
		t.Errorf("not dropped: %s", got)
	}
	// Later, somebody sweeps what is over: the second shadow and the template.
	later := open(t, shadow.Options{Beside: url, Run: "three" + key, Now: now.Add(25 * time.Hour)})
	if got := names(t, url, "bellows_"); strings.Contains(got, "_two"+key) || strings.Contains(got, "bellows_template_") {
		t.Errorf("not swept: %s", got)
	}
	if err := later.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestGivenDatabaseIsUsedAndKept(t *testing.T) {
	url := testdb.Postgres(t)
	s := open(t, shadow.Options{URL: url})
	if _, err := s.Conn.Exec(ctx, "create table t ()"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := postgres.Driver{}.Open(ctx, url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Exec(ctx, "drop table t"); err != nil {
		t.Error(err)
	}
}

func TestFilesLoadInAnyOrder(t *testing.T) {
	s := open(t, shadow.Options{URL: testdb.Postgres(t)})
	texts := []shadow.Text{
		{Name: "1.sql", SQL: "begin; create view v as select * from t;\ncreate table c (r int references s.t2 (id)); commit;"},
		{Name: "2.sql", SQL: "create table t (a int);\nset search_path = s;\ncreate table t2 (id int primary key);\nreset search_path;\ncreate schema s;"},
	}
	if err := shadow.Load(ctx, s.Conn, texts); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"select * from v", "select * from c", "select * from s.t2"} {
		if _, err := s.Conn.Exec(ctx, sql); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatDoesNotLoadIsNamed(t *testing.T) {
	s := open(t, shadow.Options{URL: testdb.Postgres(t)})
	err := shadow.Load(ctx, s.Conn, []shadow.Text{{Name: "a.sql", SQL: "create table t (a int);\n\ncreate view v as\n  select b from t;"}})
	if err == nil || !strings.Contains(err.Error(), "a.sql:4:10") || fault.CodeOf(err) != "postgres.42703" {
		t.Errorf("the error is %v", err)
	}
	if err := shadow.Load(ctx, s.Conn, []shadow.Text{{Name: "a.sql", SQL: "select 'open"}}); fault.CodeOf(err) != fault.SQLText {
		t.Errorf("an open quote: %v", err)
	}
}
