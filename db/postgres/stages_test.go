package postgres_test

import (
	"testing"

	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// TestShapesInStages takes every scenario as if all its tables were large: each leg
// leads to the shape that it says, and its way back to where it began.
func TestShapesInStages(t *testing.T) {
	server := testdb.PostgresServer(t)
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a, b := newShaper(t, server), newShaper(t, server)
			a.load(s.parts["both"] + s.parts["a"])
			b.load(s.parts["both"] + s.parts["b"])
			from, to := a.inspect(), b.inspect()
			l := own.Language{Dialect: own.New(from.Version)}
			o := diff.Options{Staging: diff.Always}
			up, down, class, err := diff.Both(from, to, l, o)
			if err != nil {
				t.Fatal(err)
			}
			legs, err := diff.Legs(from, to, up, down, class, l, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(legs) < 2 {
				return
			}
			for _, leg := range legs {
				p := diff.Plan{Statements: leg.Up}
				t.Logf("%s %v\n%s", leg.Stage, leg.UpMode, p.SQL())
				a.run("up", p)
				same(t, leg.Stage.String(), a.inspect(), leg.After, p)
			}
			for i := len(legs) - 1; i >= 0; i-- {
				p := diff.Plan{Statements: legs[i].Down}
				t.Logf("%s %v\n%s", legs[i].Stage, legs[i].DownMode, p.SQL())
				a.run("down", p)
				same(t, "back from "+legs[i].Stage.String(), a.inspect(), legs[i].Before, p)
			}
		})
	}
}
