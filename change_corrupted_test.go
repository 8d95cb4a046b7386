package bellows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
)

// The verifier finds every corruption that somebody may bring in past sync.
func TestVerifierFindsEveryCorruption(t *testing.T) {
	corruptions := []corruption{
		{"a byte", "'hello', 1", "loc = 'hellp'"}, {"NULL for empty", "'', 1", "loc = NULL"}, {"empty for NULL", "NULL, 1", "loc = ''"},
		{"a blank at the end", "'x', 1", "loc = 'x '"}, {"small for capital", "'abc', 1", "loc = 'ABC'"}, {"an accent", "'e', 1", "loc = 'é'"},
		{"two spellings of a letter", "'é', 1", "loc = 'e\u0301'"}, {"the last bit", "'f', 0.3", "val = 0.30000000000000004"}, {"minus zero", "'z', 0", "val = '-0'"},
		{"a number that is NULL", "'n', 5", "val = NULL"}, {"columns swapped", "'1', 2", "loc = '2', val = 1"},
	}
	backward := "-- migrate:backward\nlat = loc, num = val, at = seen\n"
	for _, s := range swapsAndMoves() {
		t.Run(s.name+s.kind, func(t *testing.T) {
			for _, back := range []string{backward, ""} {
				s.corrupted(t, corruptions, back)
			}
		})
	}
}

// corruption is a row as it was, and what somebody does to it.
type corruption struct{ name, old, sql string }

func (s swap) corrupted(t *testing.T, corruptions []corruption, back string) {
	t.Helper()
	url := s.fresh(t)
	moment, zone := "datetime", []string{"01:30:00", "02:30:00"}
	if s.name == "postgres" {
		moment, zone = "timestamptz", []string{"01:30:00+00", "01:30:00+01"}
	}
	table, key := "posts", "id"
	columns := "loc varchar(50), val double precision, seen " + moment
	file := "-- migrate:change table:posts old:lat,num,at new:loc,val,seen\n-- migrate:expand\nALTER TABLE posts ADD COLUMN " + strings.ReplaceAll(columns, ", ", ";\nALTER TABLE posts ADD COLUMN ") + ";\n"
	if s.kind != "" {
		table, key = "places", "post_id"
		file = "-- migrate:change table:posts old:lat,num,at new:loc,val,seen into:places by:post_id=id\n-- migrate:expand\nCREATE TABLE places (post_id integer NOT NULL PRIMARY KEY, " + columns +
			", FOREIGN KEY (post_id) REFERENCES posts (id) ON DELETE CASCADE);\n"
	}
	exec1(t, url, "CREATE TABLE posts (id integer NOT NULL PRIMARY KEY, lat varchar(50), num double precision, at "+moment+")")
	var sqls []string
	for i, c := range corruptions {
		exec1(t, url, fmt.Sprintf("INSERT INTO posts (id, lat, num) VALUES (%d, %s)", i+1, c.old))
		sqls = append(sqls, fmt.Sprintf("UPDATE %s SET %s WHERE %s = %d", table, c.sql, key, i+1))
	}
	exec1(t, url, "INSERT INTO posts (id, lat, num) VALUES (90, 'left', 1), (91, 'right', 2), (92, 'fine', 5)")
	exec1(t, url, "INSERT INTO posts (id, lat, at) VALUES (80, 'zone', '2026-03-29 "+zone[0]+"'), (81, 'twin', NULL), (82, 'twin', NULL)")
	for id, change := range map[int]string{90: "loc = 'right'", 91: "loc = 'left'", // rows swapped
		80: "seen = '2026-03-29 " + zone[1] + "'", 81: "loc = 'twim'", 82: "loc = 'twim'"} { // and a pair, which a sum might cancel
		sqls = append(sqls, fmt.Sprintf("UPDATE %s SET %s WHERE %s = %d", table, change, key, id))
	}
	dir := writeFiles(t, map[string]string{"1_merge.sql": file + "-- migrate:forward\nloc = lat, val = num, seen = at\n" + back})
	must(t, s.do(t, url, dir, "wait"))
	wantPhase(t, url, dir, "hold")
	if s.kind == "" {
		s.pastSync(t, url, sqls)
	} else {
		again := s.past(t, url)
		for _, sql := range sqls {
			exec1(t, url, sql)
		}
		again()
	}
	want := len(sqls)
	if s.name != "postgres" && column(t, url, "SELECT COUNT(*) FROM "+table+" WHERE loc = 'z' AND CAST(val AS CHAR) LIKE '-%'")[0] == "0" {
		want-- // it stores no minus zero: MySQL does, MariaDB and SQLite do not
	}
	wantCode(t, s.do(t, url, dir, "verify"), fault.Check, fmt.Sprintf("%d of %d rows", want, len(sqls)+1))
	wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, fmt.Sprintf("%d of %d rows", want, len(sqls)+1))
	if back == "" {
		s.unexplained(t, url, dir, table, key, want+1, len(sqls)+2)
	}
}

// unexplained: once an application has written the new side by itself, and there is no
// backward, nobody can tell what it should be. All such rows are counted still, and no
// contract comes before somebody has named their number.
func (s swap) unexplained(t *testing.T, url, dir, table, key string, want, of int) {
	t.Helper()
	write := []string{s.stranger(), "INSERT INTO posts (id, loc, val) VALUES (100, 'new', 1)"}
	if s.kind != "" {
		write = []string{s.stranger(), "INSERT INTO posts (id) VALUES (100)", "INSERT INTO places (post_id, loc, val) VALUES (100, 'new', 1)"}
	}
	c := session(t, url)
	for _, sql := range write {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	c.Close()
	must(t, s.do(t, url, dir, "verify"))
	wantRows(t, url, "SELECT COUNT(*) FROM "+table+" WHERE "+key+" = 100 AND loc = 'new'", "1")
	if p := wantPhase(t, url, dir, "hold"); !p.Proof.Valid || p.Proof.Unexplained != int64(want) || len(p.Proof.Strange) != 5 || !strings.Contains(p.WaitingFor[0], fmt.Sprintf("--unexplained %d", want)) {
		t.Fatalf("the change is %+v", p)
	}
	words := fmt.Sprintf("%d of %d rows have a new side that forward does not give", want, of)
	wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, words)
	for _, named := range []int{want - 1, want} {
		err := with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Contract(ctx, req(bellows.ChangeRequest{Unexplained: int64(named)}))
		})
		if named < want {
			wantCode(t, err, fault.Confirm, words)
		} else {
			must(t, err)
		}
	}
	wantPhase(t, url, dir, "contract")
}
