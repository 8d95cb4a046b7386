package backfill_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/dialect"
)

func TestPace(t *testing.T) {
	ms := func(rows int64, took int) backfill.Sample {
		return backfill.Sample{Rows: rows, Took: time.Duration(took) * time.Millisecond}
	}
	steady := slices.Repeat([]backfill.Sample{ms(1000, 100)}, 10)
	tests := []struct {
		name string
		pace backfill.Pace
		last []backfill.Sample
		want int64
	}{
		{"the first chunk", backfill.Pace{}, nil, 100},
		{"the first chunk, asked for", backfill.Pace{First: 5000}, nil, 5000},
		{"nothing known yet", backfill.Pace{Size: 100}, nil, 100},
		{"it may grow by half", backfill.Pace{Size: 100}, []backfill.Sample{ms(100, 1)}, 151},
		{"on target", backfill.Pace{Size: 1000}, steady, 1000},
		{"another target", backfill.Pace{Size: 1000, Target: 50 * time.Millisecond}, steady, 500},
		{"a target beyond the least", backfill.Pace{Size: 1000, Target: time.Millisecond}, steady, 500},
		{"above twice the target", backfill.Pace{Size: 1000}, []backfill.Sample{ms(1000, 250)}, 500},
		{"above five times", backfill.Pace{Size: 1000}, []backfill.Sample{ms(1000, 501)}, 100},
		{"never below a row", backfill.Pace{Size: 1}, []backfill.Sample{ms(1, 9000)}, 1},
		{"never above the ceiling", backfill.Pace{Size: 50000}, []backfill.Sample{ms(50000, 1)}, 50000},
		{"a ceiling that was set", backfill.Pace{Size: 400, Ceiling: 300}, []backfill.Sample{ms(400, 1)}, 300},
		{"a share of a small table", backfill.Pace{Size: 5000, Rows: 150000}, []backfill.Sample{ms(5000, 1)}, 1000},
		{"shared by two", backfill.Pace{Size: 5000, Rows: 150000, Workers: 2}, []backfill.Sample{ms(5000, 1)}, 500},
		{"half the rows took as long", backfill.Pace{Size: 50}, []backfill.Sample{ms(100, 260), ms(50, 255)}, 76},
		{"half the rows took half as long", backfill.Pace{Size: 50}, []backfill.Sample{ms(100, 1000), ms(50, 501)}, 5},
		{"one slow chunk of ten counts not", backfill.Pace{Size: 1000}, append([]backfill.Sample{ms(1000, 190)}, steady[1:]...), 1000},
	}
	for _, test := range tests {
		if got := test.pace.Next(test.last); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestPaceComesToRest: whatever a transaction and a row cost, the size comes to
// where the target is kept, or, where the transaction alone takes longer than that,
// to where the rows add no more than as much again; and it does not wither there.
func TestPaceComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := time.Duration(rapid.IntRange(20, 500).Draw(t, "target")) * time.Millisecond
		fixed := time.Duration(rapid.IntRange(0, int(8*target/time.Microsecond)).Draw(t, "fixed")) * time.Microsecond
		row := time.Duration(rapid.SampledFrom([]int{2, 20, 200, 2000, 20000, 200000, 2000000}).Draw(t, "row")) * time.Microsecond
		noise := rapid.IntRange(0, 20).Draw(t, "noise")
		p := backfill.Pace{Target: target}
		var last []backfill.Sample
		for range 100 {
			p.Size = p.Next(last)
			took := row * time.Duration(p.Size)
			took += took * time.Duration(rapid.IntRange(-noise, noise).Draw(t, "n")) / 100
			last = append(last, backfill.Sample{Rows: p.Size, Took: fixed + took})
		}
		sum := int64(0)
		for _, s := range last[50:] {
			sum += s.Rows
		}
		rows := time.Duration(sum / 50)
		if rows > 1 && row*rows > 2*target+fixed {
			t.Errorf("the rows of a chunk take %s of %s: %d", row*rows, target, rows)
		}
		if enough := min(target/100/row, backfill.FirstRows/4); rows < enough {
			t.Errorf("%d rows take %s of %s, beside %s", rows, row*rows, target, fixed)
		}
	})
}

// TestMergeKeepsTheCover: however chunks are done, merged and merged again, they
// lie end to end, and nothing of their sums is lost.
func TestMergeKeepsTheCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "chunks")
		var all []backfill.Chunk
		low := backfill.Bound(nil)
		var rows int64
		for i := range n {
			high := backfill.Bound{fmt.Sprint(i)}
			state := rapid.SampledFrom([]string{backfill.Done, backfill.Done, backfill.Done, backfill.Todo, backfill.Poison}).Draw(t, "state")
			all = append(all, backfill.Chunk{Seq: int64(i), Kind: backfill.Rows, State: state, Range: backfill.Range{Low: low, High: high}, Rows: 1, Merged: 1})
			low = high
			rows++
		}
		all = rapid.Permutation(all).Draw(t, "order")
		for _, j := range backfill.Merge(all) {
			all = slices.DeleteFunc(all, func(c backfill.Chunk) bool { return slices.Contains(j.Gone, c.Seq) })
			for i := range all {
				if all[i].Seq == j.Into.Seq {
					all[i] = j.Into
				}
			}
		}
		if err := backfill.Cover(all, low); err != nil {
			t.Fatal(err)
		}
		var sum, merged int64
		for _, c := range all {
			sum += c.Rows
			merged += c.Merged
		}
		if sum != rows || merged != rows {
			t.Fatalf("%d rows and %d chunks of %d are left", sum, merged, rows)
		}
	})
}

func TestCoverFindsWhatIsWrong(t *testing.T) {
	chunk := func(seq int64, low, high backfill.Bound) backfill.Chunk {
		return backfill.Chunk{Seq: seq, Range: backfill.Range{Low: low, High: high}}
	}
	a, b, c := backfill.Bound{"a"}, backfill.Bound{"b"}, backfill.Bound{"c"}
	wrong := map[string][]backfill.Chunk{
		"a gap":                  {chunk(1, nil, a), chunk(2, b, c)},
		"an overlap":             {chunk(1, nil, b), chunk(2, a, b), chunk(3, b, c)},
		"two with one beginning": {chunk(1, nil, a), chunk(2, nil, b), chunk(3, b, c)},
		"short of the end":       {chunk(1, nil, a), chunk(2, a, b)},
		"no end":                 {chunk(1, nil, nil)},
		"none":                   nil,
	}
	for name, chunks := range wrong {
		if backfill.Cover(chunks, c) == nil {
			t.Errorf("%s was not found", name)
		}
	}
	if err := backfill.Cover([]backfill.Chunk{chunk(3, b, c), chunk(1, nil, a), chunk(2, a, b)}, c); err != nil {
		t.Error(err)
	}
}

func TestReact(t *testing.T) {
	tests := []struct {
		trouble dialect.Trouble
		rows    int64
		tries   int
		want    backfill.Reaction
	}{
		{dialect.Fatal, 100, 1, backfill.Stop}, {dialect.Row, 100, 1, backfill.Split}, {dialect.Row, 1, 1, backfill.Split},
		{dialect.Load, 100, 1, backfill.Split}, {dialect.Load, 1, 1, backfill.Retry}, {dialect.Load, 1, 3, backfill.Stop},
		{dialect.Transient, 100, 1, backfill.Retry}, {dialect.Transient, 100, 3, backfill.Split}, {dialect.Transient, 1, 99, backfill.Retry},
	}
	for _, test := range tests {
		if got := backfill.React(test.trouble, test.rows, test.tries); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
