package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// weigh adds to the statements of an action what they lock, scan, write and
// lose. The text tells most of it, the shapes the rest: what is new has no rows,
// and some changes of type leave the table as it is.
func (s *spelling) weigh() {
	for i := range s.out {
		st := &s.out[i]
		if strings.HasPrefix(st.SQL, "--") {
			continue
		}
		st.Effect = s.l.Dialect.Classify(st.SQL)
		st.Effect.Touches = s.old(append(st.Effect.Touches, s.others(st)...))
		slices.SortStableFunc(st.Effect.Touches, func(a, b plan.Touch) int { return strength[b.Lock] - strength[a.Lock] })
		s.correct(st)
		s.hazards(st)
	}
	s.losses()
}

// others are tables that a statement locks and does not name: those that foreign
// keys refer to, those with columns of a domain, that of a statistics object.
func (s *spelling) others(st *diff.Statement) (all []plan.Touch) {
	add := func(lock plan.Lock, scans bool, ids ...schema.ID) {
		for _, id := range ids {
			name := id.On
			if id.Kind == schema.Table {
				name = id.Name
			}
			t := plan.Touch{Table: plan.Name{Schema: id.Schema, Name: name}, Lock: lock, Scans: scans, StopsReads: lock == accessExclusive, StopsWrites: strength[lock] >= strength[share]}
			if name != "" && !slices.ContainsFunc(all, func(o plan.Touch) bool { return o.Table == t.Table && o.Lock == t.Lock }) {
				all = append(all, t)
			}
		}
	}
	for _, p := range append([]diff.Part{s.a.Main}, s.a.With...) {
		f := p.Fact()
		switch {
		case p.Verb == diff.Drop && f.ID.Kind == schema.Constraint && f.Get("type") == "foreign key":
			add(accessExclusive, false, f.Needs...)
		case p.Verb == diff.Drop && f.ID.Kind == schema.Partition && f.Get("bound") != "":
			if strings.HasPrefix(st.SQL, "DROP TABLE ") {
				add(accessExclusive, false, f.Needs...) // of which it was a part
			}
			lock := shareRow
			if strings.Contains(st.SQL, " DROP CONSTRAINT ") {
				lock = accessExclusive // what the former partition has kept
			}
			for _, key := range keptKeys(s.w, f) {
				add(lock, false, key.Needs...)
			}
		case p.Verb == diff.Drop && f.ID.Kind == schema.Statistics:
			add(shareUpdate, false, f.Needs...)
		case strings.HasPrefix(st.SQL, "ALTER DOMAIN ") && (strings.Contains(st.SQL, " SET NOT NULL") || strings.Contains(st.SQL, " CONSTRAINT ") && !strings.Contains(st.SQL, " DROP ") && !strings.HasSuffix(st.SQL, " NOT VALID")):
			domain := f.ID
			if domain.Kind != schema.Domain {
				domain = f.Parent()
			}
			for _, user := range s.w.Users(domain) {
				if user.ID.Kind == schema.Column && user.Of == schema.Table {
					add(share, true, user.ID)
				}
			}
		}
	}
	return all
}

// old keeps the touches of tables that were there before and still hold their rows.
func (s *spelling) old(touches []plan.Touch) []plan.Touch {
	var kept []plan.Touch
	for _, t := range touches {
		if t.Index || s.holdsRows(t.Table) {
			kept = append(kept, t)
		}
	}
	return kept
}

// rewrites tells whether a table is written anew.
func rewrites(t plan.Touch) bool { return t.Rewrites }

func (s *spelling) holdsRows(n plan.Name) bool {
	for _, kind := range []schema.Kind{schema.Table, schema.MatView, schema.View, schema.ForeignTable} {
		id := schema.ID{Kind: kind, Schema: n.Schema, Name: n.Name}
		if _, ok := s.w.Before.Find(id); ok {
			return !s.w.Creates(id) || s.a.Main.Verb == diff.Drop
		}
	}
	return false
}

// correct puts right what only the shapes know.
func (s *spelling) correct(st *diff.Statement) {
	c := s.a.Main.Change
	if st.Stage == diff.Tighten || st.Stage == diff.Validate && strings.Contains(st.SQL, " ATTACH PARTITION ") {
		for i := range st.Effect.Touches {
			st.Effect.Touches[i].Scans = false // it was proven
		}
	}
	if s.a.Main.Verb != diff.Modify || c.After.ID.Kind != schema.Column || !strings.Contains(st.SQL, " TYPE ") {
		return
	}
	for i := range st.Effect.Touches {
		t := &st.Effect.Touches[i]
		if keepsFile(c) && !c.Has("collation") {
			t.Rewrites, t.Scans = false, false
		}
	}
}

// hazards names what the locks mean for those who use the database.
func (s *spelling) hazards(st *diff.Statement) {
	about := s.a.Main.ID()
	add := func(code, text string) {
		st.Hazards = append(st.Hazards, diff.Hazard{Code: code, Object: about, Text: text})
	}
	for _, t := range st.Effect.Touches {
		table := t.Table.String()
		switch {
		case t.Rewrites:
			add(diff.RewritesTable, table+" is written anew while nobody can read or write it")
		case t.Scans && t.StopsReads:
			add(diff.ScansTable, table+" is read from end to end while nobody can read or write it")
		case t.Scans && t.StopsWrites:
			add(diff.StopsWrites, table+" cannot be written while it is read from end to end")
		}
	}
	switch {
	case st.Stage == diff.Validate && strings.Contains(st.SQL, " VALIDATE "):
		add(diff.MayFail, "a row that does not fit stops it")
	case st.Stage == diff.Build && strings.HasPrefix(st.SQL, "CREATE UNIQUE "):
		add(diff.MayFail, "rows that have the same values stop it")
	case strings.HasSuffix(st.SQL, " SET NOT NULL") && st.Stage != diff.Tighten && (about.Kind == schema.Domain || len(st.Effect.Touches) > 0): // of a table that holds rows
		add(diff.MayFail, "a NULL in a row stops it")
	case st.Effect.Verb == "GRANT" || st.Effect.Verb == "REVOKE":
		add(diff.Privileges, "who may do what changes")
	}
	for _, k := range st.Effect.Constraints {
		if !k.Later && !k.Validates && s.holdsRows(k.Table) {
			add(diff.MayFail, "a row that does not fit the constraint stops it")
		}
	}
	if because := s.w.Because(about); because != nil && s.a.Main.Verb == diff.Create {
		add(diff.RebuildsObject, "made anew because of "+because.ID().String())
	}
}

// losses names what is lost beside what the statement itself drops.
func (s *spelling) losses() {
	c := s.a.Main.Change
	if len(s.out) == 0 {
		return
	}
	st := &s.out[0]
	add := func(code, text string) {
		st.Hazards = append(st.Hazards, diff.Hazard{Code: code, Object: c.ID(), Text: text})
	}
	switch {
	case s.a.Main.Verb == diff.Drop && c.ID().Kind == schema.Table && s.w.Creates(c.ID()) && c.Before.Get("partition key") == "":
		add(diff.LosesTable, "it cannot be changed in place, so it is dropped and made anew: the rows of "+c.ID().Path()+" are lost, unless you copy them before, in a migration of your own")
	case s.a.Main.Verb == diff.Drop && c.ID().Kind == schema.Table && s.w.Creates(c.ID()):
		add(diff.LosesTable, "it cannot be partitioned anew in place, so it is dropped and made anew: of the rows of "+c.ID().Path()+" only those in parts that stay are kept")
	case s.a.Main.Verb == diff.Drop && c.ID().Kind == schema.Table:
		add(diff.LosesTable, "the rows of "+c.ID().Path()+" are lost")
	case s.a.Main.Verb == diff.Drop && c.ID().Kind == schema.Column && s.carried(c.Before):
	case s.a.Main.Verb == diff.Drop && c.ID().Kind == schema.Column && generated(c.Before) == "" && (c.Before.Of == schema.Table || c.Before.Of == schema.ForeignTable):
		add(diff.LosesColumn, "the values of "+c.ID().Path()+" are lost")
	case s.a.Main.Verb == diff.Modify && c.ID().Kind == schema.Column && c.Has("type") && narrows(c):
		add(diff.LosesValues, "values of "+c.ID().Path()+" that do not fit "+c.After.Get("type")+" are cut or stop it")
	}
}

// narrows tells whether a change of type can lose a part of a value.
func narrows(c *diff.Change) bool {
	if keepsFile(c) {
		return false
	}
	from, _ := typeParts(c.Before.Get("type"))
	to, _ := typeParts(c.After.Get("type"))
	order := []string{"smallint", "integer", "bigint", "numeric"}
	a, b := indexOf(order, from), indexOf(order, to)
	if a >= 0 && b >= 0 && a < b {
		return false
	}
	return to != "text"
}

func indexOf(list []string, item string) int {
	for i, x := range list {
		if x == item {
			return i
		}
	}
	return -1
}
