package sqlite

import "github.com/bellowsdb/bellows/sqltext"

// Bare is a statement without comments, with one blank between its tokens.
func (d Dialect) Bare(sql string) string {
	return sqltext.Bare(sql, Tokens(sql, sqltext.Options{}))
}
