// Package change is what a change of five steps is and how it goes on, as values.
//
// Charter: read a change, tell its next action, what its phases run, what its
// gates wait for, and whether somebody has meddled with it.
// Invariant: nothing that an application still reads or writes is taken away
// before a valid proof and every hold; whatever is interrupted, the next action
// for the same goal leads to the same end.
// Example: for a := change.Next(s, spec, change.Held, run); a == change.Prove; { s = change.Fold(s, spec, a) }
package change

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Language is a dialect that can carry out a change. All dialects of this house
// are.
type Language interface {
	backfill.Language
	dialect.Syncer
	dialect.Mover
	dialect.Retirer
}

// Spec is a change as its file says it, read and found in order.
type Spec struct {
	Revision          revision.ID
	Table             plan.Name // as the server folds it
	Old, New          []string
	Into              plan.Name // the other table, where the new side is in one
	Near, Far         []string  // its key here and there, in one order
	Forward, Backward []dialect.Assignment
	Holds             []revision.HoldSpec
	Retention         time.Duration
	Script            revision.Script
	Change            revision.ChangeSpec
}

// usualRetention is how long retired columns are kept.
const usualRetention = 7 * 24 * time.Hour

// Read makes a spec of a script. Errors have a place.
func Read(l Language, script revision.Script) (Spec, error) {
	if script.Change == nil {
		return Spec{}, fault.New(fault.Internal, "%s has no change", script.Revision)
	}
	c := *script.Change
	s := Spec{Revision: script.Revision, Holds: c.Holds, Retention: usualRetention, Script: script, Change: c}
	for _, name := range c.Old {
		s.Old = append(s.Old, sqltext.Name(name))
	}
	for _, name := range c.New {
		s.New = append(s.New, sqltext.Name(name))
	}
	named := l.Classify("DELETE FROM " + c.Table).Changes
	if len(named) != 1 {
		return s, fault.At(c.At, fault.Syntax, "table:%s is no name of a table", c.Table).
			Try("write it as in SQL, such as table:posts or table:public.posts")
	}
	s.Table = named[0]
	var err error
	if err = s.readInto(l, c); err != nil {
		return s, err
	}
	if s.Forward, err = assignments(l, c.Forward, s.New, "forward", "new"); err != nil {
		return s, err
	}
	if c.Backward != nil {
		if s.Backward, err = assignments(l, *c.Backward, s.Old, "backward", "old"); err != nil {
			return s, err
		}
	}
	if err := s.wide(l); err != nil {
		return s, err
	}
	if text := c.Options["retention"]; text != "" {
		if s.Retention, err = span(text); err != nil {
			return s, fault.At(c.At, fault.Syntax, "retention:%s is no duration", text).Try("write it as retention:24h or retention:30d")
		}
	}
	return s, nil
}

// Wide tells whether the old side is a key that counts by itself and whose number
// triggers do not see: the new column takes its place at the contract.
func (s Spec) Wide() bool { return s.Change.Options["form"] == "key" }

// wide checks what such a change must be like.
func (s Spec) wide(l Language) error {
	if !s.Wide() {
		return nil
	}
	if _, ok := l.(dialect.Widener); !ok {
		return fault.At(s.Change.At, fault.Syntax, "form:key is not for %s, where a key is changed like any column", l.Name()).Try("leave it out; bellows new --form key writes what is needed")
	}
	if s.Moves() || len(s.Old) != 1 || len(s.New) != 1 || s.Backward == nil || s.Change.Contract != nil {
		return fault.At(s.Change.At, fault.Syntax, "a change with form:key has one old and one new column, a backward section and no contract section").Try("bellows new --form key writes it")
	}
	return nil
}

// readInto reads where the new side is in another table.
func (s *Spec) readInto(l Language, c revision.ChangeSpec) error {
	if c.Into == "" {
		return nil
	}
	named := l.Classify("DELETE FROM " + c.Into).Changes
	if len(named) != 1 {
		return fault.At(c.At, fault.Syntax, "into:%s is no name of a table", c.Into).Try("write it as in SQL, such as into:profiles or into:public.profiles")
	}
	s.Into = named[0]
	if s.Into.Name == s.Table.Name {
		return fault.At(c.At, fault.Syntax, "into:%s has the name of the table itself", c.Into).Try("leave into: and by: out where both sides are in one table")
	}
	for _, p := range c.By {
		s.Far, s.Near = append(s.Far, sqltext.Name(p.There)), append(s.Near, sqltext.Name(p.Here))
	}
	for _, name := range s.Near {
		if slices.ContainsFunc(s.Old, func(o string) bool { return strings.EqualFold(o, name) }) {
			return fault.At(c.At, fault.Syntax, "column %s cannot move: by says that rows are found by it", name).Try("leave it out of old:")
		}
	}
	for _, name := range s.Far {
		if slices.ContainsFunc(s.New, func(o string) bool { return strings.EqualFold(o, name) }) {
			return fault.At(c.At, fault.Syntax, "column %s is no new column: by says that rows are found by it", name).Try("leave it out of new:")
		}
	}
	return nil
}

// Moves tells whether the new side is in another table.
func (s Spec) Moves() bool { return s.Into.Name != "" }

// span reads a duration as files spell it.
func span(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	return time.ParseDuration(text)
}

// assignments reads one side's expressions and demands that they give that side,
// all of it and nothing else.
func assignments(l Language, sec revision.Section, side []string, section, word string) ([]dialect.Assignment, error) {
	all, err := dialect.Assignments(l, sec)
	if err != nil {
		return nil, err
	}
	var given []string
	for i, a := range all {
		at := slices.IndexFunc(side, func(name string) bool { return strings.EqualFold(name, a.Column) })
		switch {
		case at < 0:
			return nil, fault.At(a.Pos, fault.Syntax, "%s gives %s, which is no %s column", section, a.Column, word).
				Try("it gives %s, as the directive says", strings.Join(side, ", "))
		case slices.Contains(given, side[at]):
			return nil, fault.At(a.Pos, fault.Syntax, "%s gives %s twice", section, a.Column).Try("keep one of them")
		}
		all[i].Column = side[at]
		given = append(given, side[at])
	}
	for _, name := range side {
		if !slices.Contains(given, name) {
			return nil, fault.At(sec.At, fault.Syntax, "%s does not give %s", section, name).Try("write %s = EXPRESSION", name)
		}
	}
	return all, nil
}

// Hash is the same for texts that are the same to the server.
func (s Spec) Hash(l Language) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", s.Table, s.Old, s.New)
	if s.Moves() {
		fmt.Fprintf(h, "%q %q %q\n", s.Into, s.Near, s.Far)
	}
	for _, sec := range []*revision.Section{&s.Change.Expand, &s.Change.Forward, s.Change.Backward, s.Change.Contract} {
		text := ""
		if sec != nil {
			text = l.Bare(sec.SQL)
		}
		fmt.Fprintf(h, "%q\n", text)
	}
	for _, hold := range s.Holds {
		fmt.Fprintf(h, "%q %s\n", hold.Name, hold.Quiet)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// objectName begins the names of what a change makes: short, and of letters
// that need no quotes.
func objectName(id revision.ID) string {
	var b strings.Builder
	for _, r := range strings.ToLower(string(id)) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	name := b.String()
	if name != strings.ToLower(string(id)) || len(name) > 16 {
		sum := sha256.Sum256([]byte(id))
		name = name[:min(len(name), 8)] + hex.EncodeToString(sum[:4])
	}
	return "bellows_" + name
}

// Sync is what the dialect makes its triggers of. Of columns that the state does
// not know yet only the names are told.
func (s Spec) Sync(st State, writes string) dialect.Sync {
	y := dialect.Sync{Name: objectName(s.Revision), Revision: string(s.Revision), Table: st.Table, Key: st.Key, Old: columns(s.Old, st.Old), New: columns(s.New, st.New),
		Forward: s.Forward, Backward: s.Backward, Policy: st.Policy, Writes: writes}
	y.Columns = st.Columns
	y.Written = len(s.Backward) == 0 && len(st.Objects) > 0
	if y.Table.Name == "" {
		y.Table = s.Table
	}
	if y.Policy == "" {
		y.Policy = dialect.Refuse
	}
	if s.Moves() {
		y.Into = dialect.Into{Table: st.Into.Table, Key: st.Into.Key, Columns: st.Into.Columns}
		if y.Into.Table.Name == "" {
			y.Into.Table = s.Into
		}
		if len(y.Into.Key) == 0 {
			y.Into.Key = s.Far
		}
		if len(y.Key) == 0 {
			y.Key = s.Near
		}
	}
	// The expressions name columns as the file does, the catalog may spell them otherwise.
	y.Forward, y.Backward = spelled(s.Forward, y.New), spelled(s.Backward, y.Old)
	return y
}

func columns(names []string, known []dialect.Column) []dialect.SyncColumn {
	var out []dialect.SyncColumn
	for _, name := range names {
		col := dialect.SyncColumn{Name: name}
		if c, ok := Find(known, name); ok {
			col = dialect.SyncColumn{Name: c.Name, Type: c.Type, NotNull: c.NotNull, Default: c.Default, Made: c.Made, Unequal: c.Unequal}
		}
		out = append(out, col)
	}
	return out
}

func spelled(all []dialect.Assignment, side []dialect.SyncColumn) []dialect.Assignment {
	out := slices.Clone(all)
	for i := range out {
		for _, c := range side {
			if strings.EqualFold(c.Name, out[i].Column) {
				out[i].Column = c.Name
			}
		}
	}
	return out
}

// Find finds a column by its name; one that is spelled alike before one that
// only differs in capitals.
func Find(all []dialect.Column, name string) (dialect.Column, bool) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, c := range all {
			if same(c.Name, name) {
				return c, true
			}
		}
	}
	return dialect.Column{}, false
}

// Filling is the backfill of one side as a script.
func (s Spec) Filling(l Language, st State, y dialect.Sync, table string) revision.Script {
	o := s.Change.Options
	f := revision.FillSpec{Table: s.Change.Table, Repeats: true, At: s.Change.At, Body: revision.Section{SQL: l.Fills(y, st.Side), At: s.Change.Forward.At}}
	if st.Side == dialect.Old && s.Change.Backward != nil {
		f.Body.At = s.Change.Backward.At
	}
	if key := o["key"]; key != "" {
		f.Key = strings.Split(key, ",")
	}
	f.Rows, f.Workers, f.Poison = number(o["rows"]), number(o["workers"]), number(o["poison"])
	f.Target, _ = span(o["target"]) // the reader of the file has checked them
	f.Pause, _ = span(o["pause"])
	check := revision.Section{SQL: "SELECT " + s.keyList(l, y) + " FROM " + table + " WHERE NOT " + l.Agrees(y, ""), At: s.Change.Forward.At}
	if st.Guard {
		var given []string
		for _, c := range y.New {
			given = append(given, l.Quote(c.Name)+" IS NOT NULL")
		}
		guard := "(" + strings.Join(given, " OR ") + ")"
		if s.Moves() {
			guard = l.Has(y)
		}
		f.Body.SQL = strings.ReplaceAll(f.Body.SQL, backfill.Placeholder, guard+" AND "+backfill.Placeholder)
		check.SQL += " AND " + guard
	}
	return revision.Script{Revision: s.Revision, Kind: revision.Change, Fill: &f, Check: []revision.Section{check}}
}

func (s Spec) keyList(l Language, y dialect.Sync) string {
	if len(y.Key) == 0 {
		return "1"
	}
	var names []string
	for _, k := range y.Key {
		names = append(names, l.Quote(k))
	}
	return strings.Join(names, ", ")
}

func number(text string) int {
	n := 0
	for _, r := range text {
		if r < '0' || r > '9' {
			return 0
		}
		n = n*10 + int(r-'0')
	}
	return n
}
