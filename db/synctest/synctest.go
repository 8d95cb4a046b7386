// Package synctest is what the two-way sync of a change must do on every
// database, as tests.
//
// Charter: cases and a model in memory, which each room of db runs on its own
// database; used by tests only.
// Invariant: after any statements of old, new and mixed applications, each row is
// what the model says, on every database alike.
// Example: func TestSync(t *testing.T) { synctest.Run(t, synctest.Database{Driver: postgres.Driver{}, …}) }
package synctest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

// Database is one database as the suite needs it.
type Database struct {
	Driver db.Driver
	// URL is that of a fresh, empty database.
	URL func(testing.TB) string
	// Schema is the one that tables are made in, "" where there are none.
	Schema string
	// The three changes that the model knows, and the last with defaults.
	Merge, Round, Widen, Defaults Change
	// Pair is one of which a column has a default that holds nothing, and which moves
	// to another table: a and b become c and d.
	Pair Change
	// Names: sessions tell the name of their application. Application is what
	// evidence calls an application of that name.
	Names       bool
	Application func(c db.Conn, name string) string
	// Needed: without the table of evidence nothing can be written.
	Needed bool
	// Tampers are what somebody may do to the triggers of the merge, and must be seen.
	Tampers map[string][]string
	// Kinds are types of values by what they are called, and Spelled is a value as
	// text, such that different values are different.
	Kinds   map[string]Kind
	Spelled func(column string) string
	// Integer is how the catalog calls an int.
	Integer string
	// After: triggers run after the row was written.
	After bool
	// Upsert begins the list of changes of an upsert, with %s for the key, and
	// Incoming spells the value that was to be inserted.
	Upsert, Incoming string
	// Foreign is what a session says so that foreign keys hold; "" nothing.
	Foreign string
}

// Change is a change as one database spells it. The table is called items.
type Change struct {
	Table             string // its columns, after "CREATE TABLE items"
	Old, New          []dialect.SyncColumn
	Forward, Backward []string // in the order of the columns
}

// Sync is a change as the dialect takes it.
func (c Change) Sync(schema string) dialect.Sync {
	s := dialect.Sync{Name: "bellows_1", Revision: "1", Table: plan.Name{Schema: schema, Name: "items"}, Key: []string{"id"}, Old: c.Old, New: c.New, Policy: dialect.Refuse}
	for i, e := range c.Forward {
		s.Forward = append(s.Forward, dialect.Assignment{Column: c.New[i].Name, SQL: e})
	}
	for i, e := range c.Backward {
		s.Backward = append(s.Backward, dialect.Assignment{Column: c.Old[i].Name, SQL: e})
	}
	return s
}

// Run runs the suite.
func Run(t *testing.T, d Database) {
	s := suite{d}
	tests := map[string]func(*testing.T){
		"cases":    s.cases,
		"model":    s.model,
		"counting": s.counting,
		"sampling": s.sampling,
		"seen":     s.seen,
		"crowd":    s.crowd,
		"names":    s.names,
		"kinds":    s.kinds,
		"demanded": s.demanded,
		"moves":    s.moves,
		"moved":    s.moveCases,
		"crossing": s.moveCrowd,
		"noting":   s.moveCounting,
	}
	if !s.Needed {
		tests["gone"] = s.gone
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

type suite struct{ Database }

// limit keeps a hand that hangs from hanging the tests.
const limit = 2 * time.Minute

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// hand is one session of an application.
type hand struct {
	t   testing.TB
	ctx context.Context
	c   db.Conn
}

func (s suite) open(t testing.TB, url, app string) hand {
	t.Helper()
	ctx := background(t)
	c, err := s.Driver.Open(ctx, url, db.Options{App: app, LockTimeout: 20 * time.Second})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return hand{t, ctx, c}
}

func (h hand) syncer() dialect.Syncer { return h.c.Dialect().(dialect.Syncer) }

// must runs statements that have to work.
func (h hand) must(statements ...string) {
	h.t.Helper()
	for _, text := range statements {
		if _, err := h.c.Exec(h.ctx, text); err != nil {
			h.t.Fatalf("%s: %v", text, err)
		}
	}
}

// try runs a statement and tells whether it worked. A defect of ours is none of
// the data's errors and fails the test.
func (h hand) try(text string) bool {
	h.t.Helper()
	_, err := h.c.Exec(h.ctx, text)
	var e *db.Error
	if err != nil && (!errors.As(err, &e) || e.Class != db.Bad) {
		h.t.Fatalf("%s: %v", text, err)
	}
	return err == nil
}

// rows are the rows of a query, each as text; NULL is a dot.
func (h hand) rows(query string) []string {
	h.t.Helper()
	rows, err := h.c.Query(h.ctx, query)
	if err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		values := make([]sql.NullString, len(rows.Columns()))
		dest := make([]any, len(values))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			h.t.Fatalf("%s: %v", query, err)
		}
		var texts []string
		for _, v := range values {
			if !v.Valid {
				v.String = "."
			}
			texts = append(texts, v.String)
		}
		all = append(all, strings.Join(texts, " "))
	}
	if err := rows.Err(); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	return all
}

// whole runs statements in one transaction, where DDL can be in one.
func (h hand) whole(statements []string) {
	h.t.Helper()
	if tr := h.c.Dialect().Traits(); tr.TransactionalDDL {
		statements = append(append([]string{tr.BeginWrite}, statements...), "COMMIT")
	}
	h.must(statements...)
}

// fill runs the statement of a backfill over all rows.
func (h hand) fill(s dialect.Sync, side dialect.Side) {
	h.t.Helper()
	h.must(strings.Split(strings.ReplaceAll(h.syncer().Fills(s, side), ":chunk", "(1 = 1)"), ";\n")...)
}

// disagree counts rows whose sides do not agree.
func (h hand) disagree(s dialect.Sync) string {
	h.t.Helper()
	table := h.c.Dialect().Quote(s.Table.Name)
	bare := h.rows("SELECT COUNT(*) FROM " + table + " WHERE NOT " + h.syncer().Agrees(s, ""))[0]
	if named := h.rows("SELECT COUNT(*) FROM " + table + " p WHERE NOT " + h.syncer().Agrees(s, "p"))[0]; named != bare {
		h.t.Errorf("%s rows disagree, and behind a name %s", bare, named)
	}
	return bare
}

func name(parts ...any) string { return strings.ReplaceAll(fmt.Sprint(parts...), " ", "-") }
