package ledger

import (
	"context"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

// Poisoned is a row that was set aside: it is the only row of its chunk.
type Poisoned struct {
	Run    string
	Seq    int64
	Key    backfill.Bound
	Code   fault.Code
	Reason string
	State  string
	Tries  int64
	At     time.Time
	Actor  string // who waived it
	Why    string
}

// SetAside gives the statements that set a chunk's only row aside.
func (l Ledger) SetAside(p Poisoned) []string {
	q := l.d.Literal
	pairs := []string{"run", q(p.Run), "seq", strconv.FormatInt(p.Seq, 10), "row_key", q(p.Key.String()), "code", q(string(p.Code)), "reason", q(p.Reason),
		"state", q(PoisonOpen), "tries", strconv.FormatInt(p.Tries, 10), "at", l.t.Now}
	return []string{
		l.ChunkState(p.Run, p.Seq, backfill.Poison),
		l.insert("fill_poison", pairs...) + " " + l.t.Upsert([]string{"run", "seq"}, []string{"row_key", "code", "reason", "state", "tries", "at"}),
	}
}

// Cured gives the statement that marks the row of a chunk, if it was set aside,
// as done after all.
func (l Ledger) Cured(run string, seq int64) string {
	return "UPDATE " + l.table("fill_poison") + " SET state = " + l.d.Literal(PoisonFixed) + l.whereChunk(run, seq) + " AND state = " + l.d.Literal(PoisonOpen)
}

// Waive gives the statements that let a row stay as it is.
func (l Ledger) Waive(run string, seq int64, actor, why string) []string {
	return []string{
		"UPDATE " + l.table("fill_poison") + " SET state = " + l.d.Literal(PoisonWaived) + ", actor = " + l.d.Literal(actor) + ", why = " + l.d.Literal(why) + l.whereChunk(run, seq),
		l.ChunkState(run, seq, backfill.Done),
	}
}

// RetryPoison gives the statement that puts the chunks of rows set aside back to
// be done: one, or all with seq 0.
func (l Ledger) RetryPoison(run string, seq int64) string {
	where := " WHERE run = " + l.d.Literal(run)
	if seq != 0 {
		where = l.whereChunk(run, seq)
	}
	return "UPDATE " + l.table("fill_chunk") + " SET state = " + l.d.Literal(backfill.Todo) + where + " AND state = " + l.d.Literal(backfill.Poison)
}

// Poisoned reads the rows that were set aside: those in a state, all with "".
func (l Ledger) Poisoned(ctx context.Context, c db.Conn, run, state string) ([]Poisoned, error) {
	q := "SELECT run, seq, row_key, code, COALESCE(reason, ''), state, tries, COALESCE(" + l.timeText("at") + ", ''), COALESCE(actor, ''), COALESCE(why, '') FROM " +
		l.table("fill_poison") + " WHERE run = " + l.d.Literal(run)
	if state != "" {
		q += " AND state = " + l.d.Literal(state)
	}
	rows, err := c.Query(ctx, q+" ORDER BY seq")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Poisoned
	for rows.Next() {
		var p Poisoned
		var key, at string
		if err := rows.Scan(&p.Run, &p.Seq, &key, (*string)(&p.Code), &p.Reason, &p.State, &p.Tries, &at, &p.Actor, &p.Why); err != nil {
			return nil, err
		}
		p.Key, p.At = backfill.ReadBound(key), parseTime(at)
		all = append(all, p)
	}
	return all, rows.Err()
}

// CountPoison counts the rows set aside that are open.
func (l Ledger) CountPoison(ctx context.Context, c db.Conn, run string) (int64, error) {
	var n int64
	_, err := one(ctx, c, "SELECT COUNT(*) FROM "+l.table("fill_poison")+" WHERE run = "+l.d.Literal(run)+" AND state = "+l.d.Literal(PoisonOpen), &n)
	return n, err
}

// Worker is who works on a backfill.
type Worker struct {
	Run, ID string
	Host    string
	PID     int
	Session db.Session
	Doing   string // what it does, or what limits it now
	Rate    int64  // rows a second, lately
}

// BeatWorker gives the statement that tells that a worker is there.
func (l Ledger) BeatWorker(w Worker) string {
	q, n := l.d.Literal, func(n int64) string { return strconv.FormatInt(n, 10) }
	return l.insert("fill_worker", "run", q(w.Run), "id", q(w.ID), "host", q(w.Host), "pid", strconv.Itoa(w.PID), "session", n(w.Session.PID),
		"session_start", q(w.Session.Start), "session_host", q(w.Session.Host), "doing", q(w.Doing), "rate", n(w.Rate), "began", l.t.Now, "seen", l.t.Now) +
		" " + l.t.Upsert([]string{"run", "id"}, []string{"doing", "rate", "seen", "session", "session_start", "session_host"})
}

// LeaveWorker gives the statement that tells that a worker is gone.
func (l Ledger) LeaveWorker(run, id string) string {
	return "DELETE FROM " + l.table("fill_worker") + " WHERE run = " + l.d.Literal(run) + " AND id = " + l.d.Literal(id)
}

// Workers reads who was seen within a time, by the server's clock.
func (l Ledger) Workers(ctx context.Context, c db.Conn, run string, within time.Duration) ([]Worker, error) {
	rows, err := c.Query(ctx, "SELECT run, id, COALESCE(host, ''), pid, session, COALESCE(session_start, ''), COALESCE(session_host, ''), COALESCE(doing, ''), rate FROM "+
		l.table("fill_worker")+" WHERE run = "+l.d.Literal(run)+" AND seen > "+l.nowPlus(-within)+" ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Worker
	for rows.Next() {
		var w Worker
		var pid int64
		if err := rows.Scan(&w.Run, &w.ID, &w.Host, &pid, &w.Session.PID, &w.Session.Start, &w.Session.Host, &w.Doing, &w.Rate); err != nil {
			return nil, err
		}
		w.PID = int(pid)
		all = append(all, w)
	}
	return all, rows.Err()
}
