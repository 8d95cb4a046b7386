package fill_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/internal/fill"
)

// heard keeps the statements that write posts or vals.
type heard struct {
	db.Conn
	mu  *sync.Mutex
	all *[]string
}

func (h heard) keep(sql string) {
	if strings.HasPrefix(sql, "UPDATE posts") {
		h.mu.Lock()
		defer h.mu.Unlock()
		*h.all = append(*h.all, sql)
	}
}

func (h heard) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	h.keep(sql)
	return h.Conn.Exec(ctx, sql, args...)
}

func (h heard) Send(ctx context.Context, items []db.Item, done func(int, int64)) error {
	for _, item := range items {
		h.keep(item.SQL)
	}
	return h.Conn.Send(ctx, items, done)
}

// TestListed: on MariaDB answers stand in one statement for many rows; where they
// would not be the same there, or the statement does more with them than to assign
// them, each has its own, as on SQLite. Either way each row is written once.
func TestListed(t *testing.T) {
	tests := []struct {
		name, write string
		value       func(id int64) any // of :v
		each        bool               // there is one statement for each row
	}{
		{"plain", "UPDATE posts SET b = :b, v = :v WHERE id = :id", func(id int64) any { return fmt.Sprint("a'b\\", id) }, false},
		{"mixed", "UPDATE posts SET b = :b, v = :v WHERE id = :id", func(id int64) any {
			if id%2 == 0 {
				return id
			}
			return "seven"
		}, true},
		{"expression", "UPDATE posts SET b = :b + 0, v = :v WHERE id = :id", func(int64) any { return nil }, true},
		{"passes over some", "UPDATE posts SET b = :b, v = :v WHERE id = :id AND (id < 90 OR id >= 90)", func(int64) any { return 1.5 }, false},
	}
	for _, e := range engines() {
		if e.name == "postgres" {
			continue // its lists are parameters: TestMany
		}
		for _, tt := range tests {
			t.Run(e.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 120)
				do(t, url, "ALTER TABLE posts ADD COLUMN v text")
				o := logicOptions(url, each(func(row map[string]any) fill.Answer {
					answer := doubled(row)
					answer["v"] = tt.value(row["id"].(int64))
					return fill.Answer{Row: answer}
				}))
				var mu sync.Mutex
				var all []string
				opens := o.Open
				o.Open = func(ctx context.Context, app string) (db.Conn, error) {
					c, err := opens(ctx, app)
					if err != nil || !strings.HasSuffix(app, "worker") {
						return c, err
					}
					return heard{c, &mu, &all}, nil
				}
				filled(t, url, byLogic(readAll, tt.write), o)
				once(t, url, 120)
				if one := len(all) == 120; one != (tt.each || e.name == "sqlite") {
					t.Errorf("%d statements: %.300q", len(all), all)
				}
				c := session(t, url)
				defer c.Close()
				got, err := db.Texts(context.Background(), c, "SELECT id, COALESCE(v, 'none') FROM posts ORDER BY id")
				if err != nil {
					t.Fatal(err)
				}
				for i, line := range got {
					want := "none"
					if v := tt.value(int64(i + 1)); v != nil {
						want = fmt.Sprint(v)
					}
					if line[1] != want {
						t.Errorf("v of row %s is %q, not %q", line[0], line[1], want)
					}
				}
			})
		}
	}
}
