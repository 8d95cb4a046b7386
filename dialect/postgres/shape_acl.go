package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/schema"
)

// What stands in an [schema.ACL]: lines of grantee=letters, the owner as
// ownerRole, PUBLIC as publicRole, and nobody alone where nothing is granted.
const (
	ownerRole  = "<owner>"
	publicRole = "<public>"
	nobody     = "-"
)

// PublicComment is what initdb says of the schema public.
const PublicComment = "standard public schema"

// grants are the letters of rights by grantee; a letter may have a * behind it.
type grants map[string]string

// NormalACL makes an attribute of an aclitem[]'s text; "" when it grants what
// the server grants without being asked. Others tells that a role that is not
// the owner has granted some of it, which the attribute does not say.
func NormalACL(f *schema.Fact, version int, owner, acl string) (value string, others bool) {
	if acl == "" {
		return "", false
	}
	got := grants{}
	for _, item := range arrayItems(acl) {
		grantee, rest := aclName(item)
		rights, grantor, _ := strings.Cut(strings.TrimPrefix(rest, "="), "/")
		grantor, _ = aclName(grantor)
		others = others || grantor != owner
		switch grantee {
		case "":
			grantee = publicRole
		case owner:
			grantee = ownerRole
		}
		got[grantee] = union(got[grantee], rights)
	}
	if got.equal(usual(f, version)) {
		return "", others
	}
	return got.String(), others
}

// aclName takes a role's name, quoted or not, from the beginning.
func aclName(item string) (name, rest string) {
	if !strings.HasPrefix(item, `"`) {
		end := strings.IndexAny(item, "=/")
		if end < 0 {
			return item, ""
		}
		return item[:end], item[end:]
	}
	var b strings.Builder
	for i := 1; i < len(item); i++ {
		if item[i] == '"' {
			if i+1 >= len(item) || item[i+1] != '"' {
				return b.String(), item[i+1:]
			}
			i++
		}
		b.WriteByte(item[i])
	}
	return b.String(), ""
}

// arrayItems takes an array's text apart.
func arrayItems(array string) []string {
	array = strings.TrimSuffix(strings.TrimPrefix(array, "{"), "}")
	if array == "" {
		return nil
	}
	var items []string
	var b strings.Builder
	quoted := false
	for i := 0; i < len(array); i++ {
		switch c := array[i]; {
		case c == '\\' && i+1 < len(array):
			i++
			b.WriteByte(array[i])
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			items = append(items, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(items, b.String())
}

// rights takes letters apart, each with its *.
func rights(letters string) []string {
	var all []string
	for i := 0; i < len(letters); i++ {
		if letters[i] == '*' && len(all) > 0 {
			all[len(all)-1] += "*"
			continue
		}
		all = append(all, letters[i:i+1])
	}
	return all
}

func union(a, b string) string {
	if a == "" {
		return b
	}
	all := rights(a)
	for _, r := range rights(b) {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return strings.Join(all, "")
}

func (g grants) String() string {
	var lines []string
	for who, what := range g {
		if what != "" {
			all := rights(what)
			slices.Sort(all)
			lines = append(lines, who+"="+strings.Join(all, ""))
		}
	}
	if len(lines) == 0 {
		return nobody
	}
	slices.Sort(lines)
	return schema.List(lines)
}

func (g grants) equal(other grants) bool { return g.String() == other.String() }

// granted reads an attribute back; what is usual where it is not there.
func granted(f *schema.Fact, version int) grants {
	value := f.Get(schema.ACL)
	if value == "" {
		return usual(f, version)
	}
	g := grants{}
	for _, line := range schema.Items(value) {
		if at := strings.LastIndex(line, "="); at >= 0 {
			g[line[:at]] = line[at+1:]
		}
	}
	return g
}

// usual is what the server grants on a new object: acldefault() in
// src/backend/utils/adt/acl.c, and initdb for the schema public.
func usual(f *schema.Fact, version int) grants {
	relation := "arwdDxt"
	if version >= 170000 {
		relation += "m"
	}
	switch f.ID.Kind {
	case schema.Table, schema.View, schema.MatView, schema.ForeignTable:
		return grants{ownerRole: relation}
	case schema.Sequence:
		return grants{ownerRole: "rwU"}
	case schema.Function, schema.Procedure, schema.Aggregate:
		return grants{ownerRole: "X", publicRole: "X"}
	case schema.Namespace:
		switch {
		case f.ID.Name != "public":
			return grants{ownerRole: "UC"}
		case version < 150000:
			return grants{ownerRole: "UC", publicRole: "UC"}
		}
		return grants{ownerRole: "UC", publicRole: "U"}
	case schema.Enum, schema.Domain, schema.Composite, schema.Range, baseTypeKind, shellType, "language":
		return grants{ownerRole: "U", publicRole: "U"}
	case "foreign data wrapper", "server":
		return grants{ownerRole: "U"}
	case defaultPrivileges:
		return usualDefaults(f, relation)
	}
	return grants{}
}

// usualDefaults is what default privileges begin with: those of a schema come
// on top of the global ones.
func usualDefaults(f *schema.Fact, relation string) grants {
	if f.ID.Schema != "" {
		return grants{}
	}
	switch f.ID.Args {
	case "TABLES":
		return grants{ownerRole: relation}
	case "SEQUENCES":
		return grants{ownerRole: "rwU"}
	case "FUNCTIONS":
		return grants{ownerRole: "X", publicRole: "X"}
	case "TYPES":
		return grants{ownerRole: "U", publicRole: "U"}
	case "SCHEMAS":
		return grants{ownerRole: "UC"}
	}
	return grants{ownerRole: "rw"}
}

// words are the rights by their letters.
var rightWords = map[byte]string{
	'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE", 'D': "TRUNCATE", 'x': "REFERENCES", 't': "TRIGGER", 'm': "MAINTAIN",
	'X': "EXECUTE", 'U': "USAGE", 'C': "CREATE", 'c': "CONNECT", 'T': "TEMPORARY", 's': "SET", 'A': "ALTER SYSTEM",
}

// regrant spells how one set of rights becomes another. The format has one verb
// for the rights and one for "TO" or "FROM"; column is put behind each right.
func regrant(had, want grants, owner, on, column, prefix string) []string {
	var revokes, gives []string
	var all []string
	for who := range had {
		all = append(all, who)
	}
	for who := range want {
		if _, ok := had[who]; !ok {
			all = append(all, who)
		}
	}
	slices.Sort(all)
	for _, who := range all {
		old, new := rights(had[who]), rights(want[who])
		var take, plain, grantable []string
		for _, r := range old {
			if !slices.Contains(new, r) {
				take = append(take, r[:1])
			}
		}
		for _, r := range new {
			switch {
			case slices.Contains(old, r):
			case strings.HasSuffix(r, "*"):
				grantable = append(grantable, r[:1])
			default:
				plain = append(plain, r)
			}
		}
		role := roleName(who, owner)
		if len(take) > 0 {
			revokes = append(revokes, prefix+"REVOKE "+rightList(take, column)+" ON "+on+" FROM "+role)
		}
		if len(plain) > 0 {
			gives = append(gives, prefix+"GRANT "+rightList(plain, column)+" ON "+on+" TO "+role)
		}
		if len(grantable) > 0 {
			gives = append(gives, prefix+"GRANT "+rightList(grantable, column)+" ON "+on+" TO "+role+" WITH GRANT OPTION")
		}
	}
	return append(revokes, gives...)
}

func roleName(who, owner string) string {
	switch {
	case who == publicRole:
		return "PUBLIC"
	case who == ownerRole && owner == "":
		return "CURRENT_USER"
	case who == ownerRole:
		return Ident(owner)
	}
	return Ident(who)
}

func rightList(letters []string, column string) string {
	slices.Sort(letters)
	var words []string
	for _, l := range letters {
		words = append(words, rightWords[l[0]]+column)
	}
	return strings.Join(words, ", ")
}
