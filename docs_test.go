package bellows_test

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/draw"
)

var update = flag.Bool("update", false, "rewrite the pictures of the documents")

// TestPicture: the picture in README is what the program draws of a database
// that has gone up to the merge, from the files of examples/branches.
func TestPicture(t *testing.T) {
	ctx := context.Background()
	m, err := bellows.Open(ctx, testdb.SQLite(t), bellows.Options{Dir: "examples/branches/migrations"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(ctx, "20261105090000"); err != nil {
		t.Fatal(err)
	}
	g, applied, err := m.LiveGraph(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := draw.SVG(g, draw.Of(g, revision.NewSet(applied...)))
	if *update {
		if err := os.WriteFile("docs/graph.svg", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("docs/graph.svg")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("docs/graph.svg is not what is drawn; go test . -run TestPicture -update")
	}
}
