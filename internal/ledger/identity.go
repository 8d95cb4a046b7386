package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
)

// identities names the row of meta with the tables and columns as they were after
// the last run.
const identities = "identities"

// Place is what a table or a column is called: Column is "" for a table.
type Place struct{ Schema, Table, Column string }

// Moved is something that was called otherwise after the last run.
type Moved struct{ Was, Is Place }

// KeepIdentities gives the statement that remembers which number each table and
// column has; "" where there are none.
func (l Ledger) KeepIdentities(by By) string {
	d, ok := l.d.(dialect.Identifier)
	if !ok {
		return ""
	}
	// Without the lease there is no name, and the key must have one.
	name := "CASE WHEN " + l.epoch(by.Fence) + " IS NOT NULL THEN " + l.d.Literal(identities) + " END"
	return l.upsert("meta", "name", "name", name, "value", d.Identities(l.table("meta")))
}

// Moved are the tables and columns that have another name than after the last run.
// It must be asked of a database that has the ledger.
func (l Ledger) Moved(ctx context.Context, c db.Conn) ([]Moved, error) {
	d, ok := l.d.(dialect.Identifier)
	if !ok {
		return nil, nil
	}
	var was, is string
	kept, err := one(ctx, c, "SELECT COALESCE((SELECT value FROM "+l.table("meta")+" WHERE name = "+l.d.Literal(identities)+"), '')", &was)
	if err != nil || !kept || was == "" {
		return nil, err
	}
	if _, err := one(ctx, c, "SELECT COALESCE("+d.Identities(l.table("meta"))+", '')", &is); err != nil || is == "" {
		return nil, err
	}
	before, err := readIdentities(was)
	if err != nil {
		return nil, err
	}
	now, err := readIdentities(is)
	if err != nil || before.self != now.self {
		return nil, err // it is a copy: the numbers are of another database
	}
	var all []Moved
	for _, k := range now.order {
		if old, ok := before.at[k]; ok && old != now.at[k] {
			all = append(all, Moved{old, now.at[k]})
		}
	}
	return all, nil
}

// numbered are tables and columns by their numbers.
type numbered struct {
	self  int64
	at    map[[2]int64]Place
	order [][2]int64
}

func readIdentities(text string) (n numbered, err error) {
	var read struct {
		Self int64
		All  [][5]any
	}
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		return n, fmt.Errorf("the identities in the ledger cannot be read: %w", err)
	}
	n.self, n.at = read.Self, map[[2]int64]Place{}
	for _, v := range read.All {
		table, _ := v[0].(float64)
		column, _ := v[1].(float64)
		p := Place{}
		for i, into := range []*string{&p.Schema, &p.Table, &p.Column} {
			*into, _ = v[i+2].(string)
		}
		k := [2]int64{int64(table), int64(column)}
		n.at[k] = p
		n.order = append(n.order, k)
	}
	return n, nil
}
