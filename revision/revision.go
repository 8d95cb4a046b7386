// Package revision is the graph of changes a project has written down.
//
// Charter: revisions, what their files say, how they hang together, and what a
// target expression means.
// Invariant: a [Graph] has no cycle, no unknown parent and no two revisions of
// one id; its order is a function of its revisions alone.
// Example: g, err := revision.New(revs); to, err := g.Resolve("head", applied)
package revision

import (
	"time"

	"github.com/bellowsdb/bellows/fault"
)

// ID names a revision: usually the digits its file name begins with. Two ids of
// digits only are ordered as numbers, all others as text.
type ID string

// Kind says what a revision does.
type Kind string

// The kinds of a revision.
const (
	Schema     Kind = "schema"
	Data       Kind = "data"
	Backfill   Kind = "backfill"
	Change     Kind = "change"
	Repeatable Kind = "repeatable"
)

// Phase is how far a change or backfill is; "" for kinds without phases.
type Phase string

// The phases, in order.
const (
	Expand   Phase = "expand"
	Sync     Phase = "sync"
	Fill     Phase = "backfill"
	Verify   Phase = "verify"
	Hold     Phase = "hold"
	Contract Phase = "contract"
	Purge    Phase = "purge"
)

// Need is a revision that must be applied first though it is no parent; Phase
// is the least it must have reached, "" for applied.
type Need struct {
	ID    ID
	Phase Phase
}

// Range is what a squash replaces, both ends included.
type Range struct{ From, To ID }

// Revision is what the head of a file says: enough for the graph, cheap to keep
// for thousands of files. What the file does is in its [Script].
type Revision struct {
	ID   ID
	Name string // the slug: file name without id and ending
	Kind Kind
	// Parents are the ids said by "revises". With Implied set there was no such
	// line: [New] makes the revision before it in order the parent.
	Parents []ID
	Implied bool
	Needs   []Need
	Label   string // the branch that starts here, or ""
	// Replaces is set for a squash.
	Replaces *Range
	// Said is where the header says what.
	Said Said
	// File is where it was read, as errors name it. Empty for one written in Go.
	File string
	// Checksum is the SHA-256 in hex of the text with LF line ends and no byte-order mark.
	Checksum string
	// Native is set for the project's own file format, whose rules are strict;
	// what other tools' folders contain is judged more mildly.
	Native bool
}

// Spot is a place in a revision's file; the zero Spot is not known.
type Spot struct{ Line, Column int32 }

// Said is where a header says what, as far as it is known: each parent and each
// need, in their order, the label, and what is replaced.
type Said struct {
	Parents, Needs  []Spot
	Label, Replaces Spot
}

// parent is where parent k stands.
func (s Said) parent(k int) Spot { return spotOf(s.Parents, k) }

// need is where need k stands.
func (s Said) need(k int) Spot { return spotOf(s.Needs, k) }

func spotOf(all []Spot, k int) Spot {
	if k >= 0 && k < len(all) {
		return all[k]
	}
	return Spot{}
}

// TxMode says how the statements of a section share transactions.
type TxMode string

// The transaction modes of a section.
const (
	// TxDefault: one transaction where the database can roll back DDL.
	TxDefault TxMode = ""
	// TxEach: each statement alone, progress recorded per statement.
	TxEach TxMode = "each"
	// TxClient: as the tool that owns the folder would send it: one transaction,
	// unless the text itself has BEGIN/COMMIT or is a single statement that
	// cannot run in one.
	TxClient TxMode = "client"
)

// Section is one run of SQL in a file, with its options. At is the place of the
// first character of SQL. A zero timeout means the configured one.
type Section struct {
	SQL              string        `json:",omitzero"`
	At               fault.Pos     `json:",omitzero"`
	Tx               TxMode        `json:",omitzero"`
	Mixed            bool          `json:",omitzero"` // mixing schema and data was allowed by the author
	LockTimeout      time.Duration `json:",omitzero"`
	StatementTimeout time.Duration `json:",omitzero"`
}

// Script is what a revision does. Which fields are set depends on its kind:
// Up (schema, data, repeatable; for data it is the data section), Down and
// Irreversible (any), Check (data, backfill), Fill and Write (backfill), Steps
// (change).
type Script struct {
	Revision ID       `json:",omitzero"`
	Kind     Kind     `json:",omitzero"`
	Up       *Section `json:",omitzero"`
	Down     *Section `json:",omitzero"`
	// Head is the text above the first section, in a script that came from a file.
	Head *Section `json:"-"`
	// Irreversible is the author's reason why there is no way back; nil when not
	// declared.
	Irreversible *string `json:",omitzero"`
	// IrreversibleAt is where that is declared, in a script that came from a file.
	IrreversibleAt fault.Pos   `json:"-"`
	Check          []Section   `json:",omitzero"`
	Fill           *FillSpec   `json:",omitzero"`
	Change         *ChangeSpec `json:",omitzero"`
	// Go is set for a migration written in Go: Up and Down are nil then and the
	// functions are found under the revision's id.
	Go bool `json:",omitzero"`
}

// FillSpec is the head and body of a backfill. Zero numbers mean the default.
type FillSpec struct {
	Table   string
	Key     []string
	Rows    int
	Target  time.Duration
	Workers int
	Pause   time.Duration
	Poison  int
	// Limits are what holds it back, by the names and in the spelling of package
	// limit; nil says nothing.
	Limits map[string]string `json:",omitempty"`
	// Program is the command of a row program, Function the name of one written in
	// Go; one of them stands with Write.
	Program        string        `json:",omitempty"`
	ProgramTimeout time.Duration `json:",omitempty"`
	Function       string        `json:",omitempty"`
	Body           Section
	Write          *Section `json:",omitempty"`
	At             fault.Pos
	// Repeats: whoever made the statements vouches that they pass over rows that
	// they have changed.
	Repeats bool `json:",omitzero"`
}

// HoldSpec is a named approval. Quiet is how long no old-side write must have
// been seen, zero for not asked.
type HoldSpec struct {
	Name  string
	Quiet time.Duration
	At    fault.Pos
}

// Pair is a column of the other table of a change and the one of its table that has
// the same value in a row that belongs to it.
type Pair struct{ There, Here string }

// ChangeSpec is the five-step change.
type ChangeSpec struct {
	Table    string
	Old, New []string
	// Into is the table that the new columns are in, where it is another one; By
	// tells which row of it belongs to which of Table.
	Into     string `json:",omitzero"`
	By       []Pair `json:",omitzero"`
	Expand   Section
	Forward  Section
	Backward *Section
	Holds    []HoldSpec
	Contract *Section
	Options  map[string]string
	At       fault.Pos
}
