package main

import (
	"context"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
)

// library is the library's options for these settings.
func (a *app) library(s *settings) bellows.Options {
	o := s.options
	if a.flags.tag != "" {
		o.Tag = a.flags.tag
	}
	o.Verb = a.verb
	o.Sink = a.show()
	o.Environ = a.environ()
	var once sync.Once
	o.Point = func(string) { once.Do(workBegins) } // the first one is that there is work
	return o
}

// open connects to the database that the settings name.
func (a *app) open(ctx context.Context, change func(*bellows.Options)) (*bellows.Migrator, *settings, error) {
	s, err := a.settings()
	if err != nil {
		return nil, nil, err
	}
	if s.url == "" {
		return nil, nil, noURL()
	}
	o := a.library(s)
	if change != nil {
		change(&o)
	}
	m, err := bellows.Open(ctx, s.url, o)
	return m, s, err
}

// readOnly is for verbs that must not write.
func readOnly(o *bellows.Options) { o.ReadOnly = true }

// folder reads the migrations without a database.
func (a *app) folder(dialect string) (*bellows.Migrator, *settings, error) {
	s, err := a.settings()
	if err != nil {
		return nil, nil, err
	}
	if dialect == "" {
		dialect = scheme(s.url)
	}
	m, err := bellows.OpenFolder(a.library(s), dialect)
	return m, s, err
}

// reach opens the database when there is a URL, and else the folder alone.
// known tells which.
func (a *app) reach(ctx context.Context) (m *bellows.Migrator, known bool, err error) {
	s, err := a.settings()
	if err != nil {
		return nil, false, err
	}
	if s.url == "" {
		m, _, err = a.folder("")
		return m, false, err
	}
	m, _, err = a.open(ctx, readOnly)
	return m, true, err
}

func noURL() error {
	return fault.New(fault.Usage, "which database? No URL was given").
		Try("--url sqlite:app.db, or BELLOWS_URL, or url in bellows.toml (bellows init writes one)")
}

// scheme is what a URL begins with.
func scheme(url string) string {
	s, _, ok := strings.Cut(url, ":")
	if !ok {
		return ""
	}
	return strings.ToLower(s)
}

// databaseName is the name in a URL, for --confirm where no environment is named.
func databaseName(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Opaque == "" && u.Path != "" && u.Path != "/" {
		return path.Base(u.Path)
	}
	_, rest, _ := strings.Cut(raw, ":")
	rest, _, _ = strings.Cut(strings.TrimLeft(rest, "/"), "?")
	return filepath.Base(rest)
}
