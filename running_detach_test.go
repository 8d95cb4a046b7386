package bellows_test

import (
	"testing"

	"github.com/bellowsdb/bellows"
)

// A partition is detached concurrently in two transactions; between them it is
// pending. What was begun there, by whoever, is finished; what a killed run had
// begun or done is found out.
func TestDetachConcurrently(t *testing.T) {
	t.Parallel()
	begin := func(o, reader other) { // leaves it pending, as a run that ends while it waits for a reader
		reader.do("BEGIN", "SELECT * FROM log")
		o.do("SET lock_timeout = '50ms'")
		if _, err := o.Exec(patient(t), "ALTER TABLE log DETACH PARTITION log_1 CONCURRENTLY"); err == nil {
			t.Error("it did not wait for the reader")
		}
		reader.do("COMMIT")
	}
	for name, c := range map[string]struct {
		kill   bool
		before func(o, reader other)
	}{
		"nothing was begun":          {before: func(_, _ other) {}},
		"somebody has begun":         {before: begin},
		"a killed run had not begun": {kill: true, before: func(_, _ other) {}},
		"a killed run had begun":     {kill: true, before: begin},
		"a killed run had it done":   {kill: true, before: func(o, _ other) { o.do("ALTER TABLE log DETACH PARTITION log_1 CONCURRENTLY") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := onPostgres.fresh(t)
			o := another(t, url)
			o.do("CREATE TABLE log (at int) PARTITION BY RANGE (at)", "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10)")
			dir := writeFiles(t, each("CREATE TABLE before (id int);", "ALTER TABLE log DETACH PARTITION log_1 CONCURRENTLY;", "CREATE TABLE after (id int);"))
			if c.kill {
				if _, _, killed := (child{URL: url, Dir: dir, Verb: "up", Target: "head", KillAt: 1, KillName: "intent recorded"}).run(t); !killed {
					t.Fatal("it was not killed")
				}
			}
			c.before(o, another(t, url))
			m := migrator(t, url, bellows.Options{Dir: dir})
			up(t, m)
			equal(t, "partitions", o.one("SELECT count(*) FROM pg_inherits"), "0")
			equal(t, "tables", o.one("SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"), "after before log log_1")
			equal(t, "states", states(t, m), "1 applied")
		})
	}
}
