package ledger

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
)

// blind is a session whose claims see no row of the backfill beside the chunk's.
type blind struct{ db.Conn }

func (b blind) Query(ctx context.Context, sql string, args ...any) (db.Rows, error) {
	return b.Conn.Query(ctx, strings.ReplaceAll(sql, "r WHERE r.id = 'x')", "r WHERE r.id = 'nobody')"), args...)
}

// A claim knows what its backfill's row says, also where the server does not
// give that row beside the chunk.
func TestClaimReadsItsBackfill(t *testing.T) {
	everywhere(t, func(t *testing.T, c db.Conn, l Ledger) {
		ctx := context.Background()
		fill := Fill{ID: "x", Revision: "1", Direction: "up", State: FillRunning, Pause: time.Second, Target: time.Minute, Size: 7, Workers: 3}
		chunk := backfill.Chunk{Seq: 5, State: backfill.Todo}
		begin := append([]string{l.d.Traits().BeginWrite, l.AddFill(fill, By{}), l.AddChunks("x", []backfill.Chunk{chunk}), "COMMIT"}, l.d.Traits().BeginWrite)
		for _, sql := range append(l.CreateFill(), begin...) {
			if _, err := c.Exec(ctx, sql); err != nil {
				t.Fatal(err)
			}
		}
		for _, session := range []db.Conn{c, blind{c}} {
			k, ok, err := l.Claim(ctx, session, "x", nil)
			if err != nil || !ok || k.Chunk.Seq != 5 || k.State != FillRunning || k.Want != WantGo || k.Pause != time.Second || k.Target != time.Minute || k.Size != 7 || k.Workers != 3 || k.Waiting != 1 {
				t.Errorf("%v %v %+v", ok, err, k)
			}
		}
	})
}
