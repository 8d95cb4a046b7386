package fill_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// ends are rows at the ends of what a key of integers can hold: those that are
// there first, and those that come while the first are done.
type ends struct {
	name, key        string
	first, meanwhile []string
	strategy         string
}

// upTo gives as many integers as asked for, the last of which is most.
func upTo(most string, n int64) []string {
	last, _ := new(big.Int).SetString(most, 10)
	var all []string
	for i := n - 1; i >= 0; i-- {
		all = append(all, new(big.Int).Sub(last, big.NewInt(i)).String())
	}
	return all
}

func endsOf(e engine) []ends {
	const top, unsigned = "9223372036854775807", "18446744073709551615"
	bottom := fmt.Sprint(math.MinInt64)
	all := []ends{
		{"few at the top", e.integer, upTo(top, 20), []string{bottom, "0"}, backfill.Arithmetic},
		{"few at the bottom", e.integer, upTo("-9223372036854775789", 20), []string{"-1", top}, backfill.Arithmetic},
		{"both ends", e.integer, []string{bottom, "0", top}, []string{"-9223372036854775807", "9223372036854775806"}, backfill.Probe},
		{"one, and the ends", e.integer, []string{"0"}, []string{top, bottom}, backfill.Arithmetic},
	}
	if e.name == "mariadb" {
		const key = "bigint unsigned"
		all = append(all,
			ends{"few at the top without a sign", key, upTo(unsigned, 20), []string{"0", top}, backfill.Arithmetic},
			ends{"over the sign", key, upTo("9223372036854775817", 20), []string{unsigned, "0"}, backfill.Arithmetic},
			ends{"both ends without a sign", key, []string{"0", top, "9223372036854775808", unsigned}, []string{"18446744073709551614", "1"}, backfill.Probe},
			ends{"one, and the end without a sign", key, []string{"0"}, []string{unsigned}, backfill.Arithmetic},
		)
	}
	return all
}

// TestEndsOfIntegers: keys are counted with to the ends of what they can hold,
// with and without a sign, by chunks of rows and by those of the check.
func TestEndsOfIntegers(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.fresh(t)
			makeLedger(t, url)
			for i, c := range endsOf(e) {
				c.fill(t, url, e, i)
			}
		})
	}
}

func (c ends) fill(t *testing.T, url string, e engine, i int) {
	do(t, url, "DROP TABLE IF EXISTS posts",
		"CREATE TABLE posts (id "+c.key+" NOT NULL PRIMARY KEY, a bigint NOT NULL DEFAULT 1, b bigint, touched bigint NOT NULL DEFAULT 0)",
		"INSERT INTO posts (id) VALUES ("+strings.Join(c.first, "), (")+")")
	do(t, url, e.counts("posts", "id")...)
	s := script(repeats)
	s.Revision, s.Fill.Rows = revision.ID(strconv.Itoa(100+i)), 2
	o := options(url)
	f := planned(t, url, s, o)
	come := c.meanwhile
	o.Point = func(name string) {
		if name == "committed" && come != nil {
			do(t, url, "INSERT INTO posts (id) VALUES ("+strings.Join(come, "), (")+")")
			come = nil
		}
	}
	rep, err := fill.Work(context.Background(), f.ID, o)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	if err := finish(context.Background(), url, f.ID, o); err != nil {
		t.Errorf("%s: %v", c.name, err)
	}
	all := int64(len(c.first) + len(c.meanwhile))
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = 2 AND touched = 1"); n != all || f.Strategy != c.strategy {
		t.Errorf("%s: %d of %d rows are right, by %s", c.name, n, all, f.Strategy)
	}
	if s := rep.Status; s.RowsChanged != all || s.RowsDone < 0 || s.RowsDone > s.RowsTotal {
		t.Errorf("%s: %+v", c.name, s)
	}
	// What lies between rows that are far apart is not gone through.
	if n := number(t, url, "SELECT SUM(merged) FROM "+e.table("fill_chunk")+" WHERE run = '"+f.ID+"'"); n > 100 {
		t.Errorf("%s: %d chunks", c.name, n)
	}
}
