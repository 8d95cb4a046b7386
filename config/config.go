// Package config turns the text of bellows.toml, the environment and the flags
// into the settings of one run.
//
// Charter: which settings there are, what each means, which of several values
// holds, and where it came from.
// Invariant: what [Settings.Values] and every error here say holds no password.
// Example: file, err := config.Parse("bellows.toml", text); s, err := file.Settings(config.Request{Env: "dev", Lookup: lookup})
package config

import (
	"time"

	"github.com/bellowsdb/bellows/fault"
)

// Settings are what holds for one run. Paths are as written; those that came
// from the file ([Settings.Origin]) are relative to its folder.
type Settings struct {
	Env string // the chosen [env.NAME], "" for none

	URL        string // the database; "" when nothing names one
	Dir        string // the folder of migrations
	Format     string // the folder's format, "" to recognise it
	Recursive  bool   // sub-folders of Dir are read
	Repeatable string // the sub-folder of repeatable files
	Templates  string // a folder of templates for new files, "" for the built-in ones
	Schema     Schema // the desired schema
	Shadow     string // the URL of an empty database to try things in, "" to make them
	Dump       string // a file that up, down and redo keep equal to the schema of the database, "" for none
	Archive    bool   // diff puts aside what goes, instead of dropping it

	LedgerSchema string // PostgreSQL: the schema of our tables
	LedgerPrefix string // elsewhere: what the names of our tables begin with

	LockTimeout      time.Duration // longest wait of one statement for a lock
	LockBudget       time.Duration // longest time to go on trying to get one
	StatementTimeout time.Duration // longest time of one statement, 0 for no limit
	LockWait         time.Duration // longest wait for another run to end, 0 for none
	Grace            time.Duration // time a statement gets to end after an interrupt

	Holds     Holds // who approves holds
	Protected bool  // down, redo, stamp, drop and try want --confirm
	Strict    bool  // refuse migrations that are out of order
	DeployTag string

	// Backfill are the limits of backfills, as package limit spells them; nil when
	// nothing is said.
	Backfill map[string]string

	values []Value
}

// Schema names the desired schema: a file, folder or URL, or a command that
// prints it. Both empty: there is none.
type Schema struct {
	Path string
	Exec string
}

// Holds says who approves holds.
type Holds string

// The ways to approve holds.
const (
	Ask  Holds = "ask"  // a person does, by name
	Auto Holds = "auto" // they approve themselves: for development and tests
)

// Source is the kind of place that a value came from, the strongest first.
type Source int

// The sources of a value.
const (
	Flag Source = iota
	Environment
	DotEnv
	EnvTable
	TopLevel
	Default
)

// Origin is where a value came from. Name is the flag, variable or table.
type Origin struct {
	Source Source
	Name   string
	Pos    fault.Pos // in the file, for EnvTable and TopLevel
}

// String is the origin as people read it.
func (o Origin) String() string {
	switch o.Source {
	case Flag:
		return "flag " + o.Name
	case Environment:
		return "environment variable " + o.Name
	case DotEnv:
		return o.Name + " in .env"
	case EnvTable:
		return o.Pos.String() + " [" + o.Name + "]"
	case TopLevel:
		return o.Pos.String()
	}
	return "default"
}

// InFile tells whether the value came from the file, so that a path is relative
// to the file's folder.
func (o Origin) InFile() bool { return o.Source == EnvTable || o.Source == TopLevel }

// Value is a setting for showing: passwords are masked.
type Value struct {
	Key  string
	Text string
	From Origin
}

// Values are all settings in the order of the documentation.
func (s Settings) Values() []Value { return s.values }

// Origin is where the setting of that key came from.
func (s Settings) Origin(key string) Origin {
	for _, v := range s.values {
		if v.Key == key {
			return v.From
		}
	}
	return Origin{Source: Default}
}
