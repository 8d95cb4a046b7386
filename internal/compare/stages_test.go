package compare_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
)

// A large table is changed in migrations that hold no lock for long, a small one in
// one; the sizes are those that the server tells.
func TestLargeTablesAreChangedInStages(t *testing.T) {
	b := benches(t)["postgres"]
	const start = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, a int, old text, n varchar(9)); INSERT INTO t (id, a) SELECT g, g FROM generate_series(1, %) g; ANALYZE t;"
	b.exec(strings.ReplaceAll(start, "%", "20000") + "ALTER TABLE t ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid(), ALTER COLUMN a SET NOT NULL, ADD CHECK (a > 0), ADD CONSTRAINT u UNIQUE (a), DROP COLUMN old, ALTER COLUMN n TYPE int USING n::int; CREATE INDEX i ON t (n)")
	to := b.shape()
	b.exec("DROP TABLE t; DROP TABLE p; " + strings.ReplaceAll(start, "%", "20000"))
	from := b.shape()
	sizes, err := compare.Sizes(context.Background(), b.c)
	if err != nil || sizes[schema.ID{Kind: schema.Table, Schema: "public", Name: "t"}].Rows != 20000 {
		t.Fatalf("%v: %v", sizes, err)
	}
	names := func(o diff.Options) (all string, r compare.Result) {
		r, err := compare.Diff(b.c.Dialect(), from, to, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Parts {
			all += p.Name + " "
		}
		return all, r
	}
	if got, _ := names(diff.Options{}); got != " " {
		t.Errorf("nothing is known of sizes: %s", got)
	}
	if got, _ := names(diff.Options{Sizes: sizes, Small: schema.Size{Rows: 20000, Bytes: 1 << 30}}); got != " " {
		t.Errorf("small: %s", got)
	}
	got, r := names(diff.Options{Sizes: sizes})
	want := "add fill tighten contract "
	if from.Version >= 180000 {
		want = "add fill validate contract " // there NOT NULL is a constraint that can be validated
	}
	if got != want {
		t.Errorf("large: %q, not %q", got, want)
	}
	instead := ""
	for _, s := range r.Up.Statements {
		instead += s.Instead
	}
	if !strings.Contains(instead, "-- migrate:change table:public.t old:n new:n_new") {
		t.Errorf("no change is proposed for another type: %q", instead)
	}
	fills := 0
	for _, p := range r.Parts {
		if p.Stage == diff.Fill {
			fills++
			if p.Table != "public.t" || !strings.Contains(p.Text(), "IS NULL AND :chunk;") {
				t.Errorf("a backfill that is none: %s", p.Text())
			}
			continue
		}
		steps(t, b.c.Dialect(), p.Text(), revision.Up)
		steps(t, b.c.Dialect(), p.Text(), revision.Down)
		if touch := p.Budget(); touch.Scans && touch.StopsReads && !strings.Contains(p.UpSQL, " TYPE integer") {
			t.Errorf("%s reads %s under a lock:\n%s", p.Name, touch.Table, p.UpSQL)
		}
	}
	if fills != 1 {
		t.Errorf("%d backfills in %s", fills, got)
	}
	if _, err := compare.Prove(context.Background(), compare.Proof{Clone: b.c, From: from, To: to, Parts: r.Parts}); err != nil {
		t.Error(err)
	}
}

// A plan that is not what it says is refused, with the statement.
func TestAPlanThatLiesIsNotProven(t *testing.T) {
	b := benches(t)["postgres"]
	b.exec("CREATE TABLE t (id int, a int)")
	from := b.shape()
	b.exec("ALTER TABLE t ALTER COLUMN a TYPE bigint")
	to := b.shape()
	b.exec("ALTER TABLE t ALTER COLUMN a TYPE int")
	r, err := compare.Diff(b.c.Dialect(), from, to, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	part := func(change func(*diff.Statement)) []compare.Part {
		p := r.Parts[0]
		p.Leg.Up = append([]diff.Statement(nil), p.Leg.Up...)
		change(&p.Leg.Up[0])
		return []compare.Part{p}
	}
	for want, change := range map[string]func(*diff.Statement){
		"it takes the lock ACCESS EXCLUSIVE on public.t, and the plan says none": func(s *diff.Statement) { s.Effect.Touches = nil },
		"it writes public.t anew, and the plan does not say so":                  func(s *diff.Statement) { s.Effect.Touches[0].Rewrites = false },
		"leads elsewhere": func(s *diff.Statement) { s.SQL = "COMMENT ON TABLE t IS NULL" },
		"running":         func(s *diff.Statement) { s.SQL += " nonsense" },
	} {
		p := compare.Proof{Clone: b.c, From: from, To: to, Parts: part(func(s *diff.Statement) {
			s.Effect.Touches = append(s.Effect.Touches[:0:0], s.Effect.Touches...)
			change(s)
		})}
		if _, err := compare.Prove(context.Background(), p); fault.CodeOf(err) != fault.Finding || (want != "running" && !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if c, err := compare.Prove(context.Background(), compare.Proof{Clone: b.c, From: from, To: to, Parts: r.Parts}); err != nil || !c.Back || c.Locked == 0 {
		t.Errorf("%v: %v", c, err)
	}
	if _, err := compare.Prove(context.Background(), compare.Proof{Clone: b.c, From: from, To: to, Parts: r.Parts}); fault.CodeOf(err) != fault.Finding {
		t.Errorf("a clone of another shape: %v", err)
	}
}

// The order of what is in a dump, of columns, rights and options is no part of a
// shape; all else is.
func TestDumpsAreComparedWithoutOrder(t *testing.T) {
	b := benches(t)["sqlite"]
	shape := b.shape()
	const text = "SET x;\n\n--\n-- Name: a; Type: TABLE\n--\n\nCREATE TABLE a (\n    x int,\n    y int\n)\nWITH (f='1', g='2');\n\n\n" +
		"--\n-- Name: TABLE a; Type: ACL\n--\n\nGRANT SELECT ON TABLE a TO u;\nGRANT ALL ON TABLE a TO v;\n\n\n--\n-- Name: b; Type: TABLE\n--\n\nCREATE TABLE b (\n    z int\n);\n\n\n--\n-- done\n"
	swap := func(one, two string) string {
		return strings.NewReplacer(one, two, two, one).Replace(text)
	}
	for what, c := range map[string]struct {
		text string
		same bool
	}{
		"equal":    {text, true},
		"columns":  {strings.Replace(text, "    x int,\n    y int\n", "    y int,\n    x int\n", 1), true},
		"options":  {swap("f='1'", "g='2'"), true},
		"rights":   {swap("GRANT SELECT ON TABLE a TO u;", "GRANT ALL ON TABLE a TO v;"), true},
		"entries":  {swap("-- Name: TABLE a; Type: ACL\n--\n\nGRANT SELECT ON TABLE a TO u;\nGRANT ALL ON TABLE a TO v;\n", "-- Name: a; Type: TABLE\n--\n\nCREATE TABLE a (\n    x int,\n    y int\n)\nWITH (f='1', g='2');\n"), true},
		"a type":   {strings.Replace(text, "y int", "y bigint", 1), false},
		"a right":  {strings.Replace(text, "GRANT ALL", "GRANT INSERT", 1), false},
		"a value":  {strings.Replace(text, "g='2'", "g='3'", 1), false},
		"one less": {strings.Replace(text, "    y int\n", "", 1), false},
	} {
		cert, err := compare.Prove(context.Background(), compare.Proof{Clone: b.c, From: shape, To: shape, Wanted: text,
			Dump: func(context.Context) (string, error) { return c.text, nil }})
		if c.same && (err != nil || !cert.Dumped) || !c.same && (err == nil || !strings.Contains(err.Error(), "another client sees")) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// On MariaDB a plan says of a table that is large how much is copied, and of a small
// one only that it is.
func TestACopySaysHowMuchItIs(t *testing.T) {
	b := benches(t)["mariadb"]
	const start = "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int); CREATE TABLE u (id int NOT NULL PRIMARY KEY, a int);"
	b.exec(start + "ALTER TABLE t MODIFY a bigint; ALTER TABLE u MODIFY a bigint")
	to := b.shape()
	b.exec("DROP TABLE t, u; " + start + "INSERT INTO t SELECT seq, seq FROM seq_1_to_20000; INSERT INTO u VALUES (1, 1); ANALYZE TABLE t, u")
	sizes, err := compare.Sizes(context.Background(), b.c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := compare.Diff(b.c.Dialect(), b.shape(), to, diff.Options{Sizes: sizes})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, h := range r.Up.Hazards() {
		if h.Code == diff.RewritesTable {
			said[h.Object.Name] = h.Text
		}
	}
	if !regexp.MustCompile(`^the server copies the table: about (19|2\d)\d{3} rows, \d+ MB$`).MatchString(said["t"]) || said["u"] != "the server copies the table" {
		t.Errorf("%q", said)
	}
	for _, s := range r.Up.Statements {
		if !strings.HasSuffix(s.SQL, "ALGORITHM=COPY, LOCK=SHARED") {
			t.Errorf("it does not say what the server may do: %s", s.SQL)
		}
	}
}
