package config

import (
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/fault"
)

// form is the form that a key's value has.
type form int

const (
	text form = iota
	truth
	span
	schema // text, or a table with exec
)

// key is one setting.
type key struct {
	name     string
	form     form
	fallback string
	secret   bool     // may hold a password
	env      []string // further environment variables, after BELLOWS_NAME
	set      func(s *Settings, v string, d time.Duration)
	check    func(v string, d time.Duration) (wrong, hint string)
}

// keys are all settings but "default" and "env". Nothing changes them.
var keys = []key{
	{name: "url", secret: true, env: []string{"DATABASE_URL"}, set: func(s *Settings, v string, _ time.Duration) { s.URL = v }},
	{name: "dir", fallback: "migrations", check: wanted, set: func(s *Settings, v string, _ time.Duration) { s.Dir = v }},
	{name: "format", check: format, set: func(s *Settings, v string, _ time.Duration) { s.Format = v }},
	{name: "recursive", form: truth, fallback: "true", set: func(s *Settings, v string, _ time.Duration) { s.Recursive = v == "true" }},
	{name: "repeatable", fallback: "repeatable", check: wanted, set: func(s *Settings, v string, _ time.Duration) { s.Repeatable = v }},
	{name: "templates", set: func(s *Settings, v string, _ time.Duration) { s.Templates = v }},
	{name: "schema", form: schema, secret: true, set: setSchema},
	{name: "shadow", secret: true, set: func(s *Settings, v string, _ time.Duration) { s.Shadow = v }},
	{name: "dump", set: func(s *Settings, v string, _ time.Duration) { s.Dump = v }},
	{name: "archive", form: truth, fallback: "false", set: func(s *Settings, v string, _ time.Duration) { s.Archive = v == "true" }},
	{name: "ledger_schema", fallback: "bellows", check: identifier, set: func(s *Settings, v string, _ time.Duration) { s.LedgerSchema = v }},
	{name: "ledger_prefix", fallback: "bellows_", check: identifier, set: func(s *Settings, v string, _ time.Duration) { s.LedgerPrefix = v }},
	{name: "lock_timeout", form: span, fallback: "500ms", check: positive, set: func(s *Settings, _ string, d time.Duration) { s.LockTimeout = d }},
	{name: "lock_budget", form: span, fallback: "5m", set: func(s *Settings, _ string, d time.Duration) { s.LockBudget = d }},
	{name: "statement_timeout", form: span, fallback: "0s", set: func(s *Settings, _ string, d time.Duration) { s.StatementTimeout = d }},
	{name: "lock_wait", form: span, fallback: "30s", set: func(s *Settings, _ string, d time.Duration) { s.LockWait = d }},
	{name: "grace", form: span, fallback: "10s", set: func(s *Settings, _ string, d time.Duration) { s.Grace = d }},
	{name: "holds", fallback: string(Ask), check: holds, set: func(s *Settings, v string, _ time.Duration) { s.Holds = Holds(v) }},
	{name: "protected", form: truth, fallback: "false", set: func(s *Settings, v string, _ time.Duration) { s.Protected = v == "true" }},
	{name: "strict", form: truth, fallback: "false", set: func(s *Settings, v string, _ time.Duration) { s.Strict = v == "true" }},
	{name: "deploy_tag", set: func(s *Settings, v string, _ time.Duration) { s.DeployTag = v }},
}

func keyOf(name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

// names are the keys that may stand in a table; at the top there are two more.
func names(more ...string) []string {
	all := make([]string, 0, len(keys)+len(more))
	for _, k := range keys {
		all = append(all, k.name)
	}
	return append(all, more...)
}

// variables are the environment variables of a key, the strongest first.
func (k *key) variables() []string {
	return append([]string{"BELLOWS_" + strings.ToUpper(k.name)}, k.env...)
}

func (k *key) flag() string { return "--" + strings.ReplaceAll(k.name, "_", "-") }

// execMark stands before a schema's command while it travels as text.
const execMark = "exec: "

func setSchema(s *Settings, v string, _ time.Duration) {
	if command, ok := strings.CutPrefix(v, execMark); ok {
		s.Schema = Schema{Exec: command}
		return
	}
	s.Schema = Schema{Path: v}
}

func wanted(v string, _ time.Duration) (wrong, hint string) {
	if strings.TrimSpace(v) == "" {
		return "names a folder", "name a folder, or leave the key out for the default"
	}
	return "", ""
}

func positive(_ string, d time.Duration) (wrong, hint string) {
	if d < time.Millisecond {
		return "is at least 1ms", "no statement is sent without a limit on its wait for locks; leave the key out for 500ms"
	}
	return "", ""
}

// formats are those that the rooms below source read.
var formats = [...]string{"bellows", "golang-migrate", "dbmate", "diesel"}

func format(v string, _ time.Duration) (wrong, hint string) {
	if v == "" || slices.Contains(formats[:], v) {
		return "", ""
	}
	wrong = "is " + strings.Join(formats[:len(formats)-1], ", ") + " or " + formats[len(formats)-1]
	if near := fault.Nearest(v, formats[:]); near != "" {
		return wrong, "did you mean \"" + near + "\"?"
	}
	return wrong, "leave it out, and the folder's format is recognised"
}

func holds(v string, _ time.Duration) (wrong, hint string) {
	if v == string(Ask) || v == string(Auto) {
		return "", ""
	}
	if near := fault.Nearest(v, []string{string(Ask), string(Auto)}); near != "" {
		return "is \"ask\" or \"auto\"", "did you mean \"" + near + "\"?"
	}
	return "is \"ask\" or \"auto\"", "\"auto\" approves holds by themselves and is for development and tests"
}

// identifier checks the name of a schema or the beginning of a table's: what
// every database takes without quotes.
func identifier(v string, _ time.Duration) (wrong, hint string) {
	ok := v != "" && len(v) <= 40 && (v[0] < '0' || v[0] > '9')
	for _, c := range v {
		ok = ok && (c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9')
	}
	if !ok {
		return "is a plain name", "use small letters, digits and _, at most 40, beginning with a letter or _"
	}
	return "", ""
}
