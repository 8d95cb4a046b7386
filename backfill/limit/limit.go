// Package limit is what a backfill must not do to the database, and to those who
// use it: how far replicas may fall behind, when it may work.
//
// Charter: which limits there are, how they are written, what holds when nobody
// says anything, and which of several layers holds.
// Invariant: a value that [Check] accepts is read by [Read]; the zero value of a
// layer changes nothing.
// Example: l, err := limit.Read(limit.Set{"replica_lag": "30s"}, limit.Set{"windows": "22:00-06:00 Europe/Berlin"})
package limit

import (
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/fault"
)

// The limits, by the names that people write.
const (
	ReplicaLag     = "replica_lag"
	ReplicaBytes   = "replica_bytes"
	SlotBytes      = "slot_bytes"
	LogRate        = "log_rate"
	Vacuum         = "vacuum"
	DeadRows       = "dead_rows"
	SnapshotAge    = "snapshot_age"
	History        = "history"
	ActiveSessions = "active_sessions"
	WALSize        = "wal_size"
	SQL            = "sql"
	Time           = "windows"
	Unseen         = "unseen"
	Replicas       = "replicas"
	Command        = "command"
)

// Off is the value by which a limit does not hold; Usual takes back what a
// stronger layer said.
const (
	Off   = "off"
	Usual = "usual"
)

// form is how a value is written.
type form int

const (
	span    form = iota // 10s
	bytes               // 1GB
	rate                // 50MB/s
	share               // 50%
	number              // 100
	word                // one of some
	text                // a query, a command
	windows             // 22:00-06:00 Europe/Berlin
)

// kind is one limit.
type kind struct {
	name  string
	form  form
	usual string   // what holds when nobody says anything
	words []string // of form word
	local bool     // a process has it from its own configuration, and from nowhere else
}

// kinds are all limits in the order of the documentation. Nothing changes them.
var kinds = []kind{
	{name: ReplicaLag, form: span, usual: "10s"},
	{name: ReplicaBytes, form: bytes, usual: "1GB"},
	{name: SlotBytes, form: bytes, usual: "10GB"},
	{name: LogRate, form: rate, usual: Off},
	{name: Vacuum, form: word, usual: "wraparound", words: []string{"wraparound", "any"}},
	{name: DeadRows, form: share, usual: "50%"},
	{name: SnapshotAge, form: span, usual: Off},
	{name: History, form: number, usual: "1000000"},
	{name: ActiveSessions, form: number, usual: ""}, // half of what the server lets in
	{name: WALSize, form: bytes, usual: "1GB"},
	{name: SQL, form: text, usual: Off},
	{name: Time, form: windows, usual: Off},
	{name: Unseen, form: word, usual: "stop", words: []string{"stop", "go"}},
	{name: Replicas, form: text, usual: Off, local: true},
	{name: Command, form: text, usual: Off, local: true},
}

func kindOf(name string) *kind {
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	return nil
}

// Names are all limits, in the order of the documentation.
func Names() []string { return names(func(kind) bool { return true }) }

// Shared are those that a file or a person may set for every process. The others
// name machines and programs of one of them, and stand in its bellows.toml.
func Shared() []string { return names(func(k kind) bool { return !k.local }) }

func names(which func(kind) bool) []string {
	var all []string
	for _, k := range kinds {
		if which(k) {
			all = append(all, k.name)
		}
	}
	return all
}

// Set is one layer of limits as written, by their names; a nil one says nothing.
type Set map[string]string

// Limits are what holds. The zero value holds nothing back; see [Read].
type Limits struct {
	// Most is the most there may be of each, in seconds, bytes, bytes a second,
	// parts of one, or as a number; one that is not in it is off. 0 is half of
	// what the server lets in, for ActiveSessions.
	Most map[string]float64
	// Asked are those that somebody has set, so that it matters when they cannot
	// be seen.
	Asked    map[string]bool
	SQL      string
	Command  string
	Replicas []string // URLs
	Windows  Windows
	Blind    bool // go on where a limit that was asked for cannot be seen
}

// Check tells what is wrong with a value, and what to write; both "" when
// nothing is.
func Check(name, value string) (wrong, hint string) {
	k := kindOf(name)
	if k == nil {
		if near := fault.Nearest(name, Names()); near != "" {
			return "is no limit", "did you mean " + near + "?"
		}
		return "is no limit", "the limits are " + strings.Join(Names(), ", ")
	}
	_, _, wrong, hint = k.read(value)
	return wrong, hint
}

// Read lays layers over each other, the weakest first.
func Read(layers ...Set) (Limits, error) {
	l := Limits{Most: map[string]float64{}, Asked: map[string]bool{}}
	for i := range kinds {
		k := &kinds[i]
		value, asked := k.usual, false
		for _, layer := range layers {
			if v, ok := layer[k.name]; ok && v != Usual {
				value, asked = v, true
			} else if ok {
				value, asked = k.usual, false
			}
		}
		if err := l.put(k, value, asked); err != nil {
			return Limits{}, err
		}
	}
	return l, nil
}

// put reads one value and keeps it.
func (l *Limits) put(k *kind, value string, asked bool) error {
	most, w, wrong, hint := k.read(value)
	if wrong != "" {
		return fault.New(fault.Config, "the limit %s %s, but says %q", k.name, wrong, fault.Redact(value)).Try("%s", hint)
	}
	if value == Off {
		return nil
	}
	switch k.name {
	case SQL:
		l.SQL = value
	case Command:
		l.Command = value
	case Replicas:
		l.Replicas = strings.Fields(value)
	case Time:
		l.Windows = w
	case Unseen:
		l.Blind = value == "go"
	default:
		l.Most[k.name] = most
		l.Asked[k.name] = asked
	}
	return nil
}

// read reads a value of the limit's form.
func (k *kind) read(value string) (most float64, w Windows, wrong, hint string) {
	if value == Off && k.name != Unseen || value == Usual || value == "" && k.usual == "" {
		return 0, w, "", ""
	}
	switch k.form {
	case span:
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return 0, w, "is a duration", "write for example " + k.name + " 10s, or off"
		}
		return d.Seconds(), w, "", ""
	case bytes, rate:
		n, ok := amount(strings.TrimSuffix(value, "/s"))
		if !ok || k.form == bytes && strings.HasSuffix(value, "/s") {
			return 0, w, "is an amount of bytes", "write a number and kB, MB, GB or TB, for example " + k.name + " " + map[form]string{bytes: "1GB", rate: "50MB/s"}[k.form] + ", or off"
		}
		return n, w, "", ""
	case share:
		n, ok := positive(strings.TrimSuffix(value, "%"))
		if !ok || !strings.HasSuffix(value, "%") || n > 100 {
			return 0, w, "is a share of 1% to 100%", "write for example " + k.name + " 50%, or off"
		}
		return n / 100, w, "", ""
	case number:
		n, ok := positive(value)
		if !ok {
			return 0, w, "is a number above 0", "write for example " + k.name + " 100, or off"
		}
		return n, w, "", ""
	case word:
		if !slices.Contains(k.words, value) {
			return 0, w, "is " + strings.Join(k.words, " or "), "write one of them" + map[bool]string{true: "", false: ", or off"}[k.name == Unseen]
		}
		// "any" counts an ordinary vacuum, "wraparound" only one that must not wait.
		return map[string]float64{"wraparound": 2, "any": 1}[value], w, "", ""
	case windows:
		w, wrong, hint = readWindows(value)
		return 0, w, wrong, hint
	}
	if strings.TrimSpace(value) == "" {
		return 0, w, "says nothing", "write it, or off"
	}
	return 0, w, "", ""
}
