package mysql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// The efforts of MariaDB were measured on 10.11; those of MySQL are what its
// manual promises (InnoDB and Online DDL), and where it does not, a copy.

func (l Language) dropColumnEffort(f *schema.Fact) effort {
	mysql := inPlace
	if l.Dialect.Version() >= 80029 {
		mysql = atOnce
	}
	if f.Get(Check) != "" {
		return copies
	}
	return l.least(atOnce, mysql)
}

func (l Language) addColumnEffort(f *schema.Fact) effort {
	switch {
	case f.Get(Generated) != "" && f.Get(Stored) != "", f.Get(AutoIncrement) != "", f.Get(Check) != "", f.Get(More) != "", computed(f.Get(Default)):
		return copies
	}
	mysql := inPlace
	if l.Dialect.Version() >= 80012 {
		mysql = atOnce
	}
	return l.least(atOnce, mysql)
}

// computed tells whether a default is more than a literal or the time of now.
func computed(value string) bool {
	c := codeOf(value)
	if len(c) == 0 || strings.HasPrefix(strings.ToLower(value), "current_timestamp") {
		return false
	}
	for _, w := range c {
		if w.is("(") {
			return true
		}
	}
	return false
}

// modifyEffort is the effort of a MODIFY COLUMN.
func (l Language) modifyEffort(c *diff.Change, w *diff.World) effort {
	e := atOnce
	for _, key := range c.Keys {
		switch key {
		case Default:
			if computed(c.After.Get(Default)) || computed(c.Before.Get(Default)) {
				e = max(e, copies)
			}
		case schema.Comment, OnUpdateNow, Invisible:
			e = max(e, l.least(atOnce, inPlace))
		case NotNull:
			e = max(e, inPlace)
		case Type:
			e = max(e, l.typeEffort(c.Before, c.After))
		case Collation:
			e = max(e, l.collationEffort(c, w))
		default:
			e = copies
		}
	}
	if c.Before.Get(Generated) != "" || c.After.Get(Generated) != "" {
		return copies
	}
	return e
}

// collationEffort: a text of utf8mb4 that is in no index keeps its bytes.
func (l Language) collationEffort(c *diff.Change, w *diff.World) effort {
	was, is := c.Before.Get(Collation), c.After.Get(Collation)
	if l.Dialect.Flavour() != MariaDB || !strings.HasPrefix(was, "utf8mb4_") || !strings.HasPrefix(is, "utf8mb4_") || c.Has(Type) ||
		!strings.Contains(c.After.Get(Type), "char") && !strings.Contains(c.After.Get(Type), "text") {
		return copies
	}
	for _, user := range w.Users(c.Before.ID) {
		if user.ID.Kind != schema.View {
			return copies
		}
	}
	return atOnce
}

// typeEffort: a VARCHAR grows for nothing while the bytes that hold its length
// stay as many, and an ENUM or SET when values are added behind the others.
func (l Language) typeEffort(before, after *schema.Fact) effort {
	was, is := before.Get(Type), after.Get(Type)
	if grown(was, is) && l.listBytes(was) == l.listBytes(is) {
		return atOnce
	}
	old, oldOK := varcharLength(was)
	new, newOK := varcharLength(is)
	width := 4
	switch collation := after.Get(Collation); {
	case strings.HasPrefix(collation, "latin1_"), strings.HasPrefix(collation, "ascii_"), strings.HasPrefix(is, "varbinary"):
		width = 1
	case strings.HasPrefix(collation, "utf8mb3_"), strings.HasPrefix(collation, "utf8_"):
		width = 3
	}
	if oldOK && newOK && new >= old && (old*width <= 255) == (new*width <= 255) && strings.HasPrefix(was, "varchar") == strings.HasPrefix(is, "varchar") {
		return l.least(atOnce, inPlace)
	}
	return copies
}

// widens tells whether each value of a type is one of another, unchanged.
func widens(was, is string) bool {
	old, oldOK := varcharLength(was)
	new, newOK := varcharLength(is)
	if oldOK && newOK {
		return new >= old && strings.HasPrefix(was, "varchar") == strings.HasPrefix(is, "varchar")
	}
	if a, b := strings.Index(texts, " "+bareName(is)+" "), oldOK && strings.HasPrefix(was, "varchar"); a >= 0 && b {
		return true // the longest varchar fits
	}
	if digits(was, is) {
		return true
	}
	a, b := strings.Fields(was), strings.Fields(is)
	if len(a) == len(b) && strings.Join(a[1:], " ") == strings.Join(b[1:], " ") {
		for _, family := range [][]string{{"tinyint", "smallint", "mediumint", "int", "bigint"}, {"float", "double"}, {"tinytext", "text", "mediumtext", "longtext"}, {"tinyblob", "blob", "mediumblob", "longblob"}} {
			if from, to := slices.Index(family, bareName(a[0])), slices.Index(family, bareName(b[0])); from >= 0 && to >= from {
				return true
			}
		}
	}
	return hasValues(was, is)
}

// texts are the types that hold what any varchar holds.
const texts = " text mediumtext longtext "

// digits tells whether one decimal has room before and behind the point for all
// digits of another.
func digits(was, is string) bool {
	var p, s, q, u int
	var signed, signs string
	if n, _ := fmt.Sscanf(was+" .", "decimal(%d,%d) %s", &p, &s, &signed); n != 3 {
		return false
	}
	if n, _ := fmt.Sscanf(is+" .", "decimal(%d,%d) %s", &q, &u, &signs); n != 3 {
		return false
	}
	return signed == signs && u >= s && q-u >= p-s
}

func bareName(declared string) string {
	name, _, _ := strings.Cut(declared, "(")
	return name
}

// hasValues tells whether an ENUM or SET has all values of another.
func hasValues(was, is string) bool {
	if bareName(was) != bareName(is) || bareName(is) != "enum" && bareName(is) != "set" {
		return false
	}
	has := map[string]bool{}
	for _, w := range codeOf(is) {
		has[w.text] = true
	}
	return !slices.ContainsFunc(codeOf(was), func(w word) bool { return !has[w.text] })
}

// grown tells whether an ENUM or SET only has new values behind the old ones.
func grown(was, is string) bool {
	list := strings.HasPrefix(was, "enum(") && strings.HasPrefix(is, "enum(") || strings.HasPrefix(was, "set(") && strings.HasPrefix(is, "set(")
	return list && strings.HasPrefix(is, strings.TrimSuffix(was, ")")+",")
}

// listBytes is how many bytes a value of an ENUM or SET takes.
func (l Language) listBytes(declared string) int {
	n := len(codeOf(declared)[2:].split())
	switch {
	case strings.HasPrefix(declared, "enum(") && n < 256:
		return 1
	case strings.HasPrefix(declared, "enum("):
		return 2
	case n <= 32:
		return (n + 7) / 8
	}
	return 8
}

func varcharLength(declared string) (int, bool) {
	for _, name := range []string{"varchar(", "varbinary("} {
		if rest, ok := strings.CutPrefix(declared, name); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(rest, ")"))
			return n, err == nil
		}
	}
	return 0, false
}

func (l Language) addKeyEffort(f *schema.Fact, check bool) effort {
	switch {
	case check:
		return copies
	case f.Get(Type) == PrimaryKey:
		return inPlace
	case f.Get(Using) != "":
		return copies
	case f.Get(Sort) != "":
		return inShared
	}
	return l.least(noCopy, inPlace)
}
