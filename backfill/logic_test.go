package backfill_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

func logic(read, write string) revision.Script {
	s := script("posts", read)
	s.Fill.Program = "rows"
	s.Fill.Write = &revision.Section{SQL: write, At: fault.Pos{File: "7_x.sql", Line: 5}}
	return s
}

// TestLogic: what the two statements of a program's backfill are made into.
func TestLogic(t *testing.T) {
	id := backfill.Key{Columns: []backfill.Column{{Name: "id", Kind: "bigint", Integer: true}}}
	tests := []struct {
		read, write string
		query       string // with K for our columns, C for the condition and T behind it
		all         string // with P1, P2 for the parameters' columns, "" for one by one
		pins        bool
		single      bool
		check       string
	}{
		{read: "SELECT id, a FROM posts WHERE loc IS NULL AND :chunk", write: "UPDATE posts SET loc = :loc WHERE id = :id",
			query: "SELECT K,  id, a FROM posts WHERE loc IS NULL AND C\nT", all: "UPDATE posts SET loc = P1 FROM R WHERE ( id = P2\n) AND X", pins: true, single: true,
			check: "SELECT K FROM posts WHERE loc IS NULL AND C"},
		{read: "SELECT ALL p.id, upper(p.a) AS a FROM posts AS p WHERE :chunk AND a > 1", write: "UPDATE posts AS q SET loc = f(:loc, q.b), n = n + 1 WHERE :id = q.id AND q.b < 3",
			query: "SELECT ALL K,  p.id, upper(p.a) AS a FROM posts AS p WHERE C AND a > 1\nT",
			all:   "UPDATE posts AS q SET loc = f(P1, q.b), n = n + 1 FROM R WHERE ( P2 = q.id AND q.b < 3\n) AND X", pins: true, single: true},
		{read: "SELECT id FROM posts WHERE :chunk", write: "DELETE FROM posts WHERE id = :id AND :gone",
			query: "SELECT K,  id FROM posts WHERE C\nT", all: "DELETE FROM posts USING R WHERE ( id = P1 AND P2\n) AND X", pins: true, single: true,
			check: "SELECT K FROM posts WHERE C"},
		{read: "SELECT p.id, u.name FROM posts p JOIN users u ON u.id = p.author WHERE :chunk", write: "UPDATE posts SET name = :name FROM users u WHERE posts.id = :id AND u.id = posts.author",
			query: "SELECT K,  p.id, u.name FROM posts p JOIN users u ON u.id = p.author WHERE C\nT",
			all:   "UPDATE posts SET name = P1 FROM R,  users u WHERE ( posts.id = P2 AND u.id = posts.author\n) AND X", pins: true},
		{read: "SELECT id, (SELECT name FROM users u WHERE u.id = author) AS n FROM posts WHERE :chunk", write: "UPDATE posts SET n = :n WHERE id IN (:id)",
			query: "SELECT K,  id, (SELECT name FROM users u WHERE u.id = author) AS n FROM posts WHERE C\nT", all: "UPDATE posts SET n = P1 FROM R WHERE ( id IN (P2)\n) AND X"},
		{read: "SELECT id FROM posts WHERE :chunk", write: "INSERT INTO other (id, v) VALUES (:id, :v)", query: "SELECT K,  id FROM posts WHERE C\nT", single: true},
		{read: "SELECT id FROM posts WHERE :chunk", write: "UPDATE other SET v = :v WHERE id = :id", query: "SELECT K,  id FROM posts WHERE C\nT", single: true},
		{read: "SELECT id FROM posts WHERE :chunk", write: "UPDATE posts SET a = :a WHERE id = :id OR id = 0", query: "SELECT K,  id FROM posts WHERE C\nT",
			all: "UPDATE posts SET a = P1 FROM R WHERE ( id = P2 OR id = 0\n) AND X", single: true},
	}
	d := postgres.New(150000)
	for _, tt := range tests {
		task, err := backfill.Read(d, logic(tt.read, tt.write), revision.Up)
		if err != nil {
			t.Errorf("%s: %v", tt.read, err)
			continue
		}
		s, w := task.Logic.Select, task.Logic.Write
		if got := s.SQL("K", "C", "", "T"); got != tt.query {
			t.Errorf("the query is\n%s\nnot\n%s", got, tt.query)
		}
		places := []string{"P1", "P2"}
		if got, _ := w.All("R", places, "X"); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(tt.all), " ") {
			t.Errorf("the write is\n%s\nnot\n%s", got, tt.all)
		}
		if w.Pins(id) != tt.pins || s.Single != tt.single {
			t.Errorf("%s: pins %v, single %v", tt.write, w.Pins(id), s.Single)
		}
		check := ""
		if len(task.Checks) > 0 {
			check = task.Checks[0].SQL("K", "C")
		}
		if check != tt.check {
			t.Errorf("the check is %q, not %q", check, tt.check)
		}
	}
}

// TestBadLogic: what cannot be run is refused with its place.
func TestBadLogic(t *testing.T) {
	good, write := "SELECT id FROM posts WHERE :chunk", "UPDATE posts SET a = :a WHERE id = :id"
	tests := []struct{ read, write, want string }{
		{"UPDATE posts SET a = 1 WHERE :chunk", write, "7_x.sql:2:1: the rows of a chunk are read by a SELECT, and this is UPDATE"},
		{"WITH x AS (SELECT 1) SELECT id FROM posts WHERE :chunk", write, "7_x.sql:2:1: the rows of a chunk are read by a SELECT"},
		{"SELECT id FROM posts", write, "7_x.sql:2:1: this statement has no :chunk"},
		{"SELECT id FROM posts WHERE :chunk\nORDER BY id", write, "7_x.sql:3:1: ORDER has no place in the query of a backfill"},
		{"SELECT id FROM posts WHERE :chunk LIMIT 5", write, "7_x.sql:2:35: LIMIT has no place"},
		{"SELECT DISTINCT id FROM posts WHERE :chunk", write, "7_x.sql:2:8: DISTINCT has no place"},
		{"SELECT count(*) FROM posts WHERE :chunk", write, "7_x.sql:2:8: COUNT has no place"},
		{"SELECT id FROM posts WHERE :chunk FOR UPDATE", write, "7_x.sql:2:35: FOR has no place"},
		{"SELECT id FROM posts WHERE id IN (SELECT id FROM posts WHERE :chunk)", write, ":chunk stands in a subquery"},
		{"SELECT id FROM posts WHERE a OR :chunk", write, "OR beside :chunk would touch rows outside the chunk"},
		{"SELECT id FROM other WHERE :chunk", write, "the statement does not name posts"},
		{"SELECT id FROM posts WHERE :chunk; SELECT 1", write, "7_x.sql:2:36: there is one statement here"},
		{"-- nothing", write, "here is nothing"},
		{good, "SELECT :a", "7_x.sql:5:1: SELECT writes nothing"},
		{good, "UPDATE posts SET a = 1", "7_x.sql:5:1: this statement takes nothing of an answer"},
		{good, "UPDATE posts SET a = $1 WHERE id = :id", "7_x.sql:5:22: $1 has no name"},
		{good, "UPDATE posts SET a = :a WHERE :chunk", "7_x.sql:5:31: there is no :chunk in a write section"},
		{good, "DROP TABLE posts", "a backfill changes rows, and DROP TABLE changes the schema"},
		{good, "COMMIT", "each chunk is a transaction of its own, and COMMIT would end it"},
		{good, write + "; " + write, "7_x.sql:5:41: there is one statement here"},
	}
	for _, tt := range tests {
		_, err := backfill.Read(postgres.New(150000), logic(tt.read, tt.write), revision.Up)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s; %s: %v", tt.read, tt.write, err)
		}
	}
}

// TestMembers: what lines are answers.
func TestMembers(t *testing.T) {
	got, err := backfill.Members([]byte(` { "a" : 1 , "b\u0041":"x\"}" ,"c":{"d":[1,"]"]}, "e":[] , "f":null}`[1:]), nil)
	want := []string{`a=1`, `bA="x\"}"`, `c={"d":[1,"]"]}`, `e=[]`, `f=null`}
	var shown []string
	for _, m := range got {
		shown = append(shown, m.Name+"="+string(m.Value))
	}
	if err != nil || !slices.Equal(shown, want) {
		t.Errorf("%q, %v", shown, err)
	}
	for _, line := range []string{"", "[]", "x", `{"a":1`, `{"a":1}}`, `{"a":1,"a":2}`, `{"a":}`, `"x"`, `{'a':1}`, "{\"a\":\"\x01\"}"} {
		if _, err := backfill.Members([]byte(line), nil); err == nil {
			t.Errorf("%s is an answer", line)
		}
	}
}

// FuzzMembers: whatever a program writes, it is read as encoding/json reads it.
func FuzzMembers(f *testing.F) {
	for _, line := range []string{`{"a":1,"b":[{"c":"}"}]}`, `{}`, `{"a":"\\"}`, `{"a" : -1.5e3 }`, `{"\"":{}}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := backfill.Members(line, nil)
		var want map[string]json.RawMessage
		if bad := json.Unmarshal(line, &want); bad != nil || want == nil {
			if err == nil && line[0] == '{' {
				t.Errorf("%q is an answer", line)
			}
			return
		}
		if err != nil {
			if !strings.Contains(err.Error(), "twice") && line[0] == '{' {
				t.Errorf("%q: %v", line, err)
			}
			return
		}
		for _, m := range got {
			if w, ok := want[m.Name]; ok && string(w) != string(m.Value) {
				t.Errorf("%q: %s is %q, not %q", line, m.Name, m.Value, w)
			}
		}
		if len(got) < len(want) {
			t.Errorf("%q: %d of %d", line, len(got), len(want))
		}
	})
}

// FuzzText: any text goes out as JSON and comes back as itself.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\"b\\", "\x00\x1f\x7f", "ü😀", "\xff\xfe", "Infinity"} {
		f.Add(s)
	}
	d := sqlite.New(3045000)
	own := dialect.Type{Kind: dialect.Own}
	f.Fuzz(func(t *testing.T, s string) {
		line := backfill.AppendJSON(nil, d, own, dialect.Cell{Text: []byte(s)})
		if !json.Valid(line) || strings.ContainsAny(string(line), "\n\r") {
			t.Fatalf("%q is %q", s, line)
		}
		back, err := backfill.ReadJSON(line, d, own)
		if err != nil || back.Null || string(back.Text) != s {
			t.Errorf("%q came back as %q, %v", s, back.Text, err)
		}
	})
}

// FuzzLists: any array goes out as text and comes back as itself.
func FuzzLists(f *testing.F) {
	f.Add("a", "NULL", `q"\{},`)
	d := postgres.New(150000)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		cells := []dialect.Cell{{Text: []byte(a)}, {Null: true}, {Text: []byte(b)}, {Text: []byte(c)}}
		back, ok := d.ListCells([]byte(d.ListText(cells)))
		if !ok || len(back) != 4 || string(back[0].Text) != a || !back[1].Null || string(back[2].Text) != b || string(back[3].Text) != c {
			t.Errorf("%v became %v", cells, back)
		}
	})
}

// TestBeside: a table of answers stands beside the one that is updated only where
// they are assigned as they are, or name its row.
func TestBeside(t *testing.T) {
	d := mysql.New(mysql.MariaDB, 0)
	for write, want := range map[string]string{
		"UPDATE posts SET a = :a, n = n + 1 WHERE id = :id":                       "UPDATE posts , R SET a = P1, n = n + 1 WHERE ( id = P2 ) AND X",
		"UPDATE posts p SET p.a = :a WHERE :id = p.id AND p.n < 3":                "UPDATE posts p , R SET p.a = P1 WHERE ( P2 = p.id AND p.n < 3 ) AND X",
		"UPDATE posts SET a = :a + 1 WHERE id = :id":                              "",
		"UPDATE posts SET a = f(:a) WHERE id = :id":                               "",
		"UPDATE posts SET a = :a WHERE id = :id OR n = 1":                         "",
		"UPDATE posts SET a = :a WHERE id = :id AND n < :a":                       "",
		"UPDATE posts, users SET posts.a = :a WHERE posts.id = :id":               "",
		"UPDATE posts p JOIN users u ON u.id = p.u SET p.a = :a WHERE p.id = :id": "",
		"DELETE FROM posts WHERE id = :id AND :a":                                 "",
	} {
		task, err := backfill.Read(d, logic("SELECT id, a FROM posts WHERE :chunk", write), revision.Up)
		if err != nil {
			t.Errorf("%s: %v", write, err)
			continue
		}
		got, ok := task.Logic.Write.Beside("R", []string{"P1", "P2"}, "X")
		if got = strings.Join(strings.Fields(got), " "); got != want || ok != (want != "") {
			t.Errorf("%s gives %q, %v", write, got, ok)
		}
	}
}
