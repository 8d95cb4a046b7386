package compare_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
)

func TestShapesAreReadComparedAndWritten(t *testing.T) {
	ctx := context.Background()
	c, err := postgres.Driver{}.Open(ctx, testdb.Postgres(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before, err := compare.Inspect(ctx, c, db.Inspection{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "create table t (id int primary key)"); err != nil {
		t.Fatal(err)
	}
	after, err := compare.Inspect(ctx, c, db.Inspection{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := compare.Diff(c.Dialect(), before, after, diff.Options{Ignore: []string{schema.Owner}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Up.SQL(), "CREATE TABLE public.t") || r.Down.SQL() != "DROP TABLE public.t;\n" || r.Class != diff.Exact || len(r.UpFrame.Inside) != len(r.Up.Statements) {
		t.Errorf("%s%s%s", r.Up.SQL(), r.Down.SQL(), r.Class)
	}
	p, err := compare.Render(c.Dialect(), after)
	if err != nil || !strings.Contains(p.SQL(), "OWNER TO ") {
		t.Errorf("%v\n%s", err, p.SQL())
	}
	if _, err := compare.Diff(c.Dialect(), before, schema.New("other", 1, nil), diff.Options{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("shapes of two databases: %v", err)
	}
	if err := compare.Strict(schema.New("x", 1, nil, schema.Unmodelled{Kind: "large object", Name: "7"})); fault.CodeOf(err) != fault.Unsupported {
		t.Errorf("strict: %v", err)
	}
}
