package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// A column whose type, or collation, must be made anew would have to go and come
// again, without its values. It is carried over instead: it is text while its type
// is away.

// carried tells whether a column keeps its values while what its type is made of is
// dropped and made anew.
func (s *spelling) carried(f *schema.Fact) bool {
	because := s.w.Because(f.ID)
	if because == nil || f.ID.Kind != schema.Column || f.Of != schema.Table || !s.w.Drops(f.ID) || !s.w.Creates(f.ID) || s.w.Creates(f.Parent()) {
		return false
	}
	for _, shape := range []schema.Schema{s.w.Before, s.w.After} {
		if c, ok := shape.Find(f.ID); !ok || generated(c)+c.Get("identity") != "" {
			return false
		}
	}
	switch because.ID().Kind {
	case schema.Domain, schema.Range, schema.Composite, schema.Enum, schema.Collation, baseTypeKind:
		return true
	}
	return false
}

// carrier is what a column is meanwhile.
func (s *spelling) carrier(f *schema.Fact) string {
	switch {
	case s.w.Because(f.ID).ID().Kind == schema.Collation:
		before, _ := s.w.Before.Find(f.ID)
		return before.Get("type")
	case strings.HasSuffix(f.Get("type"), "[]"):
		return "text[]"
	}
	return "text"
}

// carryOff takes a column off its type.
func (s *spelling) carryOff(f *schema.Fact) {
	if f.Get("inherited") != "" {
		return // it goes with the parent's
	}
	column := "ALTER TABLE " + on(f) + " ALTER COLUMN " + Ident(f.ID.Name)
	if _, ok := s.w.Before.Find(schema.ID{Kind: schema.Default, Schema: f.ID.Schema, On: f.ID.On, Name: f.ID.Name}); ok && s.withDefault() {
		s.say(column, "DROP DEFAULT")
	}
	collate := ""
	if s.w.Because(f.ID).ID().Kind == schema.Collation {
		collate = `COLLATE pg_catalog."default"`
	}
	s.say(column, "TYPE", s.carrier(f), collate, "USING", Ident(f.ID.Name)+"::"+s.carrier(f))
	s.stage(diff.Add, with(f, "type", s.carrier(f), "collation", ""))
}

// withDefault tells whether the action is about a default, too.
func (s *spelling) withDefault() bool {
	for _, p := range s.a.With {
		if p.ID().Kind == schema.Default {
			return true
		}
	}
	return false
}

// carryOn gives it the new one, and what else is new of it.
func (s *spelling) carryOn(f *schema.Fact) {
	before, _ := s.w.Before.Find(f.ID)
	column := "ALTER TABLE " + on(f) + " ALTER COLUMN " + Ident(f.ID.Name)
	if f.Get("inherited") == "" {
		st := s.say(column, "TYPE", f.Get("type"), prefix("COLLATE ", f.Get("collation")), "USING", Ident(f.ID.Name)+"::"+s.carrier(f)+"::"+f.Get("type"))
		st.Hazards = append(st.Hazards, diff.Hazard{Code: diff.MayFail, Object: f.ID, Text: "a value that does not fit what the type has become stops it"})
	}
	// What the column is apart from its type changes as it does without this.
	rest := &diff.Change{Before: before, After: f}
	for _, a := range [][2]*schema.Fact{{before, f}, {f, before}} {
		for _, attr := range a[0].Attrs {
			if attr.Key != "type" && attr.Key != "collation" && a[1].Get(attr.Key) != attr.Value && !rest.Has(attr.Key) {
				rest.Keys = append(rest.Keys, attr.Key)
			}
		}
	}
	if len(rest.Keys) > 0 {
		s.alter(rest)
	}
	for _, p := range s.a.With {
		if p.After != nil && p.After.ID.Kind == schema.Default {
			s.say(column, "SET DEFAULT", p.After.Get("expression"))
		}
	}
}
