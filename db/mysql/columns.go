package mysql

import (
	"context"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	own "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/plan"
)

var _ db.Columner = (*conn)(nil)

// Columns reads information_schema. Texts are compared by how they are written
// unless their collation tells all of them apart; and so are floating point
// numbers, of which zero has two.
func (c *conn) Columns(ctx context.Context, table plan.Name) ([]dialect.Column, error) {
	rows, err := db.Texts(ctx, c, `SELECT column_name, column_type, COALESCE(character_set_name, ''), COALESCE(collation_name, ''), is_nullable,
			COALESCE(column_default, ''), column_default IS NULL, LOWER(extra), column_comment, LOWER(data_type)
		FROM information_schema.columns WHERE table_name = ? AND table_schema = COALESCE(NULLIF(?, ''), DATABASE()) ORDER BY ordinal_position`,
		table.Name, table.Schema)
	if err != nil {
		return nil, err
	}
	var out []dialect.Column
	for _, r := range rows {
		col := dialect.Column{Name: r[0], Type: r[1], NotNull: r[4] == "NO"}
		if r[2] != "" {
			col.Type += " CHARACTER SET " + r[2] + " COLLATE " + r[3]
		}
		col.Unequal = r[3] != "" && !strings.HasSuffix(r[3], "_bin") || r[9] == "float" || r[9] == "double"
		switch extra := r[7]; {
		case strings.Contains(extra, "auto_increment"):
			col.Made = "identity"
		case strings.Contains(extra, "virtual") || strings.Contains(extra, "stored") || strings.Contains(extra, "persistent"):
			col.Made = "generated"
		}
		if r[6] == "0" && col.Made == "" {
			col.Default = c.spelledDefault(r[5], r[7])
		}
		if at := strings.Index(r[7], "on update "); at >= 0 {
			col.Extra = strings.ToUpper(r[7][at:])
		}
		if r[8] != "" {
			col.Extra = strings.TrimSpace(col.Extra + " COMMENT " + c.dialect.Literal(r[8]))
		}
		out = append(out, col)
	}
	return out, nil
}

// spelledDefault is a default as SQL: one server keeps it as such, the other the
// bare value unless it is an expression.
func (c *conn) spelledDefault(text, extra string) string {
	switch {
	case c.dialect.Flavour() != own.MySQL:
		if strings.EqualFold(text, "NULL") {
			return ""
		}
		return text
	case strings.HasPrefix(strings.ToUpper(text), "CURRENT_TIMESTAMP"), strings.HasPrefix(text, "b'"), strings.HasPrefix(text, "0x"):
		return text
	case strings.Contains(extra, "default_generated"):
		return "(" + text + ")"
	}
	return c.dialect.Literal(text)
}
