// Package shadow hands out throwaway databases on which shapes are tried.
//
// Charter: makes a scratch database beside another one, or uses the one it is
// given; fills it, or copies one that was filled with the same; drops it; sweeps
// those that a killed process left behind.
// Invariant: only databases are dropped whose names say that they are ours and
// that their time is over, and the one that this process has made.
// Example: s, err := shadow.Open(ctx, shadow.Options{Driver: driver, Beside: url, Run: run, Now: now}); defer s.Close(ctx)
//
// Why it is safe: a name is bellows_shadow_EXPIRY_RUN or bellows_template_EXPIRY_KEY
// with the expiry in seconds since 1970, base 36. Who sweeps needs no record of
// who made what, and a process that lives longer than its shadow says only loses
// the shadow.
package shadow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

const (
	scratch  = "bellows_shadow_"
	template = "bellows_template_"
)

// Options say where a shadow is to be and what it holds.
type Options struct {
	Driver db.Driver
	// URL names a database to use as it is; it must hold nothing, and is left as
	// it is at the end, not dropped. "" makes one.
	URL string
	// Beside names the database beside which one is made.
	Beside string
	// Run names the process's run, in at most 20 letters and digits.
	Run string
	// Now is the time; Life is how long others must leave the shadow alone, 0 is
	// an hour, and Keep how long a template is kept, 0 is a day.
	Now        time.Time
	Life, Keep time.Duration
	// Key stands for what Fill writes: the texts, or their hash. When it is not "",
	// a database filled with the same is copied instead of filled again.
	Key string
	// Fill writes what the shadow shall hold, with its session, which it may
	// replace; nil leaves it empty.
	Fill func(ctx context.Context, s *Shadow) error
	// Session is how sessions on it are opened.
	Session db.Options
}

// Unmade is the error of a database that could not be made: another server may be
// asked for one.
type Unmade struct{ Err error }

// Error is that of Err, and Unwrap gives it.
func (e *Unmade) Error() string { return e.Err.Error() }

// Unwrap gives what was wrong.
func (e *Unmade) Unwrap() error { return e.Err }

// Shadow is one throwaway database.
type Shadow struct {
	// URL names it.
	URL string
	// Conn is a session on it.
	Conn db.Conn
	// Quick is set by Fill when it costs little: then no template is kept.
	Quick bool

	o    Options
	made bool
}

// Open sweeps, makes the shadow and fills it.
func Open(ctx context.Context, o Options) (*Shadow, error) {
	if o.Life == 0 {
		o.Life = time.Hour
	}
	if o.Keep == 0 {
		o.Keep = 24 * time.Hour
	}
	if o.Key != "" {
		sum := sha256.Sum256([]byte(o.Key))
		o.Key = hex.EncodeToString(sum[:12]) // names of databases are short
	}
	s := &Shadow{URL: o.URL, o: o}
	if o.URL != "" {
		return s, s.given(ctx)
	}
	near, ok := o.Driver.(db.Neighbour)
	if !ok {
		return nil, fault.New(fault.Unsupported, "a throwaway database cannot be made beside this one").
			Try("name an empty one that may be used for it")
	}
	if err := sweep(ctx, near, o); err != nil {
		return nil, &Unmade{err}
	}
	if err := s.make(ctx, near); err != nil {
		s.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// given opens a database that somebody else has made.
func (s *Shadow) given(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.fill(ctx); err != nil {
		s.Conn.Close()
		return err
	}
	return nil
}

func (s *Shadow) connect(ctx context.Context) (err error) {
	s.Conn, err = s.o.Driver.Open(ctx, s.URL, s.o.Session)
	return err
}

func (s *Shadow) fill(ctx context.Context) error {
	if s.o.Fill == nil {
		return nil
	}
	return s.o.Fill(ctx, s)
}

// make creates the shadow: as a copy where one was filled with the same before.
func (s *Shadow) make(ctx context.Context, near db.Neighbour) error {
	name := stamped(scratch, s.o.Now.Add(s.o.Life), s.o.Run)
	url, err := near.Beside(s.o.Beside, name)
	if err != nil {
		return err
	}
	s.URL = url
	if s.o.Key != "" && s.copied(ctx, near, name) {
		return s.connect(ctx)
	}
	made, err := near.Make(ctx, s.o.Beside, name)
	if err != nil {
		return &Unmade{fault.New(fault.Denied, "a throwaway database cannot be made: %v", err).Because(err).
			Try("give the role the right to create databases, or name an empty database to use: --shadow, or the key shadow")}
	}
	if !made {
		return fault.New(fault.Exists, "the throwaway database %s is there already", name).Try("run the command again")
	}
	s.made = true
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.fill(ctx); err != nil || s.o.Key == "" || s.Quick {
		return err
	}
	return s.keep(ctx, near)
}

// copied tells whether the shadow could be made as a copy of a template.
func (s *Shadow) copied(ctx context.Context, near db.Neighbour, name string) bool {
	names, err := near.Names(ctx, s.o.Beside, template)
	if err != nil {
		return false
	}
	at := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, "_"+s.o.Key) })
	if at < 0 {
		return false
	}
	from, err := near.Beside(s.o.Beside, names[at])
	if err != nil {
		return false
	}
	s.made = near.Clone(ctx, from, name) == nil
	return s.made
}

// keep copies the shadow into a template. That it cannot is no failure: the next
// one fills again.
func (s *Shadow) keep(ctx context.Context, near db.Neighbour) error {
	if err := s.Conn.Close(); err != nil {
		return err
	}
	_ = near.Clone(ctx, s.URL, stamped(template, s.o.Now.Add(s.o.Keep), s.o.Key))
	return s.connect(ctx)
}

// Close ends the session and drops the shadow, if it was made here.
func (s *Shadow) Close(ctx context.Context) error {
	var first error
	if s.Conn != nil {
		first = s.Conn.Close()
	}
	if s.made {
		s.made = false
		if _, err := s.o.Driver.Drop(ctx, s.URL); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// stamped is a name that says until when it must be left alone.
func stamped(prefix string, until time.Time, rest string) string {
	return prefix + strconv.FormatInt(until.Unix(), 36) + "_" + rest
}

// sweep drops what others have left behind.
func sweep(ctx context.Context, near db.Neighbour, o Options) error {
	for _, prefix := range []string{scratch, template} {
		names, err := near.Names(ctx, o.Beside, prefix)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !over(name, prefix, o.Now) {
				continue
			}
			url, err := near.Beside(o.Beside, name)
			if err != nil {
				return err
			}
			if _, err := o.Driver.Drop(ctx, url); err != nil {
				return err
			}
		}
	}
	return nil
}

// over tells whether the time that a name speaks of is over.
func over(name, prefix string, now time.Time) bool {
	stamp, _, ok := strings.Cut(strings.TrimPrefix(name, prefix), "_")
	if !ok {
		return false
	}
	until, err := strconv.ParseInt(stamp, 36, 64)
	return err == nil && until > 0 && time.Unix(until, 0).Before(now)
}
