package fill_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// table is a table whose rows are worked out, by some key.
type shaped struct {
	name, create, insert string
	read, write, key     string
	engine               string // the only one that it is for
}

func shapes() []shaped {
	return []shaped{
		{name: "composite", create: "CREATE TABLE t (a int NOT NULL, b varchar(20) NOT NULL, n int, v int, PRIMARY KEY (a, b))",
			insert: "INSERT INTO t (a, b, n) VALUES (%[1]d %% 3, 'k''%[1]d', %[1]d)",
			read:   "SELECT a, b, n FROM t WHERE :chunk", write: "UPDATE t SET v = :v WHERE a = :a AND b = :b"},
		{name: "by another name", create: "CREATE TABLE t (id int NOT NULL PRIMARY KEY, n int, v int)",
			insert: "INSERT INTO t (id, n) VALUES (%[1]d, %[1]d)",
			read:   "SELECT id AS it, n FROM t WHERE :chunk", write: "UPDATE t SET v = :v WHERE id = :it"},
		{name: "uuid", engine: "postgres", create: "CREATE TABLE t (id uuid NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(), n int, v int)",
			insert: "INSERT INTO t (n) VALUES (%[1]d)", read: "SELECT id, n FROM t WHERE v IS NULL AND :chunk", write: "UPDATE t SET v = :v WHERE id = :id"},
		{name: "time", create: "CREATE TABLE t (id timestamp NOT NULL PRIMARY KEY, n int, v int)",
			insert: "INSERT INTO t (id, n) VALUES ('2026-11-19 10:00:%02[1]d', %[1]d)",
			read:   "SELECT id, n FROM t WHERE :chunk", write: "UPDATE t SET v = :v WHERE id = :id"},
		{name: "no key", engine: "postgres", create: "CREATE TABLE t (n int, v int)", insert: "INSERT INTO t (n) VALUES (%[1]d)", key: "bellows_key",
			read: "SELECT n FROM t WHERE v IS NULL AND :chunk", write: "UPDATE t SET v = :v WHERE n = :n"},
		{name: "partitions", engine: "postgres", create: "CREATE TABLE t (id int NOT NULL PRIMARY KEY, n int, v int) PARTITION BY RANGE (id); " +
			"CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (30); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (30) TO (100)",
			insert: "INSERT INTO t (id, n) VALUES (%[1]d, %[1]d)", read: "SELECT id, n FROM t WHERE :chunk", write: "UPDATE t SET v = :v WHERE id = :id"},
		{name: "join", create: "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int); CREATE TABLE u (id int NOT NULL PRIMARY KEY, n int)",
			insert: "INSERT INTO t (id) VALUES (%[1]d); INSERT INTO u VALUES (%[1]d, %[1]d)",
			read:   "SELECT t.id, u.n FROM t JOIN u ON u.id = t.id WHERE :chunk", write: "UPDATE t SET v = :v WHERE id = :id"},
		{name: "elsewhere", create: "CREATE TABLE t (id int NOT NULL PRIMARY KEY, n int, v int); CREATE TABLE w (id int NOT NULL PRIMARY KEY, v int)",
			insert: "INSERT INTO t (id, n, v) VALUES (%[1]d, %[1]d, %[1]d * 2)",
			read:   "SELECT id, n FROM t WHERE :chunk", write: "INSERT INTO w (id, v) VALUES (:id, :v)"},
	}
}

// TestShapes: rows of tables with keys of every kind, and of none, are worked out by
// a program and by a function, each once.
func TestShapes(t *testing.T) {
	interpreter(t, "python3")
	const rows = 60
	for _, e := range engines() {
		for _, s := range shapes() {
			if s.engine != "" && s.engine != e.name {
				continue
			}
			for _, by := range []string{"", "python3 testdata/shape.py"} {
				if by == "" && s.key != "" {
					continue
				}
				t.Run(e.name+"/"+s.name+"/"+by, func(t *testing.T) {
					t.Parallel()
					url := e.fresh(t)
					makeLedger(t, url)
					do(t, url, strings.Split(s.create, "; ")...)
					for i := range rows {
						do(t, url, strings.Split(fmt.Sprintf(s.insert, i), "; ")...)
					}
					sc := byLogic(s.read, s.write, check("SELECT 1 FROM t LEFT JOIN (SELECT -1 AS none) x ON 1 = 1 WHERE v IS NULL"))
					sc.Fill.Table, sc.Fill.Rows = "t", 20
					if sc.Fill.Program = by; by != "" {
						sc.Fill.Function = ""
					}
					if s.name == "elsewhere" {
						sc.Check = nil
					}
					o := logicOptions(url, each(func(row map[string]any) fill.Answer {
						row["v"] = row["n"].(int64) * 2
						return fill.Answer{Row: row}
					}))
					rep := filled(t, url, sc, o)
					right := map[string]string{"join": "SELECT COUNT(*) FROM t JOIN u ON u.id = t.id WHERE v = 2 * n",
						"elsewhere": "SELECT COUNT(*) FROM t JOIN w ON w.id = t.id WHERE w.v = 2 * n"}[s.name]
					if right == "" {
						right = "SELECT COUNT(*) FROM t WHERE v = 2 * n"
					}
					got := number(t, url, right)
					if got != rows || rep.Status.RowsChanged != rows {
						t.Errorf("%d rows are right, %d changed", got, rep.Status.RowsChanged)
					}
				})
			}
		}
	}
}

// TestTwice: a query that gives a row of the table more than once is refused.
func TestTwice(t *testing.T) {
	for _, e := range engines() {
		url := e.place(t, 5)
		do(t, url, "CREATE TABLE tags (post "+e.integer+")", "INSERT INTO tags VALUES (2), (3), (3)")
		c := session(t, url)
		_, err := fill.Plan(context.Background(), c, byLogic("SELECT p.id, p.a FROM posts p JOIN tags g ON g.post = p.id WHERE :chunk", writeOne), revision.Up, logicOptions(url, doubles()))
		c.Close()
		if err == nil || !strings.Contains(err.Error(), "the query gives row id=3 of posts more than once") || !strings.Contains(err.Error(), "7_fill.sql:2:1") {
			t.Errorf("%s: %v", e.name, err)
		}
	}
}

// TestBadStatements: what the server does not understand is told with its place
// before anything is recorded.
func TestBadStatements(t *testing.T) {
	for _, e := range engines() {
		url := e.place(t, 5)
		for _, tt := range []struct{ read, write, says string }{
			{"SELECT id, nosuch FROM posts WHERE :chunk", writeOne, "7_fill.sql:2:1"},
			{readAll, "UPDATE posts SET nosuch = :b WHERE id = :id", "7_fill.sql:9:1"},
			{"SELECT id, a, b AS a FROM posts WHERE :chunk", writeOne, "the query has two columns a"},
			{"SELECT id, a AS bellows_key FROM posts WHERE :chunk", writeOne, "the name bellows_key is one of ours"},
		} {
			c := session(t, url)
			_, err := fill.Plan(context.Background(), c, byLogic(tt.read, tt.write), revision.Up, logicOptions(url, doubles()))
			c.Close()
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %s; %s: %v", e.name, tt.read, tt.write, err)
			}
		}
	}
}

// TestWide: however wide rows are, no more of them is in memory than there may be,
// and each is worked out once.
func TestWide(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows, width, most = 120, 20000, 100000
			url := e.place(t, rows)
			do(t, url, "ALTER TABLE posts ADD COLUMN pad "+map[string]string{"mariadb": "longtext"}[e.name]+map[string]string{"postgres": "text", "sqlite": "text"}[e.name])
			wider := fmt.Sprintf("UPDATE posts SET pad = '%s' WHERE id > 20", strings.Repeat("x", width))
			do(t, url, "DROP TRIGGER posts_touch"+map[string]string{"postgres": " ON posts"}[e.name], wider)
			do(t, url, e.counts("posts", "id")...)
			var mu sync.Mutex
			asked, largest := map[int64]int{}, 0
			o := options(url)
			o.Logic.Bytes = most
			o.Logic.Functions = map[string]fill.Function{"double": func(_ context.Context, all []map[string]any) ([]fill.Answer, error) {
				mu.Lock()
				defer mu.Unlock()
				size := 0
				answers := make([]fill.Answer, len(all))
				for i, row := range all {
					asked[row["id"].(int64)]++
					if pad, ok := row["pad"].(string); ok {
						size += len(pad)
					}
					answers[i].Row = doubled(row)
				}
				largest = max(largest, size)
				return answers, nil
			}}
			p := planned(t, url, byLogic("SELECT id, a, pad FROM posts WHERE :chunk", writeOne), o)
			clear(asked)
			if _, err := fill.Work(context.Background(), p.ID, o); err != nil {
				t.Fatal(err)
			}
			once(t, url, rows)
			if largest > most || len(asked) != rows {
				t.Errorf("%d bytes at once; %d rows were asked about", largest, len(asked))
			}
			for id, n := range asked {
				if n != 1 {
					t.Errorf("row %d was asked about %d times", id, n)
				}
			}
		})
	}
}

// TestMany: several processes with several workers share the chunks.
func TestMany(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 3000
			url := e.place(t, rows)
			f := planned(t, url, byLogic(readAll, writeOne, spec(func(s *revision.FillSpec) { s.Rows, s.Workers = 20, 2 })), logicOptions(url, doubles()))
			var crew sync.WaitGroup
			for i := range 3 {
				crew.Go(func() {
					o := logicOptions(url, doubles())
					o.Process, o.Workers = fmt.Sprint("p", i), 2
					if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
						t.Error(err)
					}
				})
			}
			crew.Wait()
			once(t, url, rows)
		})
	}
}

// TestEditedProgram: another program, or another write section, is another backfill.
func TestEditedProgram(t *testing.T) {
	e := engines()[0]
	url := e.place(t, 10)
	o := logicOptions(url, doubles())
	planned(t, url, byLogic(readAll, writeOne), o)
	for _, s := range []revision.Script{byLogic(readAll, writeHalf), byProgram(t, "")} {
		c := session(t, url)
		_, err := fill.Plan(context.Background(), c, s, revision.Up, o)
		c.Close()
		if !fault.Has(err, fault.Edited) {
			t.Error(err)
		}
	}
}
