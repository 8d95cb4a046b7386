package lint

import (
	"slices"
	"strings"
)

// meaning is what the documentation says of a code.
type meaning struct {
	severity Severity
	what     string
	instead  string
}

var meanings = map[Code]meaning{
	RowsInSchema:      {Warning, "A schema migration changes rows of a table that it did not make.", "Two migrations, one of each kind."},
	SchemaInData:      {Warning, "A data migration changes the schema.", "Two migrations, one of each kind."},
	LosesData:         {Warning, "A column, a table or all rows of a table are lost for good.", "Stop using it first; keep a copy, or rename it and drop it later."},
	RewriteBlocks:     {Warning, "A whole table is written anew while nobody can read it.", "A new column beside the old one, filled in chunks."},
	ScanBlocks:        {Warning, "A whole table is read while nobody else can read it.", "Prove it beforehand under a weaker lock: a constraint added without looking at the rows, then validated in a later migration."},
	IndexBlocksWrites: {Warning, "An index is built while nobody can write to its table.", "The concurrent form, alone in a migration without a transaction."},
	ConstraintScans:   {Warning, "A constraint looks at all rows while writes, or reads too, wait.", "Add it NOT VALID, and validate it in a later migration."},
	ValidateWithAdd:   {Warning, "A constraint is validated in the transaction that added it, under the strong lock of the adding.", "Validate it in a migration of its own."},
	SeveralHeavyLocks: {Warning, "One transaction locks several tables against reading, each until all are done.", "One table in each migration."},
	IndexTrusted:      {Warning, "A concurrent index has IF NOT EXISTS: one that was left unfinished would be taken for good.", "Leave it out: an unfinished index is found and built again."},
	SchemaAfterRows:   {Warning, "A transaction changes the schema after changing rows, so the locks of both are held together.", "The rows in a migration of their own."},
	NoWayDown:         {Note, "A migration does not say how to go back.", "A down section, or the word irreversible with the reason."},
	Irreversible:      {Note, "A migration says that there is no way back.", ""},
	Unparsed:          {Note, "A statement is not understood, so its locks are not known. It still runs.", ""},
	AllowUnused:       {Warning, "A line allows a finding that is not there, or does not say which or why.", "Take it out, or correct it."},
	NoEffect:          {Warning, "A statement does nothing inside the transaction it runs in.", "A migration without a transaction."},
}

// Codes are all codes, in alphabetical order.
func Codes() []Code {
	var out []Code
	for c := range meanings {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// Table is the documentation of all codes, as a Markdown table.
func Table() string {
	var b strings.Builder
	b.WriteString("| code | severity | what | instead |\n|---|---|---|---|\n")
	for _, c := range Codes() {
		m := meanings[c]
		b.WriteString("| `" + string(c) + "` | " + string(m.severity) + " | " + m.what + " | " + m.instead + " |\n")
	}
	return b.String()
}
