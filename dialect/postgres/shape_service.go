package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/schema"
)

// createService makes the rarer kinds; false when it is something else.
func (s *spelling) createService(f *schema.Fact) bool {
	switch f.ID.Kind {
	case schema.Collation:
		s.createCollation(f)
	case castKind:
		s.createCast(f)
	case operatorKind:
		s.createOperator(f)
	case operatorFamily:
		s.say("CREATE OPERATOR FAMILY", name(f))
		if m := f.Get("members"); m != "" {
			s.say("ALTER OPERATOR FAMILY", name(f), "ADD\n    "+strings.ReplaceAll(m, "\n", ",\n    "))
		}
	case operatorClass:
		s.createOperatorClass(f)
	case "conversion":
		s.say("CREATE", defaultWord(f), "CONVERSION", name(f), "FOR", text(f.Get("from")), "TO", text(f.Get("to")), "FROM", f.Get("function"))
	case "access method":
		s.say("CREATE ACCESS METHOD", name(f), "TYPE", strings.ToUpper(f.Get("type")), "HANDLER", f.Get("handler"))
	case "language":
		trusted := ""
		if f.Get("trusted") != "" {
			trusted = "TRUSTED"
		}
		s.say("CREATE", trusted, "LANGUAGE", name(f), "HANDLER", f.Get("handler"), prefix("INLINE ", f.Get("inline")), prefix("VALIDATOR ", f.Get("validator")))
	case "transform":
		var list []string
		if v := f.Get("from sql"); v != "" {
			list = append(list, "FROM SQL WITH FUNCTION "+v)
		}
		if v := f.Get("to sql"); v != "" {
			list = append(list, "TO SQL WITH FUNCTION "+v)
		}
		s.say("CREATE TRANSFORM", name(f), "("+strings.Join(list, ", ")+")")
	case defaultPrivileges:
		// its rights are all there is of it
	default:
		return s.createSearch(f) || s.createForeign(f)
	}
	return true
}

func defaultWord(f *schema.Fact) string {
	if f.Get("default") != "" {
		return "DEFAULT"
	}
	return ""
}

func (s *spelling) createCollation(f *schema.Fact) {
	list := []string{"provider = " + f.Get("provider")}
	for _, o := range [...][2]string{{"locale", "locale"}, {"lc_collate", "lc_collate"}, {"lc_ctype", "lc_ctype"}, {"rules", "rules"}} {
		if v := f.Get(o[0]); v != "" {
			list = append(list, o[1]+" = "+text(v))
		}
	}
	if f.Get("nondeterministic") != "" {
		list = append(list, "deterministic = false")
	}
	s.say("CREATE COLLATION", name(f), "("+strings.Join(list, ", ")+")")
}

func (s *spelling) createCast(f *schema.Fact) {
	how := "WITHOUT FUNCTION"
	switch {
	case f.Get("method") == "inout":
		how = "WITH INOUT"
	case f.Get("function") != "":
		how = "WITH FUNCTION " + f.Get("function")
	}
	s.say("CREATE CAST", name(f), how, prefix("AS ", strings.ToUpper(f.Get("context"))))
}

func (s *spelling) createOperator(f *schema.Fact) {
	left, right, _ := strings.Cut(f.ID.Args, ", ")
	list := []string{"FUNCTION = " + f.Get("function")}
	if left != "NONE" {
		list = append(list, "LEFTARG = "+left)
	}
	if right != "NONE" {
		list = append(list, "RIGHTARG = "+right)
	}
	list = append(list, attributes(f, "commutator", "negator", "restrict", "join", "hashes", "merges")...)
	s.say("CREATE OPERATOR", Ident(f.ID.Schema)+"."+f.ID.Name, "(\n    "+strings.Join(list, ",\n    ")+"\n)")
}

func (s *spelling) createOperatorClass(f *schema.Fact) {
	var list []string
	if t := f.Get("storage"); t != "" {
		list = append(list, "STORAGE "+t)
	}
	if m := f.Get("members"); m != "" {
		list = append(list, strings.Split(m, "\n")...)
	}
	if len(list) == 0 {
		list = append(list, "STORAGE "+f.Get("type"))
	}
	s.say("CREATE OPERATOR CLASS", dotted(f.ID.Schema, f.ID.Name), "\n   ", defaultWord(f), "FOR TYPE", f.Get("type"), "USING", Ident(f.ID.Args),
		"FAMILY", f.Get("family"), "AS\n    "+strings.Join(list, ",\n    "))
}

// createSearch makes what text search is made of.
func (s *spelling) createSearch(f *schema.Fact) bool {
	switch f.ID.Kind {
	case "text search parser":
		s.say("CREATE TEXT SEARCH PARSER", name(f), "("+strings.Join(attributes(f, "start", "gettoken", "end", "headline", "lextypes"), ", ")+")")
	case "text search template":
		s.say("CREATE TEXT SEARCH TEMPLATE", name(f), "("+strings.Join(attributes(f, "init", "lexize"), ", ")+")")
	case "text search dictionary":
		s.say("CREATE TEXT SEARCH DICTIONARY", name(f), "(TEMPLATE = "+f.Get("template")+prefix(", ", f.Get("options"))+")")
	case "text search configuration":
		s.say("CREATE TEXT SEARCH CONFIGURATION", name(f), "(PARSER = "+f.Get("parser")+")")
		s.mappings(f, "")
	default:
		return false
	}
	return true
}

// mappings brings the mappings of a text search configuration from what they were.
func (s *spelling) mappings(f *schema.Fact, before string) {
	old, new := strings.Split(before, "\n"), strings.Split(f.Get("mappings"), "\n")
	for _, m := range old {
		if m != "" && !contains(new, m) {
			token, _, _ := strings.Cut(m, " WITH ")
			s.say("ALTER TEXT SEARCH CONFIGURATION", name(f), "DROP MAPPING FOR", token)
		}
	}
	for _, m := range new {
		if m != "" && !contains(old, m) {
			s.say("ALTER TEXT SEARCH CONFIGURATION", name(f), "ADD MAPPING FOR", m)
		}
	}
}

// createForeign makes what deals with other servers.
func (s *spelling) createForeign(f *schema.Fact) bool {
	switch f.ID.Kind {
	case "foreign data wrapper":
		s.say("CREATE FOREIGN DATA WRAPPER", name(f), prefix("HANDLER ", f.Get("handler")), prefix("VALIDATOR ", f.Get("validator")), foreignOptions(f.Get("options")))
	case "server":
		kind, version := f.Get("type"), f.Get("version")
		if kind != "" {
			kind = "TYPE " + text(kind)
		}
		if version != "" {
			version = "VERSION " + text(version)
		}
		s.say("CREATE SERVER", name(f), kind, version, "FOREIGN DATA WRAPPER", Ident(f.Get("wrapper")), foreignOptions(f.Get("options")))
	case eventTrigger:
		when := ""
		if tags := f.Get("tags"); tags != "" {
			var list []string
			for _, t := range strings.Split(tags, "\n") {
				list = append(list, text(t))
			}
			when = "WHEN TAG IN (" + strings.Join(list, ", ") + ")"
		}
		s.say("CREATE EVENT TRIGGER", name(f), "ON", f.Get("event"), when, "EXECUTE FUNCTION", f.Get("function")+"()")
		s.enableEvent(f)
	case publicationKind:
		s.createPublication(f)
	default:
		return false
	}
	return true
}

func (s *spelling) enableEvent(f *schema.Fact) {
	words := map[string]string{"disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS", "": "ENABLE"}
	if f.Get("enabled") != "" {
		s.say("ALTER EVENT TRIGGER", name(f), words[f.Get("enabled")])
	}
}

func (s *spelling) createPublication(f *schema.Fact) {
	what := ""
	switch {
	case f.Get("all tables") != "":
		what = "FOR ALL TABLES"
	case f.Get("members") != "":
		what = "FOR " + s.members(f)
	}
	with := ""
	if list := publicationOptions(f); list != "" {
		with = "WITH (" + list + ")"
	}
	s.say("CREATE PUBLICATION", name(f), what, with)
}

// members are what a publication publishes. Before 15 the word TABLE stands once.
func (s *spelling) members(f *schema.Fact) string {
	list := strings.ReplaceAll(f.Get("members"), "\n", ", ")
	if s.l.Dialect.Version() < 150000 {
		list = "TABLE " + strings.ReplaceAll(list, "TABLE ", "")
	}
	return list
}

// publicationOptions are those that are not the usual.
func publicationOptions(f *schema.Fact) string {
	var list []string
	if p := f.Get("publish"); p != "" {
		list = append(list, "publish = "+text(p))
	}
	if f.Get("via root") != "" {
		list = append(list, "publish_via_partition_root = true")
	}
	if f.Get("generated columns") != "" {
		list = append(list, "publish_generated_columns = stored")
	}
	return strings.Join(list, ", ")
}
