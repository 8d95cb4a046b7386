package postgres

import "github.com/bellowsdb/bellows/dialect"

var _ dialect.Prover = Dialect{}

// ProofTry makes an index with that condition on an empty table of the same
// name, which only immutable expressions can be in.
func (d Dialect) ProofTry(s dialect.Sync) []string {
	own := "pg_temp." + d.Quote(s.Table.Name)
	return []string{"CREATE TEMPORARY TABLE " + d.Quote(s.Table.Name) + " (LIKE " + d.sync(s).table + ") ON COMMIT DROP",
		"CREATE INDEX ON " + own + " ((1)) WHERE " + d.Agrees(s, "")}
}

// ProofOn takes the table for a moment.
func (d Dialect) ProofOn(s dialect.Sync) []string {
	name := d.Quote(s.Name + "_agree")
	return []string{"ALTER TABLE " + d.sync(s).table + " DROP CONSTRAINT IF EXISTS " + name + ", ADD CONSTRAINT " + name + " CHECK (" + d.Agrees(s, "") + ") NOT VALID"}
}

// ProofCheck reads the table; writers go on.
func (d Dialect) ProofCheck(s dialect.Sync) string {
	return "ALTER TABLE " + d.sync(s).table + " VALIDATE CONSTRAINT " + d.Quote(s.Name+"_agree")
}

// ProofOff takes the table for a moment.
func (d Dialect) ProofOff(s dialect.Sync) []string {
	return []string{"ALTER TABLE " + d.sync(s).table + " DROP CONSTRAINT IF EXISTS " + d.Quote(s.Name+"_agree")}
}

// ProofSeen reads pg_constraint.
func (d Dialect) ProofSeen(s dialect.Sync) string {
	return "SELECT k.convalidated::text FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" +
		" WHERE n.nspname = " + d.Literal(s.Table.Schema) + " AND c.relname = " + d.Literal(s.Table.Name) + " AND k.conname = " + d.Literal(s.Name+"_agree") + " AND k.contype = 'c'"
}
