// Package replay makes shapes: of files of SQL and of migrations, by running them
// in throwaway databases.
//
// Charter: what diff, drift, verify and squash need to know of databases that do
// not exist: what a set of files makes, what migrations make, whether each way
// back leads back.
// Invariant: what is run here is run in a throwaway database, or in one that was
// named for it and was found to hold nothing; it holds nothing afterwards.
// Example: err := ground.Use(ctx, replay.Files(texts), func(ctx context.Context, s *replay.Stage) error { shape, err = s.Shape(ctx); return err })
package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/host"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/internal/shadow"
	"github.com/bellowsdb/bellows/schema"
)

// Ground is where throwaway databases stand.
type Ground struct {
	Driver db.Driver
	// Given names a database to use instead of making some; "" makes them.
	Given string
	// Beside names the database beside which they are made.
	Beside string
	// Scheme says whose database is meant where Beside names none: mariadb.
	Scheme string
	// Hosts run a server where none can be made there; nil for none. Only narrows the
	// choice to one place.
	Hosts *host.Hosts
	Only  Place
	// Run makes a name for the next one, in at most 20 letters and digits.
	Run func() string
	Now func() time.Time
	// Ledger is the name of the ledger, whose tables belong to no shape.
	Ledger string
}

// Place is where a throwaway database stands; "" is the first of them that works.
type Place string

// The places, in the order in which they are tried.
const (
	Beside    Place = "beside"    // beside the database that counts
	Local     Place = "local"     // on a server that runs from this machine's programs
	Container Place = "container" // on a server in a container
)

// Content is what a throwaway database is filled with. Key stands for it: what
// has the same key is the same, and may be copied from one that was filled
// before; "" is never copied.
type Content struct {
	Key  string
	fill func(ctx context.Context, s *Stage) error
}

// Files are files of DDL, in any order.
func Files(texts []shadow.Text) Content {
	h := sha256.New()
	for _, t := range texts {
		h.Write([]byte(t.Name + "\x00" + t.SQL + "\x00"))
	}
	return Content{
		Key:  "files " + hex.EncodeToString(h.Sum(nil)),
		fill: func(ctx context.Context, s *Stage) error { return shadow.Load(ctx, s.shadow.Conn, texts) },
	}
}

// Stage is a throwaway database in use.
type Stage struct {
	ground Ground
	shadow *shadow.Shadow
}

// Conn is a session on it.
func (s *Stage) Conn() db.Conn { return s.shadow.Conn }

// Dialect is its language, at its version.
func (s *Stage) Dialect() dialect.Dialect { return s.shadow.Conn.Dialect() }

// Shape is what it holds now, without the tables of ledgers.
func (s *Stage) Shape(ctx context.Context) (schema.Schema, error) {
	return compare.Inspect(ctx, s.shadow.Conn, db.Inspection{Leave: s.leave()})
}

// leave are the tables of ledgers.
func (s *Stage) leave() []string {
	d := s.Dialect()
	return append(ledger.New(d, s.ground.Ledger).Own(), ledger.New(d, mark).Own()...)
}

// Use fills a throwaway database, hands it over, and takes it away.
func (g Ground) Use(ctx context.Context, c Content, do func(ctx context.Context, s *Stage) error) error {
	fill := func(ctx context.Context, s *shadow.Shadow) error {
		if c.fill == nil {
			return nil
		}
		begun := g.Now()
		err := c.fill(ctx, &Stage{g, s})
		s.Quick = g.Now().Sub(begun) < quick
		return err
	}
	if g.Driver == nil {
		return fault.New(fault.Usage, "a throwaway database is needed, and no server to make it on is known").
			Try("--url names a database beside which it is made, --shadow an empty one to use")
	}
	if g.Given != "" {
		return g.given(ctx, fill, do)
	}
	s, err := g.open(ctx, c.Key, fill)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, &Stage{g, s}), s.Close(context.WithoutCancel(ctx)))
}

// open makes a throwaway database in the first place where that can be.
func (g Ground) open(ctx context.Context, key string, fill func(context.Context, *shadow.Shadow) error) (*shadow.Shadow, error) {
	o := shadow.Options{Driver: g.Driver, Run: g.Run(), Now: g.Now(), Key: key, Fill: fill, Session: g.session()}
	var tried []error
	for _, p := range g.places() {
		var err error
		if o.Beside, err = p.url(ctx); err == nil {
			var s *shadow.Shadow
			if s, err = shadow.Open(ctx, o); err == nil {
				return s, nil
			}
			var unmade *shadow.Unmade
			if !errors.As(err, &unmade) {
				return nil, err
			}
			err = unmade.Err
		}
		if ctx.Err() != nil {
			return nil, err
		}
		if tried = append(tried, err); len(g.places()) > 1 {
			tried[len(tried)-1] = fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if len(tried) == 1 && (g.Only == "" || g.Only == Beside) {
		return nil, tried[0]
	}
	return nil, fault.New(fault.Denied, "a throwaway database cannot be had").Because(errors.Join(tried...)).
		Try("give the role the right to create databases; or install the server's programs, docker or podman; or name an empty database to use: --shadow, or the key shadow")
}

// place is one in which throwaway databases may stand.
type place struct {
	name string
	url  func(context.Context) (string, error)
}

// places are those that are tried, in order. A server that runs already is the
// first: there was a reason for it.
func (g Ground) places() (all []place) {
	want := host.Want{Driver: g.Driver, Near: g.Beside, Scheme: g.Scheme}
	beside := place{"beside the database", func(context.Context) (string, error) { return g.Beside, nil }}
	local := place{"on a server of this machine", func(ctx context.Context) (string, error) { return g.Hosts.Local(ctx, want) }}
	container := place{"in a container", func(ctx context.Context) (string, error) { return g.Hosts.Container(ctx, want) }}
	_, can := g.Driver.(db.Host)
	can = can && g.Hosts != nil
	switch {
	case g.Only == Beside || !can:
		return []place{beside}
	case g.Only == Local:
		return []place{local}
	case g.Only == Container:
		return []place{container}
	case g.Beside == "":
		return []place{local, container}
	}
	switch g.Hosts.Runs(want) {
	case "local":
		return []place{local}
	case "container":
		return []place{container}
	}
	return []place{beside, local, container}
}

// quick is what costs less to do again than to copy a database for.
const quick = time.Second

// session is how sessions on throwaway databases are opened: nobody else is there
// to be waited for long, but for the server's own work.
func (g Ground) session() db.Options {
	return db.Options{App: "bellows/shadow", LockTimeout: 10 * time.Second}
}

// mark names the ledger that marks a database that was named to be used as a
// throwaway one: with it, what is in there is ours.
const mark = "bellows_shadow"

// given uses the database that was named for it.
func (g Ground) given(ctx context.Context, fill func(context.Context, *shadow.Shadow) error, do func(context.Context, *Stage) error) (err error) {
	s, err := shadow.Open(ctx, shadow.Options{Driver: g.Driver, URL: g.Given, Session: g.session()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	if err := claim(ctx, s.Conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.empty(context.WithoutCancel(ctx))) }()
	if err := fill(ctx, s); err != nil {
		return err
	}
	return do(ctx, &Stage{g, s})
}

// claim makes sure that the database holds nothing, or only what an earlier run
// that was killed has left there, and marks it.
func claim(ctx context.Context, c db.Conn) error {
	l := ledger.New(c.Dialect(), mark)
	ours, err := l.Exists(ctx, c)
	if err != nil {
		return err
	}
	if ours {
		if err := wipe(ctx, c); err != nil {
			return err
		}
	}
	shape, err := compare.Inspect(ctx, c, db.Inspection{})
	if err != nil {
		return err
	}
	empty, err := emptyOf(c.Dialect())
	if err != nil {
		return err
	}
	if found := diff.Compare(empty, shape.Without(schema.Owner, schema.ACL, schema.Comment)); len(found) > 0 {
		return fault.New(fault.Exists, "the database that is named as shadow is not empty: it has %s", found[0].ID()).
			Try("name one that holds nothing; what is in it would be dropped")
	}
	for _, sql := range l.Create() {
		if _, err := c.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// emptyOf is the shape of a new database, without who owns it.
func emptyOf(d dialect.Dialect) (schema.Schema, error) {
	shaper, ok := d.(dialect.Shaper)
	if !ok {
		return schema.Schema{}, fault.New(fault.Unsupported, "the shape of a %s database cannot be read", d.Name())
	}
	return shaper.Empty().Without(schema.Owner, schema.ACL, schema.Comment), nil
}

// empty takes everything out of the database again, with a session of its own:
// what was run in the other may have changed its settings.
func (g Ground) empty(ctx context.Context) error {
	c, err := g.Driver.Open(ctx, g.Given, g.session())
	if err != nil {
		return err
	}
	return errors.Join(wipe(ctx, c), c.Close())
}

// wipe drops all that a database holds.
func wipe(ctx context.Context, c db.Conn) error {
	shape, err := compare.Inspect(ctx, c, db.Inspection{})
	if err != nil {
		return err
	}
	empty, err := emptyOf(c.Dialect())
	if err != nil {
		return err
	}
	r, err := compare.Diff(c.Dialect(), shape.Without(schema.Owner, schema.ACL, schema.Comment), empty, diff.Options{Staging: diff.Never})
	if err != nil {
		return err
	}
	for _, part := range [][]diff.Statement{r.UpFrame.Before, r.UpFrame.Inside, r.UpFrame.After} {
		for _, s := range part {
			if _, err := c.Exec(ctx, s.SQL); err != nil {
				return err
			}
		}
	}
	return nil
}
