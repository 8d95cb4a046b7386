package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// spelling collects the statements of one action.
type spelling struct {
	l   Language
	w   *diff.World
	a   *diff.Action
	out []diff.Statement
}

// say adds a statement.
func (s *spelling) say(words ...string) *diff.Statement {
	var kept []string
	for _, w := range words {
		if w != "" {
			kept = append(kept, w)
		}
	}
	s.out = append(s.out, diff.Statement{SQL: strings.Join(kept, " ")})
	return &s.out[len(s.out)-1]
}

// Spell writes an action as SQL, with what it locks, loses and risks.
func (l Language) Spell(a *diff.Action, w *diff.World) []diff.Statement {
	s := &spelling{l: l, w: w, a: a}
	switch a.Main.Verb {
	case diff.Drop:
		s.drop(a.Main.Before)
	case diff.Create:
		s.create(a.Main.After)
	case diff.Modify:
		s.alter(a.Main.Change)
	}
	if !l.Bare {
		s.weigh()
	}
	return s.out
}

// kindWords are the words for a kind in ALTER, DROP and COMMENT ON, where they
// are not the kind's own name.
var kindWords = map[schema.Kind]string{
	schema.Enum: "TYPE", schema.Composite: "TYPE", schema.Range: "TYPE", baseTypeKind: "TYPE", shellType: "TYPE",
}

func word(k schema.Kind) string {
	if w, ok := kindWords[k]; ok {
		return w
	}
	return strings.ToUpper(string(k))
}

// name spells the name of a fact without its kind.
func name(f *schema.Fact) string {
	id := f.ID
	switch id.Kind {
	case schema.Function, schema.Procedure, schema.Aggregate:
		return dotted(id.Schema, id.Name) + "(" + id.Args + ")"
	case operatorKind:
		return Ident(id.Schema) + "." + id.Name + " (" + id.Args + ")"
	case operatorClass, operatorFamily:
		return dotted(id.Schema, id.Name) + " USING " + Ident(id.Args)
	case castKind:
		return "(" + id.Name + ")"
	case "transform":
		return "FOR " + id.Name + " LANGUAGE " + Ident(id.Args)
	}
	return dotted(id.Schema, id.Name)
}

// on spells what a fact lives on.
func on(f *schema.Fact) string { return dotted(f.ID.Schema, f.ID.On) }

// object spells a fact as ALTER, DROP and COMMENT ON name it.
func object(f *schema.Fact) string {
	id := f.ID
	switch id.Kind {
	case schema.Column:
		return "COLUMN " + on(f) + "." + Ident(id.Name)
	case schema.Constraint:
		if f.Of == schema.Domain {
			return "CONSTRAINT " + Ident(id.Name) + " ON DOMAIN " + on(f)
		}
		return "CONSTRAINT " + Ident(id.Name) + " ON " + on(f)
	case schema.Trigger, schema.Rule, schema.Policy:
		return word(id.Kind) + " " + Ident(id.Name) + " ON " + on(f)
	}
	return word(id.Kind) + " " + name(f)
}

// grantable spells a fact as GRANT names it; "" when it has no rights.
func grantable(f *schema.Fact) string {
	switch f.ID.Kind {
	case schema.Table, schema.View, schema.MatView, schema.ForeignTable:
		return "TABLE " + name(f)
	case schema.Aggregate:
		args := f.ID.Args
		if args == "*" {
			args = ""
		}
		return "FUNCTION " + dotted(f.ID.Schema, f.ID.Name) + "(" + args + ")"
	case schema.Domain:
		return "DOMAIN " + name(f)
	case "server":
		return "FOREIGN SERVER " + name(f)
	}
	return word(f.ID.Kind) + " " + name(f)
}

// satellites gives a new object its owner, rights and comment.
func (s *spelling) satellites(f *schema.Fact) {
	if owner := f.Get(schema.Owner); owner != "" {
		s.owner(f, owner)
	}
	if f.Get(schema.ACL) != "" {
		s.rights(f, nil)
	}
	if comment := f.Get(schema.Comment); comment != "" {
		s.comment(f, comment)
	}
}

func (s *spelling) owner(f *schema.Fact, owner string) {
	what := object(f)
	if f.ID.Kind == "server" {
		what = "SERVER " + name(f)
	}
	s.say("ALTER", what, "OWNER TO", Ident(owner))
}

func (s *spelling) comment(f *schema.Fact, comment string) {
	value := "NULL"
	if f.ID == (schema.ID{Kind: schema.Namespace, Name: "public"}) {
		value = text(PublicComment)
	}
	if comment != "" {
		value = text(comment)
	}
	s.say("COMMENT ON", object(f), "IS", value)
}

// rights brings the rights on a fact from what they were to what they shall be;
// before is nil when it is new.
func (s *spelling) rights(f, before *schema.Fact) {
	had, want := usual(f, s.l.Dialect.Version()), granted(f, s.l.Dialect.Version())
	if before != nil {
		had = granted(before, s.l.Dialect.Version())
	}
	owner := f.Get(schema.Owner)
	if f.ID.Kind == schema.Column {
		parent, _ := s.w.After.Find(f.Parent())
		if parent != nil {
			owner = parent.Get(schema.Owner)
		}
		for _, sql := range regrant(had, want, owner, "TABLE "+on(f), " ("+Ident(f.ID.Name)+")", "") {
			s.say(sql)
		}
		return
	}
	if f.ID.Kind == defaultPrivileges {
		s.defaults(f, had, want)
		return
	}
	for _, sql := range regrant(had, want, owner, grantable(f), "", "") {
		s.say(sql)
	}
}

// defaults spells default privileges.
func (s *spelling) defaults(f *schema.Fact, had, want grants) {
	prefix := "ALTER DEFAULT PRIVILEGES FOR ROLE " + Ident(f.ID.Name) + " "
	if f.ID.Schema != "" {
		prefix += "IN SCHEMA " + Ident(f.ID.Schema) + " "
	}
	for _, sql := range regrant(had, want, f.ID.Name, f.ID.Args, "", prefix) {
		s.say(sql)
	}
}

// setOptions spells how storage options become others: SET and RESET.
func (s *spelling) setOptions(what, before, after string) {
	old, new := strings.Split(before, "\n"), strings.Split(after, "\n")
	var set, reset []string
	for _, o := range new {
		if o != "" && !contains(old, o) {
			set = append(set, o)
		}
	}
	names := map[string]bool{}
	for _, o := range new {
		n, _, _ := strings.Cut(o, "=")
		names[n] = true
	}
	for _, o := range old {
		if n, _, _ := strings.Cut(o, "="); n != "" && !names[n] {
			reset = append(reset, optionName(n))
		}
	}
	if len(reset) > 0 {
		s.say("ALTER", what, "RESET ("+strings.Join(reset, ", ")+")")
	}
	if len(set) > 0 {
		s.say("ALTER", what, "SET ("+optionList(set)+")")
	}
}

func contains(list []string, item string) bool {
	for _, x := range list {
		if x == item {
			return true
		}
	}
	return false
}

// prefixed puts a word before each line.
func prefixed(prefix, lines string) string {
	if lines == "" {
		return ""
	}
	return prefix + strings.ReplaceAll(lines, "\n", "\n"+prefix)
}

// foreignOptions spells OPTIONS (…) of what comes from elsewhere.
func foreignOptions(lines string) string {
	if lines == "" {
		return ""
	}
	var list []string
	for _, o := range strings.Split(lines, "\n") {
		n, v, _ := strings.Cut(o, "=")
		list = append(list, Ident(n)+" "+text(v))
	}
	return "OPTIONS (" + strings.Join(list, ", ") + ")"
}

// changeForeignOptions spells OPTIONS (ADD …, SET …, DROP …).
func changeForeignOptions(before, after string) string {
	read := func(lines string) (names []string, values map[string]string) {
		values = map[string]string{}
		for _, o := range strings.Split(lines, "\n") {
			if n, v, ok := strings.Cut(o, "="); ok {
				names = append(names, n)
				values[n] = v
			}
		}
		return names, values
	}
	oldNames, old := read(before)
	newNames, new := read(after)
	var list []string
	for _, n := range oldNames {
		if _, ok := new[n]; !ok {
			list = append(list, "DROP "+Ident(n))
		}
	}
	for _, n := range newNames {
		v, had := old[n]
		switch {
		case !had:
			list = append(list, "ADD "+Ident(n)+" "+text(new[n]))
		case v != new[n]:
			list = append(list, "SET "+Ident(n)+" "+text(new[n]))
		}
	}
	return "OPTIONS (" + strings.Join(list, ", ") + ")"
}
