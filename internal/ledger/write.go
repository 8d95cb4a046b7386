package ledger

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/revision"
)

const (
	started = "started"
	done    = "done"
)

// By is who and what does something, for the journal.
type By struct {
	Run, Actor, Tool, Tag string
	Fence                 Fence
}

// Done is a revision that was applied, or failed, or is under way.
type Done struct {
	Revision revision.Revision
	Script   revision.Script
	State    string
	Seq      int64
	// Duration is how long it took. With Begun set the server tells instead: the
	// record travels with the statements, before anybody knows.
	Duration time.Duration
	Begun    time.Time
	Error    string // with State pending or failed
	Phase    revision.Phase
	Action   string // for the journal: "up", "stamp", "failure", …
	Detail   string
	// New: the ledger, read under this very lock, knows nothing of the revision,
	// so its row is inserted as it is. Most are, and servers take longer to
	// understand what else is to be done than to insert a row.
	New bool
}

// Record gives the statements that record a revision and journal it. They belong
// into one transaction: the first one has the fence, which holds until its end.
func (l Ledger) Record(d Done, by By) []string {
	pairs := l.pairs(d, by, l.epoch(by.Fence))
	note := l.note(d.Action, d.Revision.ID, d.Detail, by, epochNumber(by))
	if d.New {
		return []string{l.insert("revision", pairs...), note}
	}
	return []string{l.upsert("revision", "id", pairs...), note}
}

// RecordNew is Record of several that are New and Applied, as one row each of the
// same two statements.
func (l Ledger) RecordNew(ds []Done, by By) []string {
	var rows, notes strings.Builder
	for i, d := range ds {
		epoch := epochNumber(by)
		if i == 0 {
			epoch = l.epoch(by.Fence)
		}
		row, note := l.pairs(d, by, epoch), l.notePairs(d.Action, d.Revision.ID, d.Detail, by, epochNumber(by))
		if i == 0 {
			rows.WriteString(l.insert("revision", row...))
			notes.WriteString(l.insert("journal", note...))
			continue
		}
		rows.WriteString(", " + values(row))
		notes.WriteString(", " + values(note))
	}
	return []string{rows.String(), notes.String()}
}

// pairs are the columns and values of a revision's row.
func (l Ledger) pairs(d Done, by By, epoch string) []string {
	q := l.d.Literal
	r := d.Revision
	pairs := []string{
		"id", q(string(r.ID)), "name", q(r.Name), "kind", q(string(r.Kind)), "state", q(d.State), "phase", q(string(d.Phase)),
		"checksum", q(r.Checksum), "parents", q(joinIDs(r.Parents)), "needs", q(joinNeeds(r.Needs)), "label", q(r.Label),
		"up_sql", l.sectionSQL(d.Script.Up), "down_sql", l.sectionSQL(d.Script.Down), "script", q(headOf(d.Script)),
		"seq", strconv.FormatInt(d.Seq, 10), "run", q(by.Run), "duration_ms", l.duration(d),
		"actor", q(by.Actor), "tool", q(by.Tool), "tag", q(by.Tag), "error", q(d.Error), "epoch", epoch,
	}
	if d.State == Applied {
		pairs = append(pairs, "applied_at", l.t.Now)
	}
	if d.Error != "" {
		pairs = append(pairs, "failed_at", l.t.Now)
	}
	return pairs
}

// epochNumber is the epoch as it is, for a statement that another with the fence
// stands before in the same transaction.
func epochNumber(by By) string { return strconv.FormatInt(by.Fence.Epoch, 10) }

// duration is how long a revision took, in milliseconds, as SQL.
func (l Ledger) duration(d Done) string {
	if d.Begun.IsZero() {
		return strconv.FormatInt(d.Duration.Milliseconds(), 10)
	}
	return strings.ReplaceAll(l.t.Elapsed, "%s", l.d.Literal(d.Begun.UTC().Format(l.t.TimeLayout)))
}

// Reverted gives the statements that record a revert.
func (l Ledger) Reverted(id revision.ID, action, detail string, by By) []string {
	return []string{l.setState(id, Reverted, "", by), l.Note(action, id, detail, by)}
}

// RunAgain gives the statement after which every repeatable file is run again:
// what it made may be gone with what was reverted.
func (l Ledger) RunAgain() string {
	return "UPDATE " + l.table("revision") + " SET checksum = '' WHERE kind = " + l.d.Literal(string(revision.Repeatable))
}

// SetState gives the statements that change an entry's state and keep the rest.
func (l Ledger) SetState(id revision.ID, state, failure, action, detail string, by By) []string {
	return []string{l.setState(id, state, failure, by), l.Note(action, id, detail, by)}
}

// setState is an insert that always meets its row, because only an insert of
// null is refused under every sql_mode, and the fence rests on that.
func (l Ledger) setState(id revision.ID, state, failure string, by By) string {
	q := l.d.Literal
	pairs := []string{"id", q(string(id)), "kind", "''", "state", q(state), "phase", "''", "checksum", "''", "run", q(by.Run),
		"error", q(failure), "epoch", l.epoch(by.Fence)}
	update := []string{"state", "error", "epoch"}
	if state == Reverted || state == Applied {
		update = append(update, "run")
	}
	if failure != "" {
		pairs = append(pairs, "failed_at", l.t.Now)
		update = append(update, "failed_at")
	}
	return l.insert("revision", pairs...) + " " + l.t.Upsert([]string{"id"}, update)
}

// AcceptEdit gives the statements that record a new checksum and script for an
// applied revision.
func (l Ledger) AcceptEdit(r revision.Revision, s revision.Script, by By) []string {
	q := l.d.Literal
	pairs := []string{"id", q(string(r.ID)), "kind", q(string(r.Kind)), "state", "''", "phase", "''", "run", "''",
		"checksum", q(r.Checksum), "up_sql", l.sectionSQL(s.Up), "down_sql", l.sectionSQL(s.Down), "script", q(headOf(s)), "epoch", l.epoch(by.Fence)}
	update := []string{"checksum", "up_sql", "down_sql", "script", "epoch"}
	return []string{
		l.insert("revision", pairs...) + " " + l.t.Upsert([]string{"id"}, update),
		l.Note("repair", r.ID, "edit accepted", by),
	}
}

// Forget gives the statements that remove an entry; the journal keeps all.
func (l Ledger) Forget(id revision.ID, detail string, by By) []string {
	return []string{
		"DELETE FROM " + l.table("revision") + " WHERE id = " + l.d.Literal(string(id)),
		l.ClearProgress(id),
		l.Note("repair", id, detail, by),
	}
}

// Purge gives the statements that forget every entry; the journal keeps all.
func (l Ledger) Purge(by By) []string {
	return []string{"DELETE FROM " + l.table("revision"), "DELETE FROM " + l.table("progress"), l.Note("stamp", "", "purged", by)}
}

// Note gives the statement that adds a line to the journal.
func (l Ledger) Note(action string, id revision.ID, detail string, by By) string {
	return l.note(action, id, detail, by, l.epoch(by.Fence))
}

func (l Ledger) note(action string, id revision.ID, detail string, by By, epoch string) string {
	return l.insert("journal", l.notePairs(action, id, detail, by, epoch)...)
}

// notePairs are the columns and values of a line of the journal.
func (l Ledger) notePairs(action string, id revision.ID, detail string, by By, epoch string) []string {
	q := l.d.Literal
	return []string{"at", l.t.Now, "run", q(by.Run), "action", q(action), "revision", q(string(id)),
		"actor", q(by.Actor), "tool", q(by.Tool), "tag", q(by.Tag), "detail", q(detail), "epoch", epoch}
}

// SetProgress gives the statement that records how far a migration is.
func (l Ledger) SetProgress(p Progress, by By) string {
	q := l.d.Literal
	state := done
	if p.Started {
		state = started
	}
	return l.upsert("progress", "revision", "revision", q(string(p.Revision)), "direction", q(string(p.Direction)),
		"done", strconv.Itoa(p.Done), "state", q(state), "hash", q(p.Hash), "witness", q(p.Witness), "run", q(by.Run),
		"at", l.t.Now, "epoch", l.epoch(by.Fence))
}

// ClearProgress gives the statement that ends a migration's progress.
func (l Ledger) ClearProgress(id revision.ID) string {
	return "DELETE FROM " + l.table("progress") + " WHERE revision = " + l.d.Literal(string(id))
}

func (l Ledger) sectionSQL(s *revision.Section) string {
	if s == nil {
		return "NULL"
	}
	return l.d.Literal(s.SQL)
}

// headOf is a script as JSON without the SQL that has columns of its own.
func headOf(s revision.Script) string {
	s.Up, s.Down = bare(s.Up), bare(s.Down)
	text, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(text)
}

func bare(s *revision.Section) *revision.Section {
	if s == nil {
		return nil
	}
	c := *s
	c.SQL, c.At.Text = "", "" // which is in the SQL
	return &c
}
