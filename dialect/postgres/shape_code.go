package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/schema"
)

// createCode makes what holds code; false when it is something else.
func (s *spelling) createCode(f *schema.Fact) bool {
	switch f.ID.Kind {
	case schema.Function, schema.Procedure:
		s.function(f)
	case schema.Aggregate:
		s.createAggregate(f)
	case schema.Trigger:
		s.say("CREATE", constraintWord(f), "TRIGGER", Ident(f.ID.Name), f.Get("definition"))
		s.enable(f, "TRIGGER")
	case schema.Rule:
		s.say("CREATE RULE", Ident(f.ID.Name), f.Get("definition"))
		s.enable(f, "RULE")
	case schema.Policy:
		s.createPolicy(f)
	case schema.Statistics:
		s.say("CREATE STATISTICS", name(f), f.Get("definition"))
		if t := f.Get("target"); t != "" {
			s.say("ALTER STATISTICS", name(f), "SET STATISTICS", t)
		}
	default:
		return false
	}
	return true
}

// function writes a function anew. The server does not look into a body that is
// text: what is in it may come later.
func (s *spelling) function(f *schema.Fact) {
	if f.Get("parsed") == "" && f.Get("language") != "plpgsql" {
		s.say("SET check_function_bodies = false").Once = true
	}
	s.say("CREATE OR REPLACE", word(f.ID.Kind), dotted(f.ID.Schema, f.ID.Name)+f.Get("definition"))
}

func constraintWord(f *schema.Fact) string {
	if f.Get("constraint") != "" {
		return "CONSTRAINT"
	}
	return ""
}

// enable sets when a trigger or rule fires, where it is not the usual.
func (s *spelling) enable(f *schema.Fact, what string) {
	words := map[string]string{"disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
	if verb, ok := words[f.Get("enabled")]; ok {
		s.say("ALTER TABLE", on(f), verb, what, Ident(f.ID.Name))
	}
}

func (s *spelling) createPolicy(f *schema.Fact) {
	words := []string{"CREATE POLICY", Ident(f.ID.Name), "ON", on(f)}
	if f.Get("restrictive") != "" {
		words = append(words, "AS RESTRICTIVE")
	}
	if c := f.Get("command"); c != "" {
		words = append(words, "FOR "+c)
	}
	s.say(append(words, policyTail(f)...)...)
}

func policyTail(f *schema.Fact) []string {
	var words []string
	if r := f.Get("roles"); r != "" {
		words = append(words, "TO "+r)
	}
	if e := f.Get("using"); e != "" {
		words = append(words, "USING ("+e+")")
	}
	if e := f.Get("check"); e != "" {
		words = append(words, "WITH CHECK ("+e+")")
	}
	return words
}

// pairs spells NAME = value for those attributes that are there.
func attributes(f *schema.Fact, keys ...string) []string {
	var list []string
	for _, key := range keys {
		if v := f.Get(key); v != "" {
			word := strings.ToUpper(strings.ReplaceAll(key, " ", "_"))
			switch v {
			case "yes":
				list = append(list, word)
			default:
				list = append(list, word+" = "+v)
			}
		}
	}
	return list
}

func (s *spelling) createAggregate(f *schema.Fact) {
	list := attributes(f, "sfunc", "stype", "sspace", "finalfunc", "finalfunc_extra", "finalfunc_modify", "combinefunc", "serialfunc", "deserialfunc",
		"initcond", "msfunc", "minvfunc", "mstype", "msspace", "mfinalfunc", "mfinalfunc_extra", "mfinalfunc_modify", "minitcond", "sortop", "parallel", "hypothetical")
	s.say("CREATE AGGREGATE", dotted(f.ID.Schema, f.ID.Name)+"("+f.Get("arguments")+") (\n    "+strings.Join(list, ",\n    ")+"\n)")
}

// createType makes a type; false when it is something else.
func (s *spelling) createType(f *schema.Fact) bool {
	switch f.ID.Kind {
	case schema.Enum:
		s.say("CREATE TYPE", name(f), "AS ENUM ("+labels(f)+")")
	case schema.Domain:
		s.createDomain(f)
	case schema.Composite:
		s.createComposite(f)
	case schema.Range:
		s.createRange(f)
	case shellType:
		s.say("CREATE TYPE", name(f))
	case baseTypeKind:
		s.createBaseType(f)
	default:
		return false
	}
	return true
}

func labels(f *schema.Fact) string {
	var list []string
	for _, l := range schema.Items(f.Get("labels")) {
		list = append(list, text(l))
	}
	return strings.Join(list, ", ")
}

func (s *spelling) createDomain(f *schema.Fact) {
	words := []string{"CREATE DOMAIN", name(f), "AS", f.Get("type")}
	if c := f.Get("collation"); c != "" {
		words = append(words, "COLLATE "+c)
	}
	if d := f.Get("default"); d != "" {
		words = append(words, "DEFAULT "+d)
	}
	if f.Get("not null") != "" {
		words = append(words, "NOT NULL")
	}
	for _, p := range s.a.With {
		words = append(words, "CONSTRAINT "+Ident(p.After.ID.Name)+" "+constraintTail(p.After))
	}
	s.say(words...)
	for _, p := range s.a.With {
		s.satellites(p.After)
	}
}

func (s *spelling) createComposite(f *schema.Fact) {
	var lines []string
	for _, p := range s.a.With {
		lines = append(lines, columnHead(p.After))
	}
	s.say("CREATE TYPE", name(f), "AS ("+prefix("\n    ", strings.Join(lines, ",\n    "))+"\n)")
	for _, p := range s.a.With {
		s.satellites(p.After)
	}
}

func (s *spelling) createRange(f *schema.Fact) {
	list := []string{"SUBTYPE = " + f.Get("subtype")}
	for _, o := range [...][2]string{{"operator class", "SUBTYPE_OPCLASS"}, {"range collation", "COLLATION"}, {"canonical", "CANONICAL"}, {"difference", "SUBTYPE_DIFF"}, {"multirange", "MULTIRANGE_TYPE_NAME"}} {
		if v := f.Get(o[0]); v != "" {
			list = append(list, o[1]+" = "+v)
		}
	}
	s.say("CREATE TYPE", name(f), "AS RANGE (\n    "+strings.Join(list, ",\n    ")+"\n)")
}

// createBaseType makes a type written in C. Its functions need its name first.
func (s *spelling) createBaseType(f *schema.Fact) {
	list := []string{"INTERNALLENGTH = " + f.Get("length")}
	for _, o := range [...][2]string{{"input", "INPUT"}, {"output", "OUTPUT"}, {"receive", "RECEIVE"}, {"send", "SEND"}, {"modifier input", "TYPMOD_IN"}, {"modifier output", "TYPMOD_OUT"},
		{"analyze", "ANALYZE"}, {"subscript", "SUBSCRIPT"}, {"alignment", "ALIGNMENT"}, {"storage", "STORAGE"}, {"base default", "DEFAULT"}, {"element", "ELEMENT"}} {
		if v := f.Get(o[0]); v != "" {
			list = append(list, o[1]+" = "+v)
		}
	}
	for _, o := range [...][2]string{{"category", "CATEGORY"}, {"delimiter", "DELIMITER"}} {
		if v := f.Get(o[0]); v != "" {
			list = append(list, o[1]+" = "+text(v))
		}
	}
	for _, o := range [...][2]string{{"preferred", "PREFERRED = true"}, {"collatable", "COLLATABLE = true"}, {"by value", "PASSEDBYVALUE"}} {
		if f.Get(o[0]) != "" {
			list = append(list, o[1])
		}
	}
	s.say("CREATE TYPE", name(f), "(\n    "+strings.Join(list, ",\n    ")+"\n)")
}
