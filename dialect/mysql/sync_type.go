package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

// kind is how values of a column's type are compared and what a value becomes
// when it is stored there.
type kind struct {
	cast string // with %s for the expression, "" leaves it
	how  comparison
}

// comparison is how two values are the same, byte for byte and without regard to
// a collation.
type comparison int

const (
	byBytes   comparison = iota // as the bytes that the server makes of it
	byValue                     // as values: integers, decimals, times
	byNumber                    // as values and as texts: of floats, 0 and -0 are the same value
	byLetters                   // as letters, of whatever character set
)

// kind reads a type as information_schema spells it.
func (y synced) kind(c dialect.SyncColumn) kind {
	text := strings.ToLower(c.Type)
	word := strings.TrimRight(text, " ")
	if i := strings.IndexAny(word, " ("); i >= 0 {
		word = word[:i]
	}
	arg := ""
	if rest, ok := strings.CutPrefix(text, word); ok && strings.HasPrefix(rest, "(") {
		arg, _, _ = strings.Cut(rest, ")")
		arg += ")"
	}
	switch word {
	case "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year":
		if strings.Contains(text, "unsigned") || word == "year" {
			return kind{"CAST(%s AS UNSIGNED)", byValue}
		}
		return kind{"CAST(%s AS SIGNED)", byValue}
	case "decimal", "numeric":
		return kind{"CAST(%s AS DECIMAL" + arg + ")", byValue}
	case "float":
		return kind{"CAST(%s AS FLOAT)", byNumber}
	case "double", "real":
		return kind{"CAST(%s AS DOUBLE)", byNumber}
	case "date":
		return kind{"CAST(%s AS DATE)", byValue}
	case "datetime", "timestamp":
		return kind{"CAST(%s AS DATETIME" + arg + ")", byValue}
	case "time":
		return kind{"CAST(%s AS TIME" + arg + ")", byValue}
	case "bit":
		return kind{"", byValue}
	case "binary":
		return kind{"CAST(%s AS BINARY" + arg + ")", byBytes}
	case "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return kind{"CAST(%s AS BINARY)", byBytes}
	case "char":
		return kind{"TRIM(TRAILING ' ' FROM %s)", byLetters}
	case "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		return kind{"", byLetters}
	case "json":
		if y.d.Flavour() == MariaDB {
			return kind{"", byLetters}
		}
		return kind{"CAST(%s AS JSON)", byLetters}
	case "uuid", "inet4", "inet6":
		return kind{"CAST(%s AS " + strings.ToUpper(word) + ")", byLetters}
	}
	return kind{}
}

// as is an expression as the column would store it.
func (k kind) as(sql string) string {
	if k.cast == "" {
		return sql
	}
	return strings.Replace(k.cast, "%s", sql, 1)
}

// same is a condition, never null: two values are the same.
func (k kind) same(a, b string) string {
	switch k.how {
	case byValue:
		return "(" + a + " <=> " + b + ")"
	case byNumber:
		return "(" + a + " <=> " + b + " AND CAST(" + a + " AS BINARY) <=> CAST(" + b + " AS BINARY))"
	case byLetters:
		return "(CAST(CONVERT(" + a + " USING utf8mb4) AS BINARY) <=> CAST(CONVERT(" + b + " USING utf8mb4) AS BINARY))"
	}
	return "(CAST(" + a + " AS BINARY) <=> CAST(" + b + " AS BINARY))"
}
