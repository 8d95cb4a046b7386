package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
)

// Claimed is a chunk whose row this transaction has locked, and what its
// backfill's row said at that moment.
type Claimed struct {
	Chunk   backfill.Chunk
	State   string // of the backfill
	Want    string
	Pause   time.Duration
	Target  time.Duration
	Size    int64
	Workers int64
	Waiting int64 // chunks to do, this one among them
}

// candidates is how many chunks are tried one by one where locked ones cannot be
// passed over.
const candidates = 16

// Claim locks the first chunk to do that nobody has and that is not among those
// to leave alone. ok is false when there is none. It must be called inside a
// transaction, and the lock is the lease: it ends with the transaction.
func (l Ledger) Claim(ctx context.Context, c db.Conn, run string, leave []int64) (k Claimed, ok bool, err error) {
	return l.claimOf(ctx, c, run, leave, "")
}

// claimOf is Claim of chunks for which more is true, "" or a condition behind AND.
func (l Ledger) claimOf(ctx context.Context, c db.Conn, run string, leave []int64, more string) (k Claimed, ok bool, err error) {
	facts := l.fill()
	where := " WHERE run = " + l.d.Literal(run) + " AND state = " + l.d.Literal(backfill.Todo) + more
	if len(leave) > 0 {
		where += " AND seq NOT IN (" + numbers(leave) + ")"
	}
	if facts.Pass != "" || l.t.SingleWriter {
		return l.claim(ctx, c, run, where+" ORDER BY seq LIMIT 1"+facts.Pass)
	}
	seqs, err := l.seqs(ctx, c, where)
	if err != nil {
		return k, false, err
	}
	suffix := facts.Refuse
	if suffix == "" {
		suffix = l.t.LockRow
	}
	for _, seq := range seqs {
		k, ok, err = l.claim(ctx, c, run, where+" AND seq = "+strconv.FormatInt(seq, 10)+suffix)
		if ok || err != nil && !isWait(err) {
			return k, ok, err
		}
	}
	return k, false, nil
}

func (l Ledger) seqs(ctx context.Context, c db.Conn, where string) ([]int64, error) {
	rows, err := c.Query(ctx, "SELECT seq FROM "+l.table("fill_chunk")+where+" ORDER BY seq LIMIT "+strconv.Itoa(candidates))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		all = append(all, seq)
	}
	return all, rows.Err()
}

const chunkColumns = "seq, kind, sweep, part, low, high, state, rows_n, changed, took_us, tries, merged, COALESCE(note, '')"

// claim reads a chunk, locking it, and what its backfill's row says, in one round
// trip. Beside a locking read that passes over what others hold, MariaDB once gave
// no row for the backfill, which was there: then that row is read by itself.
func (l Ledger) claim(ctx context.Context, c db.Conn, run, tail string) (k Claimed, ok bool, err error) {
	from := " FROM " + l.table("fill_run") + " r WHERE r.id = " + l.d.Literal(run)
	columns := []string{"state", "want", "pause_ms", "target_ms", "size", "workers"}
	query := "SELECT " + chunkColumns
	for _, column := range columns {
		query += ", (SELECT r." + column + from + ")"
	}
	query += ", (SELECT COUNT(*) FROM " + l.table("fill_chunk") + " o WHERE o.run = " + l.d.Literal(run) + " AND o.state = " + l.d.Literal(backfill.Todo) + ")" +
		" FROM " + l.table("fill_chunk") + tail
	rows, err := c.Query(ctx, query)
	if err != nil {
		return k, false, err
	}
	defer rows.Close()
	var of claimedOf
	for rows.Next() {
		if k.Chunk, err = scanChunk(rows, append(of.into(), &of.waiting)...); err != nil {
			return k, false, err
		}
		ok = true
	}
	if err := rows.Err(); !ok || err != nil {
		return k, false, err
	}
	if rows.Close(); !of.state.Valid {
		if ok, err = one(ctx, c, "SELECT r."+strings.Join(columns, ", r.")+from, of.into()...); !ok || err != nil {
			return k, false, err
		}
	}
	of.tell(&k)
	return k, true, nil
}

// claimedOf is what a claim reads of the backfill's row; none of it is valid when
// there was no row.
type claimedOf struct {
	state, want                  sql.NullString
	pause, target, size, workers sql.NullInt64
	waiting                      sql.NullInt64 // MariaDB once gave none, for a number of rows
}

func (o *claimedOf) into() []any {
	return []any{&o.state, &o.want, &o.pause, &o.target, &o.size, &o.workers}
}

func (o *claimedOf) tell(k *Claimed) {
	k.State, k.Want, k.Size, k.Workers = o.state.String, o.want.String, o.size.Int64, o.workers.Int64
	k.Waiting = o.waiting.Int64
	k.Pause, k.Target = time.Duration(o.pause.Int64)*time.Millisecond, time.Duration(o.target.Int64)*time.Millisecond
}

func scanChunk(rows db.Rows, more ...any) (c backfill.Chunk, err error) {
	var sweep, part, took, tries int64
	var low, high string
	into := append([]any{&c.Seq, &c.Kind, &sweep, &part, &low, &high, &c.State, &c.Rows, &c.Changed, &took, &tries, &c.Merged, &c.Note}, more...)
	if err := rows.Scan(into...); err != nil {
		return c, err
	}
	c.Sweep, c.Part, c.Tries = int(sweep), int(part), int(tries)
	c.Range = backfill.Range{Low: backfill.ReadBound(low), High: backfill.ReadBound(high)}
	c.Took = time.Duration(took) * time.Microsecond
	return c, nil
}

// LockChunk locks a chunk that is to do; ok is false when it no longer is, or
// another session has it.
func (l Ledger) LockChunk(ctx context.Context, c db.Conn, run string, seq int64) (backfill.Chunk, bool, error) {
	facts := l.fill()
	suffix := facts.Pass
	if suffix == "" {
		suffix = facts.Refuse
	}
	if suffix == "" {
		suffix = l.t.LockRow
	}
	k, ok, err := l.claim(ctx, c, run, l.whereChunk(run, seq)+" AND state = "+l.d.Literal(backfill.Todo)+suffix)
	if isWait(err) && facts.Pass == "" {
		return k.Chunk, false, nil
	}
	return k.Chunk, ok, err
}

// Chunks reads chunks of a backfill: those in a state, all with "".
func (l Ledger) Chunks(ctx context.Context, c db.Conn, run, state string) ([]backfill.Chunk, error) {
	q := "SELECT " + chunkColumns + " FROM " + l.table("fill_chunk") + " WHERE run = " + l.d.Literal(run)
	if state != "" {
		q += " AND state = " + l.d.Literal(state)
	}
	rows, err := c.Query(ctx, q+" ORDER BY seq")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []backfill.Chunk
	for rows.Next() {
		chunk, err := scanChunk(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, chunk)
	}
	return all, rows.Err()
}

// AddChunks gives the statement that records new chunks, of which there must be
// at least one.
func (l Ledger) AddChunks(run string, chunks []backfill.Chunk) string {
	q, n := l.d.Literal, func(n int64) string { return strconv.FormatInt(n, 10) }
	var b strings.Builder
	b.WriteString("INSERT INTO " + l.table("fill_chunk") + " (run, seq, kind, sweep, part, low, high, state, rows_n, changed, took_us, tries, merged) VALUES ")
	for i, c := range chunks {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + strings.Join([]string{q(run), n(c.Seq), q(c.Kind), n(int64(c.Sweep)), n(int64(c.Part)), q(c.Range.Low.String()),
			q(c.Range.High.String()), q(c.State), n(c.Rows), n(c.Changed), n(c.Took.Microseconds()), n(int64(c.Tries)), n(max(c.Merged, 1))}, ", ") + ")")
	}
	return b.String()
}

// ChunkDone gives the statement that marks a chunk done. same, an expression,
// must be true: where it is not, the state becomes null, which the server
// refuses, and the transaction cannot commit. "" is always true.
func (l Ledger) ChunkDone(run string, c backfill.Chunk, same string) string {
	state := l.d.Literal(backfill.Done)
	if same != "" {
		state = "CASE WHEN " + same + " THEN " + state + " END"
	}
	n := func(n int64) string { return strconv.FormatInt(n, 10) }
	return "UPDATE " + l.table("fill_chunk") + " SET state = " + state + ", rows_n = " + n(c.Rows) + ", changed = " + n(c.Changed) + ", took_us = " + n(c.Took.Microseconds()) +
		", note = " + l.d.Literal(c.Note) + ", at = " + l.t.Now + l.whereChunk(run, c.Seq)
}

// ChunkState gives the statement that brings a chunk into another state.
func (l Ledger) ChunkState(run string, seq int64, state string) string {
	return "UPDATE " + l.table("fill_chunk") + " SET state = " + l.d.Literal(state) + l.whereChunk(run, seq)
}

// Reshape gives the statement that gives a chunk another range and number of rows.
func (l Ledger) Reshape(run string, c backfill.Chunk) string {
	n := func(n int64) string { return strconv.FormatInt(n, 10) }
	return "UPDATE " + l.table("fill_chunk") + " SET low = " + l.d.Literal(c.Range.Low.String()) + ", high = " + l.d.Literal(c.Range.High.String()) +
		", rows_n = " + n(c.Rows) + ", changed = " + n(c.Changed) + ", took_us = " + n(c.Took.Microseconds()) + ", tries = " + n(int64(c.Tries)) +
		", merged = " + n(max(c.Merged, 1)) + l.whereChunk(run, c.Seq)
}

// Join gives the statements that put one chunk in the place of several.
func (l Ledger) Join(run string, j backfill.Joint) []string {
	return []string{
		"DELETE FROM " + l.table("fill_chunk") + " WHERE run = " + l.d.Literal(run) + " AND seq IN (" + numbers(j.Gone) + ")",
		l.Reshape(run, j.Into),
	}
}

func (l Ledger) whereChunk(run string, seq int64) string {
	return " WHERE run = " + l.d.Literal(run) + " AND seq = " + strconv.FormatInt(seq, 10)
}

func numbers(all []int64) string {
	parts := make([]string, len(all))
	for i, n := range all {
		parts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(parts, ", ")
}

// Total is what the chunks of a backfill add up to, by sweep, kind and state.
type Total struct {
	Sweep                 int
	Kind, State           string
	Chunks, Rows, Changed int64
}

// Totals adds up the chunks of a backfill.
func (l Ledger) Totals(ctx context.Context, c db.Conn, run string) ([]Total, error) {
	rows, err := c.Query(ctx, "SELECT sweep, kind, state, SUM(merged), SUM(rows_n), SUM(changed) FROM "+l.table("fill_chunk")+" WHERE run = "+l.d.Literal(run)+" GROUP BY sweep, kind, state")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Total
	for rows.Next() {
		var t Total
		var sweep int64
		if err := rows.Scan(&sweep, &t.Kind, &t.State, &t.Chunks, &t.Rows, &t.Changed); err != nil {
			return nil, err
		}
		t.Sweep = int(sweep)
		all = append(all, t)
	}
	return all, rows.Err()
}

// isWait tells whether a row was locked by another session.
func isWait(err error) bool {
	var e *db.Error
	return errors.As(err, &e) && e.Class == db.Wait
}

func replaceOne(template, value string) string { return strings.Replace(template, "%s", value, 1) }

// ChunkTries gives the statement that counts a try of a chunk.
func (l Ledger) ChunkTries(run string, seq int64) string {
	return "UPDATE " + l.table("fill_chunk") + " SET tries = tries + 1" + l.whereChunk(run, seq)
}

// NextSeq gives the statement that says which number the next chunk gets.
func (l Ledger) NextSeq(run string, seq int64) string {
	return "UPDATE " + l.table("fill_run") + " SET next_seq = " + strconv.FormatInt(seq, 10) + l.whereFill(run)
}

// ForgetChecks gives the statement that makes the check be asked again.
func (l Ledger) ForgetChecks(run string) string {
	return "DELETE FROM " + l.table("fill_chunk") + " WHERE run = " + l.d.Literal(run) + " AND kind = " + l.d.Literal(backfill.Check)
}
