package ledger

import (
	"context"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/revision"
)

// The tables of changes are made when the first one begins. A change is written
// to under the lease, like a revision; only the evidence of writes comes from
// the application's own statements, through the triggers of a change.

// changeTables is the shape of the tables of changes at [Format]. That of the
// evidence is the dialect's, which makes the triggers that write to it.
var changeTables = [...]table{
	{"change_hold", "", []column{
		{"seq", auto}, {"revision", key}, {"name", text}, {"state", key}, {"actor", text}, {"why", text}, {"at", moment}, {"epoch", fence},
	}},
	{"change", "revision", []column{
		{"revision", key}, {"number", integer}, {"phase", key}, {"doing", key}, {"hash", key}, {"table_name", text}, {"spec", text}, {"state", text}, {"tally", text},
		{"run", key}, {"actor", text}, {"tool", text}, {"began", moment}, {"at", moment}, {"epoch", fence},
	}},
}

// The states of an approval.
const (
	HoldApproved = "approved"
	HoldVoid     = "void"
)

// ChangeTables are the tables of changes, spelled as SQL.
func (l Ledger) ChangeTables() []string {
	var names []string
	for _, t := range changeTables {
		names = append(names, l.table(t.name))
	}
	return append(names, l.Writes())
}

// Writes is the table of the evidence who writes which side of a change,
// spelled as SQL.
func (l Ledger) Writes() string { return l.table("change_write") }

// ProgressTable is the table of how far half-done revisions are, spelled as SQL.
func (l Ledger) ProgressTable() string { return l.table("progress") }

// CreateChange gives the statements that make the tables of changes where they
// are not there. Each can be repeated.
func (l Ledger) CreateChange() []string {
	var out []string
	for _, t := range changeTables {
		out = append(out, l.createTable(t))
	}
	return out
}

// HasChange tells whether the tables of changes are there, all of them: the one
// that is made last is.
func (l Ledger) HasChange(ctx context.Context, c db.Conn) (bool, error) {
	last := changeTables[len(changeTables)-1].name
	schema, name := "-", l.name+"_"+last
	if l.t.Schemas {
		schema, name = l.name, last
	}
	var any int64
	return one(ctx, c, l.tableExists(schema, name), &any)
}

// Change is one change as the ledger has it. Spec and State are texts of who
// carries it out.
type Change struct {
	Revision revision.ID
	Number   int64 // counts how often it was begun
	Phase    string
	// Doing is what is being done statement by statement and is not at its end; ""
	// nothing.
	Doing     string
	Hash      string // of the spec
	Table     string
	Spec      string
	State     string
	Tally     string // of a count that is not at its end; any other record ends it
	Actor     string
	Began, At time.Time
}

// Changes reads every change, none where the tables are not there.
func (l Ledger) Changes(ctx context.Context, c db.Conn) ([]Change, error) {
	ok, err := l.HasChange(ctx, c)
	if err != nil || !ok {
		return nil, err
	}
	rows, err := c.Query(ctx, "SELECT revision, number, phase, doing, hash, COALESCE(table_name, ''), COALESCE(spec, ''), COALESCE(state, ''), COALESCE(tally, ''), COALESCE(actor, ''), COALESCE("+
		l.timeText("began")+", ''), COALESCE("+l.timeText("at")+", '') FROM "+l.table("change")+" ORDER BY began, revision")
	if err != nil {
		return nil, unreadable(err)
	}
	defer rows.Close()
	var all []Change
	for rows.Next() {
		var ch Change
		var began, at string
		if err := rows.Scan((*string)(&ch.Revision), &ch.Number, &ch.Phase, &ch.Doing, &ch.Hash, &ch.Table, &ch.Spec, &ch.State, &ch.Tally, &ch.Actor, &began, &at); err != nil {
			return nil, err
		}
		ch.Began, ch.At = parseTime(began), parseTime(at)
		all = append(all, ch)
	}
	return all, rows.Err()
}

// PutChange gives the statement that records where a change is.
func (l Ledger) PutChange(ch Change, by By) string {
	q := l.d.Literal
	pairs := []string{"revision", q(string(ch.Revision)), "number", strconv.FormatInt(ch.Number, 10), "phase", q(ch.Phase), "doing", q(ch.Doing),
		"hash", q(ch.Hash), "table_name", q(ch.Table), "spec", q(ch.Spec), "state", q(ch.State), "tally", "''", "run", q(by.Run), "actor", q(by.Actor), "tool", q(by.Tool),
		"at", l.t.Now, "epoch", l.epoch(by.Fence)}
	if ch.Began.IsZero() {
		pairs = append(pairs, "began", l.t.Now)
	}
	return l.upsert("change", "revision", pairs...)
}

// SaveTally gives the statement that records how far a count is. It is written
// without the lease.
func (l Ledger) SaveTally(id revision.ID, tally string) string {
	return "UPDATE " + l.table("change") + " SET tally = " + l.d.Literal(tally) + " WHERE revision = " + l.d.Literal(string(id))
}

// SetPhase gives the statement that tells a revision's phase, and touches nothing
// else of it. Like every such statement it is an insert that meets its row.
func (l Ledger) SetPhase(id revision.ID, phase revision.Phase, by By) string {
	q := l.d.Literal
	return l.insert("revision", "id", q(string(id)), "kind", "''", "state", "''", "phase", q(string(phase)), "checksum", "''", "run", "''", "epoch", l.epoch(by.Fence)) +
		" " + l.t.Upsert([]string{"id"}, []string{"phase", "epoch"})
}

// Approval is a hold that somebody has approved.
type Approval struct {
	Revision revision.ID
	Hold     string
	State    string
	By, Why  string
	At       time.Time
}

// Approve gives the statement that records an approval.
func (l Ledger) Approve(id revision.ID, hold, why string, by By) string {
	q := l.d.Literal
	return l.insert("change_hold", "revision", q(string(id)), "name", q(hold), "state", q(HoldApproved), "actor", q(by.Actor), "why", q(why), "at", l.t.Now, "epoch", l.epoch(by.Fence))
}

// VoidHolds gives the statement that takes all approvals of a change back.
func (l Ledger) VoidHolds(id revision.ID) string {
	return "UPDATE " + l.table("change_hold") + " SET state = " + l.d.Literal(HoldVoid) + " WHERE revision = " + l.d.Literal(string(id))
}

// Approvals reads what was approved, void approvals included, oldest first.
func (l Ledger) Approvals(ctx context.Context, c db.Conn) ([]Approval, error) {
	ok, err := l.HasChange(ctx, c)
	if err != nil || !ok {
		return nil, err
	}
	rows, err := c.Query(ctx, "SELECT revision, COALESCE(name, ''), state, COALESCE(actor, ''), COALESCE(why, ''), COALESCE("+l.timeText("at")+", '') FROM "+l.table("change_hold")+" ORDER BY seq")
	if err != nil {
		return nil, unreadable(err)
	}
	defer rows.Close()
	var all []Approval
	for rows.Next() {
		var a Approval
		var at string
		if err := rows.Scan((*string)(&a.Revision), &a.Hold, &a.State, &a.By, &a.Why, &at); err != nil {
			return nil, err
		}
		a.At = parseTime(at)
		all = append(all, a)
	}
	return all, rows.Err()
}

// Now reads the server's clock.
func (l Ledger) Now(ctx context.Context, c db.Conn) (time.Time, error) {
	var text string
	_, err := one(ctx, c, "SELECT "+l.timeText(l.t.Now), &text)
	return parseTime(text), err
}
