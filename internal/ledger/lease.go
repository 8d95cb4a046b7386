package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// leaseName is the key of the only row of the lease table.
const leaseName = "run"

// ousted is what the free lease of a run says that a person ended.
const ousted = "ousted"

// Claim is who wants the lease. Had is the fence that the same run held before
// its connection broke, the zero Fence when it held none.
type Claim struct {
	Run, Owner, Host, Doing string
	PID                     int
	Session                 db.Session
	Had                     Fence
}

// Holding is who has the lease.
type Holding struct {
	event.Holder
	Session db.Session
	Epoch   int64
	Expired bool // by the server's clock
	ousted  bool // it is free because a person ended its holder
}

// Fence is the right to write: the epoch under which the lease was taken. The
// zero Fence writes epoch 0 and is for scripts that people run by hand.
type Fence struct{ Epoch int64 }

// Holder reads who has the lease; nil when it is free or there is no ledger.
func (l Ledger) Holder(ctx context.Context, c db.Conn) (*Holding, error) {
	ok, err := l.Exists(ctx, c)
	if err != nil || !ok {
		return nil, err
	}
	return l.holding(ctx, c, "")
}

// holding reads the lease row; tail may lock it.
func (l Ledger) holding(ctx context.Context, c db.Conn, tail string) (*Holding, error) {
	var h Holding
	var since string
	var expired int64
	q := "SELECT run, COALESCE(owner, ''), COALESCE(host, ''), COALESCE(pid, 0), COALESCE(session, 0), COALESCE(session_start, ''), " +
		"COALESCE(session_host, ''), epoch, COALESCE(" + l.timeText("since") + ", ''), COALESCE(doing, ''), " +
		"CASE WHEN expires IS NULL OR expires < " + l.t.Now + " THEN 1 ELSE 0 END FROM " + l.table("lease") +
		" WHERE name = " + l.d.Literal(leaseName) + tail
	var pid int64
	found, err := one(ctx, c, q, &h.Run, &h.Owner, &h.Host, &pid, &h.Session.PID, &h.Session.Start,
		&h.Session.Host, &h.Epoch, &since, &h.Doing, &expired)
	if err != nil {
		return nil, unreadable(err)
	}
	if !found {
		return nil, Damaged(fault.New(fault.Repair, "it has lost the row of the lock"))
	}
	h.PID, h.Expired = int(pid), expired == 1
	h.Since = parseTime(since)
	if h.Run == "" {
		return &Holding{Epoch: h.Epoch, Expired: true, ousted: h.Doing == ousted}, nil
	}
	return &h, nil
}

// Free tells whether nobody holds the lease.
func (h *Holding) Free() bool { return h == nil || h.Run == "" }

// Ended is fault.LockLost when a person ended the run that had that fence.
func (h *Holding) Ended(had Fence) error {
	if h != nil && h.ousted && had != (Fence{}) && h.Epoch == had.Epoch+1 {
		return lost()
	}
	return nil
}

// Take takes the lease when it is free, ours already, or when mayTake says that
// its holder may be succeeded. It gives the fence, and the holder that was
// succeeded or that is in the way (then ok is false). A run that a person ended
// gets fault.LockLost: it must not come back on its own.
func (l Ledger) Take(ctx context.Context, c db.Conn, claim Claim, ttl time.Duration, mayTake func(Holding) bool) (f Fence, held *Holding, ok bool, err error) {
	if _, err = c.Exec(ctx, l.t.BeginWrite); err != nil {
		return f, nil, false, err
	}
	defer func() {
		if !ok {
			_, _ = c.Exec(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	held, err = l.holding(ctx, c, l.t.LockRow)
	if err != nil {
		return f, nil, false, err
	}
	if !held.Free() && held.Run != claim.Run && !mayTake(*held) {
		return f, held, false, nil
	}
	if err := held.Ended(claim.Had); err != nil {
		return f, nil, false, err
	}
	epoch := held.Epoch + 1
	if _, err = c.Exec(ctx, l.takeSQL(claim, epoch, ttl)); err != nil {
		return f, nil, false, err
	}
	if _, err = c.Exec(ctx, "COMMIT"); err != nil {
		return f, nil, false, err
	}
	if held.Free() || held.Run == claim.Run {
		held = nil
	}
	return Fence{Epoch: epoch}, held, true, nil
}

func (l Ledger) takeSQL(k Claim, epoch int64, ttl time.Duration) string {
	q := l.d.Literal
	return "UPDATE " + l.table("lease") + " SET run = " + q(k.Run) + ", owner = " + q(k.Owner) + ", host = " + q(k.Host) +
		", pid = " + strconv.Itoa(k.PID) + ", session = " + strconv.FormatInt(k.Session.PID, 10) +
		", session_start = " + q(k.Session.Start) + ", session_host = " + q(k.Session.Host) +
		", epoch = " + strconv.FormatInt(epoch, 10) + ", since = " + l.t.Now + ", expires = " + l.nowPlus(ttl) +
		", doing = " + q(k.Doing) + " WHERE name = " + q(leaseName)
}

// Beat prolongs the lease; fault.LockLost when it is no longer ours.
func (l Ledger) Beat(ctx context.Context, c db.Conn, f Fence, ttl time.Duration, doing string) error {
	return l.touchLease(ctx, c, f, "expires = "+l.nowPlus(ttl)+", doing = "+l.d.Literal(doing))
}

// Held looks whether the lease is still ours; fault.LockLost when it is not.
func (l Ledger) Held(ctx context.Context, c db.Conn, f Fence) error {
	h, err := l.Holder(ctx, c)
	if err == nil && (h == nil || h.Epoch != f.Epoch) {
		return lost()
	}
	return err
}

// Move tells that the lease's run has another session now.
func (l Ledger) Move(ctx context.Context, c db.Conn, f Fence, s db.Session) error {
	q := l.d.Literal
	return l.touchLease(ctx, c, f, "session = "+strconv.FormatInt(s.PID, 10)+", session_start = "+q(s.Start)+", session_host = "+q(s.Host))
}

// Release gives the lease back; fault.LockLost when it was no longer ours.
func (l Ledger) Release(ctx context.Context, c db.Conn, f Fence) error {
	return l.touchLease(ctx, c, f, "run = '', expires = "+l.t.Now+", doing = ''")
}

func (l Ledger) touchLease(ctx context.Context, c db.Conn, f Fence, set string) error {
	n, err := c.Exec(ctx, "UPDATE "+l.table("lease")+" SET "+set+" WHERE name = "+l.d.Literal(leaseName)+
		" AND epoch = "+strconv.FormatInt(f.Epoch, 10))
	if err != nil {
		return err
	}
	if n == 0 {
		return lost()
	}
	return nil
}

func lost() error {
	return fault.New(fault.LockLost, "the lock was taken away from this run, by another run or by `bellows unlock`").
		Try("look with `bellows status`, then run the same command again")
}

// Oust removes whoever holds the lease, so that his writes fail from now on. It
// changes no row when somebody else holds it by now.
func (l Ledger) Oust(h Holding) string {
	return "UPDATE " + l.table("lease") + " SET run = '', epoch = epoch + 1, expires = " + l.t.Now + ", doing = " + l.d.Literal(ousted) +
		" WHERE name = " + l.d.Literal(leaseName) + " AND epoch = " + strconv.FormatInt(h.Epoch, 10)
}

// epoch is the value of a fence column: null, and so refused, once the lease
// has another epoch. The row is locked so that nobody can take the lease between
// this statement and the end of its transaction.
func (l Ledger) epoch(f Fence) string {
	if f.Epoch == 0 {
		return "0"
	}
	return "(SELECT epoch FROM " + l.table("lease") + " WHERE name = " + l.d.Literal(leaseName) + " AND epoch = " +
		strconv.FormatInt(f.Epoch, 10) + l.t.LockRow + ")"
}

func (l Ledger) nowPlus(d time.Duration) string {
	return fmt.Sprintf(l.t.NowPlus, d.Milliseconds())
}

func (l Ledger) timeText(column string) string { return fmt.Sprintf(l.t.TimeText, column) }

// parseTime reads what timeText wrote; the zero time for "".
func parseTime(s string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s)
	return t
}
