package backfill_test

import (
	"math"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/backfill"
)

// TestChoose: the way through a table, and the reason that is told.
func TestChoose(t *testing.T) {
	span := func(n uint64) *uint64 { return &n }
	id := backfill.Key{Name: "posts_pkey", Primary: true, Columns: []backfill.Column{{Name: "id", Integer: true}}, Correlation: 1}
	uuid := backfill.Key{Name: "posts_pkey", Primary: true, Columns: []backfill.Column{{Name: "id", Kind: "uuid"}}, Correlation: 0.01}
	unknown := uuid
	unknown.Correlation = 2
	two := backfill.Key{Name: "two", Columns: []backfill.Column{{Name: "a", Integer: true}, {Name: "b", Desc: true}}, Correlation: 1}
	pages := &backfill.Key{Name: "ctid", Columns: []backfill.Column{{Name: "ctid"}}}
	tests := []struct {
		name             string
		table            backfill.Table
		wish             backfill.Wish
		strategy, reason string
	}{
		{"dense", backfill.Table{Keys: []backfill.Key{id}, Rows: 1000, Span: span(1500)}, backfill.Wish{}, backfill.Arithmetic, "few gaps"},
		{"sparse", backfill.Table{Keys: []backfill.Key{id}, Rows: 1000, Span: span(9000)}, backfill.Wish{}, backfill.Probe, "many gaps"},
		{"from end to end", backfill.Table{Keys: []backfill.Key{id}, Rows: math.MaxInt64, Span: span(math.MaxUint64)}, backfill.Wish{}, backfill.Arithmetic, "few gaps"},
		{"two at both ends", backfill.Table{Keys: []backfill.Key{id}, Rows: 2, Span: span(math.MaxUint64)}, backfill.Wish{}, backfill.Probe, "many gaps"},
		{"two columns", backfill.Table{Keys: []backfill.Key{two}, Rows: 1000}, backfill.Wish{}, backfill.Probe, "different direction"},
		{"scattered and large", backfill.Table{Keys: []backfill.Key{uuid}, Pages: pages, Rows: 1e6, Bytes: 1 << 27}, backfill.Wish{Repeats: true}, backfill.Pages, "no order of id (correlation 0.01)"},
		{"scattered and small", backfill.Table{Keys: []backfill.Key{uuid}, Pages: pages, Rows: 1e6, Bytes: 1 << 20}, backfill.Wish{Repeats: true}, backfill.Probe, "primary key id"},
		{"scattered, and not to be run twice", backfill.Table{Keys: []backfill.Key{uuid}, Pages: pages, Rows: 1e6, Bytes: 1 << 27}, backfill.Wish{}, backfill.Probe, "primary key id"},
		{"not analyzed", backfill.Table{Keys: []backfill.Key{unknown}, Pages: pages, Rows: 1e6, Bytes: 1 << 27}, backfill.Wish{Repeats: true}, backfill.Probe, "primary key id"},
		{"asked for", backfill.Table{Keys: []backfill.Key{uuid}, Pages: pages, Rows: 1e6, Bytes: 1 << 27}, backfill.Wish{Repeats: true, Columns: []string{"id"}}, backfill.Probe, "asked for: id"},
		{"no key", backfill.Table{Pages: pages, Rows: 10}, backfill.Wish{Repeats: true}, backfill.Pages, "no usable key"},
	}
	for _, test := range tests {
		c, err := backfill.Choose(test.table, test.wish)
		if err != nil || c.Strategy != test.strategy || !strings.Contains(c.Reason, test.reason) {
			t.Errorf("%s: %+v, %v", test.name, c, err)
		}
	}
	for _, table := range []backfill.Table{{}, {Pages: pages}} {
		if c, err := backfill.Choose(table, backfill.Wish{Table: "posts"}); err == nil || !strings.Contains(err.Error(), "has no key") {
			t.Errorf("%+v, %v", c, err)
		}
	}
}
