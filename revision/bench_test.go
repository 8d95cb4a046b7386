package revision

import (
	"fmt"
	"testing"
	"time"
)

// shape is how the revisions of a benchmark hang together.
type shape string

const (
	implied  shape = "implied"
	explicit shape = "explicit"
	twisted  shape = "twisted" // ids against the order, so that it must be sorted
)

func chain(n int, s shape) []Revision {
	revs := make([]Revision, n)
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range revs {
		revs[i] = Revision{ID: NewID(at.Add(time.Duration(i) * time.Minute)), Name: "name", Kind: Schema, Implied: s == implied}
	}
	for i := range revs {
		switch {
		case s == explicit && i > 0:
			revs[i].Parents = []ID{revs[i-1].ID}
		case s == twisted && i+1 < n:
			revs[i].Parents = []ID{revs[i+1].ID}
		}
	}
	return revs
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{5_000, 100_000} {
		for _, s := range []shape{implied, explicit, twisted} {
			b.Run(fmt.Sprintf("%d/%s", n, s), func(b *testing.B) {
				revs := chain(n, s)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := New(revs); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkUpNothingPending(b *testing.B) {
	for _, n := range []int{5_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g, err := New(chain(n, implied))
			if err != nil {
				b.Fatal(err)
			}
			list := g.Order()
			b.ReportAllocs()
			for b.Loop() {
				view, list, _ := g.Effective(list)
				applied := NewSet(list...)
				to, err := view.Target("heads", applied)
				if err != nil {
					b.Fatal(err)
				}
				if moves, err := view.Up(applied, to); err != nil || len(moves) > 0 {
					b.Fatal(moves, err)
				}
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	g, err := New(chain(5_000, explicit))
	if err != nil {
		b.Fatal(err)
	}
	applied := NewSet(g.Order()[:4_000]...)
	for _, expr := range []string{"head", "+1", "-1", "20200102", "20200101000100", "2020010100010x", "head-100"} {
		b.Run(expr, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = g.Resolve(expr, applied)
			}
		})
	}
}
