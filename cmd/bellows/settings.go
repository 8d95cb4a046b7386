package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/config"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// configName is the configuration file that is read when none is named.
const configName = "bellows.toml"

// settings are what holds for this command line.
type settings struct {
	url       string
	env       string // the environment's name, or ""
	protected bool
	templates string // a folder, or ""
	dump      string // a file, or ""
	shadow    string // a URL, or ""
	schema    config.Schema
	folder    string // of the configuration file
	recursive bool
	archive   bool // put aside what goes
	options   bellows.Options
	values    []answer.Setting
}

// shownURL is the URL without its password.
func (s *settings) shownURL() string { return fault.Redact(s.url) }

// name is what a confirmation has to say.
func (s *settings) name() string {
	if s.env != "" {
		return s.env
	}
	return databaseName(s.url)
}

// settings reads the configuration, once.
func (a *app) settings() (*settings, error) {
	if a.set != nil {
		return a.set, nil
	}
	name, file, err := a.configFile()
	if err != nil {
		return nil, err
	}
	dotenv, err := a.dotEnv(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	c, err := file.Settings(config.Request{Env: a.flags.env, Flags: a.flags.given(), Lookup: a.env, DotEnv: dotenv})
	if err != nil {
		return nil, err
	}
	a.set = settingsOf(c, filepath.Dir(name))
	return a.set, nil
}

// given are the settings that were given as flags, by key.
func (f flags) given() map[string]string {
	m := map[string]string{}
	for key, v := range map[string]string{"url": f.url, "dir": f.dir, "schema": f.schema, "shadow": f.shadow, "format": f.format, "lock_wait": f.lockWait,
		"lock_timeout": f.lockTimeout, "statement_timeout": f.statementTimeout} {
		if v != "" {
			m[key] = v
		}
	}
	return m
}

// configFile reads the configuration; one that was not asked for may be missing.
func (a *app) configFile() (name string, f config.File, err error) {
	name = a.flags.config
	asked := name != ""
	if !asked {
		if v, ok := a.env("BELLOWS_CONFIG"); ok && v != "" {
			name, asked = v, true
		} else {
			name = configName
		}
	}
	read := os.ReadFile
	if !asked {
		read = plainFile
	}
	text, err := read(name)
	switch {
	case err == nil:
		f, err = config.Parse(name, string(text))
	case !asked && errors.Is(err, fs.ErrNotExist):
		err = nil
	default:
		err = unreadable(name, err, "--config names the configuration file")
	}
	return name, f, err
}

// dotEnv reads the file .env beside the configuration, when it is there.
func (a *app) dotEnv(folder string) (map[string]string, error) {
	name := filepath.Join(folder, ".env")
	text, err := plainFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(name, err, "only a file may have that name")
	}
	return config.ParseDotEnv(name, string(text))
}

// plainFile reads a file that nobody named: a pipe of that name, which might
// never end, is an error. One that was named may be a pipe.
func plainFile(name string) ([]byte, error) {
	if info, err := os.Stat(name); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, errors.New("it is not a plain file")
	}
	return os.ReadFile(name)
}

// unreadable is a file of settings that cannot be read.
func unreadable(name string, err error, hint string) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fault.New(fault.Config, "%s cannot be read", name).Because(err).Try("%s", hint)
}

// settingsOf turns a configuration, whose file lies in folder, into settings.
func settingsOf(c config.Settings, folder string) *settings {
	at := func(key, path string) string {
		if path == "" || folder == "." || filepath.IsAbs(path) || !c.Origin(key).InFile() {
			return path
		}
		return filepath.Join(folder, path)
	}
	c.URL = strings.TrimSpace(c.URL) // secrets are often kept with the end of their line
	s := &settings{url: c.URL, env: c.Env, protected: c.Protected, templates: at("templates", c.Templates), dump: at("dump", c.Dump), recursive: c.Recursive, archive: c.Archive,
		schema: c.Schema, folder: folder}
	url := func(key, url string) string {
		if kind, file, ok := strings.Cut(url, ":"); ok && isFile(kind, file) {
			return kind + ":" + at(key, file)
		}
		return url
	}
	s.url, s.shadow = url("url", c.URL), url("shadow", strings.TrimSpace(c.Shadow))
	if s.schema.Path = url("schema", c.Schema.Path); !isURL(s.schema.Path) {
		s.schema.Path = at("schema", c.Schema.Path)
	}
	s.options = bellows.Options{
		Dir: at("dir", c.Dir), Format: c.Format, Flat: !c.Recursive, Repeatable: c.Repeatable,
		ProgramDir: folder, Ledger: ledgerName(c), Strict: c.Strict, Tag: c.DeployTag,
		LockWait: orNever(c.LockWait), LockTimeout: c.LockTimeout, RetryBudget: c.LockBudget,
		StatementTimeout: c.StatementTimeout, Grace: orNever(c.Grace), Backfill: c.Backfill,
		AutoHolds: c.Holds == config.Auto,
	}
	for _, v := range c.Values() {
		s.values = append(s.values, answer.Setting{Key: v.Key, Value: v.Text, From: v.From.String()})
	}
	s.values = append([]answer.Setting{{Key: "env", Value: c.Env, From: ""}}, s.values...)
	return s
}

// isURL tells a URL from the name of a file.
func isURL(text string) bool {
	kind, file, ok := strings.Cut(text, ":")
	return ok && (strings.HasPrefix(file, "//") || kind == "sqlite" || kind == "sqlite3" || kind == "file")
}

// isFile tells whether a URL names a database file by a plain path.
func isFile(kind, file string) bool {
	return (kind == "sqlite" || kind == "sqlite3" || kind == "file") && file != "" && file[0] != ':' && file[0] != '/'
}

// ledgerName is the schema of our tables, or what their names begin with.
func ledgerName(c config.Settings) string {
	if strings.HasPrefix(scheme(c.URL), "postgres") {
		return c.LedgerSchema
	}
	return strings.TrimSuffix(c.LedgerPrefix, "_")
}

// orNever says "not at all" as the library does, for which zero is the default.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
