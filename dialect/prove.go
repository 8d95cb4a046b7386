package dialect

// Prover is a Syncer whose database can be told to watch that both sides agree,
// so that nobody need count the rows again: by a constraint.
type Prover interface {
	// ProofTry are statements, to be rolled back, that fail unless a constraint can
	// be made of the condition: its expressions give the same at all times.
	ProofTry(s Sync) []string
	// ProofOn makes the constraint, for rows that are written from then on. It is
	// for a table of which every row agrees: one for which an expression fails could
	// not be written any more.
	ProofOn(s Sync) []string
	// ProofCheck has the server look at the rows that are there, beside readers and
	// writers.
	ProofCheck(s Sync) string
	// ProofOff removes the constraint.
	ProofOff(s Sync) []string
	// ProofSeen is a query: a row with "true" when every row was looked at, "false"
	// when not, none without the constraint.
	ProofSeen(s Sync) string
}
