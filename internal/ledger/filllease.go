package ledger

import (
	"context"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
)

// A chunk whose rows are worked out beyond the database cannot be kept by the lock
// of its row: that would be a transaction as long as the work. It is leased: a row
// of fill_lease says to whom, and until when by the server's clock. Who has a
// lease is written, and read, only while the chunk's row is locked.

// Lease is a chunk's, as its holder knows it. Owner is of no other lease, ever.
type Lease struct {
	Run   string
	Seq   int64
	Owner string
	Epoch int64 // counts the leases of the chunk
}

// ClaimFree is [Ledger.Claim] for chunks that nobody has leased.
func (l Ledger) ClaimFree(ctx context.Context, c db.Conn, run string, leave []int64) (k Claimed, ok bool, err error) {
	chunk := l.table("fill_chunk")
	return l.claimOf(ctx, c, run, leave, " AND NOT EXISTS (SELECT 1 FROM "+l.table("fill_lease")+" l WHERE l.run = "+chunk+".run AND l.seq = "+
		chunk+".seq AND l.until > "+l.t.Now+")")
}

// TakeLease leases a chunk whose row this transaction has locked. ok is false when
// another has it.
func (l Ledger) TakeLease(ctx context.Context, c db.Conn, run string, seq int64, owner string, s db.Session, lasts time.Duration) (lease Lease, ok bool, err error) {
	lease = Lease{Run: run, Seq: seq, Owner: owner, Epoch: 1}
	var live int64
	found, err := one(ctx, c, "SELECT epoch, CASE WHEN until > "+l.t.Now+" THEN 1 ELSE 0 END FROM "+l.table("fill_lease")+l.whereChunk(run, seq), &lease.Epoch, &live)
	if err != nil || live == 1 {
		return lease, false, err
	}
	q, n := l.d.Literal, func(n int64) string { return strconv.FormatInt(n, 10) }
	if found {
		lease.Epoch++
		_, err = c.Exec(ctx, "UPDATE "+l.table("fill_lease")+" SET owner = "+q(owner)+", epoch = "+n(lease.Epoch)+", until = "+l.nowPlus(lasts)+
			", session = "+n(s.PID)+", session_start = "+q(s.Start)+", session_host = "+q(s.Host)+l.whereChunk(run, seq))
		return lease, err == nil, err
	}
	_, err = c.Exec(ctx, l.insert("fill_lease", "run", q(run), "seq", n(seq), "owner", q(owner), "epoch", "1", "until", l.nowPlus(lasts),
		"session", n(s.PID), "session_start", q(s.Start), "session_host", q(s.Host)))
	return lease, err == nil, err
}

// RenewLease lets a lease last longer; ok is false when it is another's now.
func (l Ledger) RenewLease(ctx context.Context, c db.Conn, lease Lease, lasts time.Duration) (ok bool, err error) {
	if _, err := c.Exec(ctx, "UPDATE "+l.table("fill_lease")+" SET until = "+l.nowPlus(lasts)+l.whereLease(lease)); err != nil {
		return false, err
	}
	return l.HasLease(ctx, c, lease)
}

// HasLease tells whether a lease is its holder's. While the chunk's row is locked
// it stays so.
func (l Ledger) HasLease(ctx context.Context, c db.Conn, lease Lease) (bool, error) {
	var n int64
	return one(ctx, c, "SELECT 1 FROM "+l.table("fill_lease")+l.whereLease(lease), &n)
}

// EndLease gives the statement that ends a lease, if it is its holder's.
func (l Ledger) EndLease(lease Lease) string {
	return "DELETE FROM " + l.table("fill_lease") + l.whereLease(lease)
}

// BreakLease gives the statement that ends the lease of a chunk, whoever has it.
func (l Ledger) BreakLease(run string, seq int64) string {
	return "DELETE FROM " + l.table("fill_lease") + l.whereChunk(run, seq)
}

func (l Ledger) whereLease(lease Lease) string {
	return l.whereChunk(lease.Run, lease.Seq) + " AND owner = " + l.d.Literal(lease.Owner) + " AND epoch = " + strconv.FormatInt(lease.Epoch, 10)
}

// Leases are those of a backfill that are not over, each with the session of its
// holder.
func (l Ledger) Leases(ctx context.Context, c db.Conn, run string) (all map[Lease]db.Session, err error) {
	rows, err := c.Query(ctx, "SELECT seq, owner, epoch, session, session_start, session_host FROM "+l.table("fill_lease")+
		" WHERE run = "+l.d.Literal(run)+" AND until > "+l.t.Now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all = map[Lease]db.Session{}
	for rows.Next() {
		lease := Lease{Run: run}
		var s db.Session
		if err := rows.Scan(&lease.Seq, &lease.Owner, &lease.Epoch, &s.PID, &s.Start, &s.Host); err != nil {
			return nil, err
		}
		all[lease] = s
	}
	return all, rows.Err()
}

// AddPieces gives the statements by which a chunk becomes several, the first of
// which takes its number; their states are as they say.
func (l Ledger) AddPieces(run string, pieces []backfill.Chunk) []string {
	sqls := []string{l.Reshape(run, pieces[0])}
	if len(pieces) > 1 {
		sqls = append(sqls, l.AddChunks(run, pieces[1:]))
	}
	return sqls
}
