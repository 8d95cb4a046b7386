package compare

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// Proof says on what a result is proven, and by what. The clone and what it holds
// are thrown away by the caller.
type Proof struct {
	// Clone is a session on a database that has the old shape and that nobody else uses.
	Clone db.Conn
	// From and To are the shapes; Parts lead from one to the other.
	From, To schema.Schema
	Parts    []Part
	// Aside is what the parts put aside, and where.
	Aside []diff.Rename
	// Inspection and Ignore are those by which From and To were read and compared.
	Inspection db.Inspection
	Ignore     []string
	// Dump writes the clone's shape as text by other means than ours, and Wanted is
	// what it writes of a database that was made in the new shape; nil and "" where
	// there is no such client.
	Dump   func(ctx context.Context) (string, error)
	Wanted string
}

// Certificate tells what was proven.
type Certificate struct {
	// From and To are the fingerprints of the shapes.
	From, To schema.Hash
	// Dialect and Server tell on what: the database and its version.
	Dialect string
	Server  int
	// Dumped tells that another client saw the same, Locked how many statements
	// were watched for their locks, Back that the way back was run.
	Dumped, Back bool
	Locked       int
	// Rows is how many tables had rows when they, or columns of them, were put aside
	// and brought back.
	Rows int
	// Without says in words what was not asked; "" when nothing is to be said.
	Without string
}

// String is the certificate in one line, for the head of a file.
func (c Certificate) String() string {
	said := []string{fmt.Sprintf("Proven on %s %d: up", c.Dialect, c.Server)}
	if c.Back {
		said = append(said, "down, up again")
	}
	switch {
	case c.Rows == 1:
		said = append(said, "rows of 1 table that come back")
	case c.Rows > 1:
		said = append(said, fmt.Sprintf("rows of %d tables that come back", c.Rows))
	}
	switch {
	case c.Locked == 1:
		said = append(said, "locks of 1 statement")
	case c.Locked > 1:
		said = append(said, fmt.Sprintf("locks of %d statements", c.Locked))
	}
	if c.Dumped {
		said = append(said, "the database's own dump of the schema")
	}
	if c.Without != "" {
		said = append(said, "without "+c.Without)
	}
	return fmt.Sprintf("%s; %s to %s", strings.Join(said, ", "), c.From, c.To)
}

// Prove runs the parts there, back and there again on a clone. The error is the
// first thing that is not as the plan says: it names the part and the statement.
//
// Proven is: each part leads to the shape that it says, and so does its way back;
// the last one leads to the new shape, from which nothing is left to do, and another
// observer sees the same text; no statement takes a stronger lock on a table than the
// plan says, and none writes a table anew of which the plan does not say so; what is
// put aside has its rows again after the way back.
func Prove(ctx context.Context, p Proof) (Certificate, error) {
	v := &proving{Proof: p, cert: Certificate{From: p.From.Hash(), To: p.To.Hash(), Dialect: p.Clone.Dialect().Name()}}
	v.From, v.To = v.From.Without(p.Ignore...), v.To.Without(p.Ignore...)
	for _, step := range []func(context.Context) error{v.start, v.up, v.end, v.down, v.again, v.rows} {
		if err := step(ctx); err != nil {
			return v.cert, err
		}
	}
	return v.cert, nil
}

// proving is one proof under way.
type proving struct {
	Proof
	cert  Certificate
	first string // the dump of the start
	last  schema.Schema
	watch *watch // nil where nobody looks
}

func (v *proving) start(ctx context.Context) (err error) {
	if err := v.same(ctx, v.From, "the clone that the plan is to be tried on has another shape than the start", nil); err != nil {
		return err
	}
	v.cert.Server = v.last.Version
	if v.Dump != nil {
		v.first, err = v.Dump(ctx)
	}
	return err
}

func (v *proving) up(ctx context.Context) error {
	if o, ok := v.Clone.(db.Observer); ok {
		v.watch = &watch{Observer: o}
		if err := v.watch.begin(ctx); err != nil {
			return err
		}
	}
	defer func() { v.watch = nil }()
	for i := range v.Parts {
		p := &v.Parts[i]
		if err := v.run(ctx, p.Leg.Up, p.UpMode); err != nil {
			return unproven(err, "up", p)
		}
		if err := v.same(ctx, p.After.Without(v.Ignore...), "the way up leads elsewhere", p); err != nil {
			return err
		}
	}
	return nil
}

// end looks at where the way up has led.
func (v *proving) end(ctx context.Context) error {
	left, err := Diff(v.Clone.Dialect(), v.last, v.To, diff.Options{})
	if err != nil {
		return err
	}
	if !left.Up.Empty() {
		return fault.New(fault.Finding, "the plan is not proven: after it there is still to do: %s", strings.TrimSpace(left.Up.SQL()))
	}
	if v.Dump == nil || v.Wanted == "" {
		return nil
	}
	return v.dumped(ctx, v.Wanted, "the way up")
}

func (v *proving) dumped(ctx context.Context, want, way string) error {
	got, err := v.Dump(ctx)
	if err != nil {
		return err
	}
	if line, other, same := firstDifference(Unordered(want), Unordered(got)); !same {
		return fault.New(fault.Finding, "the plan is not proven: after %s another client sees %q where it should see %q", way, other, line)
	}
	v.cert.Dumped = true
	return nil
}

func (v *proving) down(ctx context.Context) error {
	for i := len(v.Parts) - 1; i >= 0; i-- {
		p := &v.Parts[i]
		if p.Class == diff.Irreversible {
			return nil
		}
		if err := v.run(ctx, p.Leg.Down, p.DownMode); err != nil {
			return unproven(err, "down", p)
		}
		if err := v.same(ctx, p.Before.Without(v.Ignore...), "the way down leads elsewhere", p); err != nil {
			return err
		}
	}
	v.cert.Back = true
	if v.Dump == nil {
		return nil
	}
	return v.dumped(ctx, v.first, "the way down")
}

func (v *proving) again(ctx context.Context) error {
	if !v.cert.Back {
		return nil
	}
	for i := range v.Parts {
		p := &v.Parts[i]
		if err := v.run(ctx, p.Leg.Up, p.UpMode); err != nil {
			return unproven(err, "up again", p)
		}
	}
	return v.same(ctx, v.To, "the way up leads elsewhere the second time", nil)
}

func unproven(err error, way string, p *Part) error {
	if p.Name != "" {
		way += " of " + p.Name
	}
	var f *fault.Error
	if errors.As(err, &f) {
		if f.Op != "" {
			way += ": " + f.Op
		}
		return f.While("proving the way %s", way)
	}
	return fault.New(fault.Finding, "the plan is not proven: %v", err).Because(err).While("proving the way %s", way)
}

func (v *proving) shape(ctx context.Context) (schema.Schema, error) {
	s, err := Inspect(ctx, v.Clone, v.Inspection)
	return s.Without(v.Ignore...), err
}

func (v *proving) same(ctx context.Context, want schema.Schema, what string, p *Part) error {
	got, err := v.shape(ctx)
	if err != nil {
		return err
	}
	v.last = got
	left := diff.Compare(got, want)
	if len(left) == 0 {
		return nil
	}
	if p != nil && p.Name != "" {
		what = p.Name + ": " + what
	}
	c := &left[0]
	detail := ""
	if len(c.Keys) > 0 {
		detail = fmt.Sprintf(": %q, not %q", c.Before.Get(c.Keys[0]), c.After.Get(c.Keys[0]))
	}
	return fault.New(fault.Finding, "the plan is not proven: %s: %s%s", what, c.String(), detail)
}

// run runs statements as a migration would, and watches them.
func (v *proving) run(ctx context.Context, statements []diff.Statement, mode diff.Mode) error {
	shaper, ok := v.Clone.Dialect().(dialect.Shaper)
	if !ok {
		return Unknown(v.Clone.Dialect())
	}
	f := frame(shaper.Comparison(), diff.Plan{Statements: statements})
	if err := v.each(ctx, f.Before, nil); err != nil {
		return err
	}
	if mode == diff.Apart || !v.Clone.Dialect().Traits().TransactionalDDL {
		for i := 0; i < len(f.Inside); {
			unit := sharing(f.Inside[i:])
			if err := v.together(ctx, unit); err != nil {
				return err
			}
			i += len(unit)
		}
	} else if err := v.together(ctx, f.Inside); err != nil {
		return err
	}
	return v.each(ctx, f.After, nil)
}

// together runs statements in one transaction, where they can be in one.
func (v *proving) together(ctx context.Context, statements []diff.Statement) (err error) {
	alone := slices.ContainsFunc(statements, func(s diff.Statement) bool { return s.Effect.NoTx != "" && !s.Effect.Ignored })
	if traits := v.Clone.Dialect().Traits(); alone || !traits.TransactionalDDL || len(statements) == 0 {
		return v.each(ctx, statements, nil)
	}
	if _, err := v.Clone.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if v.watch != nil {
		v.watch.claimed = map[string]plan.Lock{}
	}
	end := "COMMIT"
	if err = v.each(ctx, statements, v.watch); err != nil {
		end = "ROLLBACK"
	}
	if _, failed := v.Clone.Exec(context.WithoutCancel(ctx), end); err == nil {
		err = failed
	}
	return err
}

func (v *proving) each(ctx context.Context, statements []diff.Statement, w *watch) error {
	for _, s := range statements {
		if _, err := v.Clone.Exec(ctx, s.SQL); err != nil {
			return fmt.Errorf("%s: %w", s.SQL, err)
		}
		if w == nil {
			continue
		}
		if err := w.look(ctx, s); err != nil {
			return err
		}
		v.cert.Locked++
	}
	return nil
}

// watch looks what statements do to the tables that were there at the beginning.
type watch struct {
	db.Observer
	known map[string]db.Observed
	// claimed are the locks that the statements of the transaction may have taken.
	claimed map[string]plan.Lock
}

func (w *watch) begin(ctx context.Context) error {
	all, err := w.Observe(ctx)
	w.known = map[string]db.Observed{}
	for _, o := range all {
		w.known[o.ID] = o
	}
	return err
}

// look compares what a statement has done with what was said of it.
func (w *watch) look(ctx context.Context, s diff.Statement) error {
	all, err := w.Observe(ctx)
	if err != nil {
		return err
	}
	rewrites := w.claim(s, all)
	for _, o := range all {
		was, there := w.known[o.ID]
		if !there {
			continue // it was made meanwhile
		}
		if said := w.said(o); w.Stronger(o.Lock, said) {
			return wrong(s, "it takes the lock %s on %s, and the plan says %s", o.Lock, o.Name, orNone(said))
		}
		if o.File != was.File && !w.writes(o, rewrites) {
			return wrong(s, "it writes %s anew, and the plan does not say so", o.Name)
		}
		w.known[o.ID] = o
	}
	return nil
}

// claim takes over what is said of a statement, and gives the tables that it may
// write anew.
func (w *watch) claim(s diff.Statement, now []db.Observed) map[plan.Name]bool {
	rewrites := map[plan.Name]bool{}
	for _, t := range s.Effect.Touches {
		if t.Of != "" {
			continue
		}
		name := t.Table
		if t.Index {
			name = plan.Name{Schema: s.About.Schema, Name: s.About.On}
		}
		for _, o := range now {
			if was := w.known[o.ID]; o.Name != name && was.Name != name {
				continue
			}
			rewrites[o.Name] = rewrites[o.Name] || t.Rewrites
			if w.Stronger(t.Lock, w.claimed[o.ID]) {
				w.claimed[o.ID] = t.Lock
			}
		}
	}
	return rewrites
}

// writes tells whether the plan says that a table, or one that it is a part of, is
// written anew.
func (w *watch) writes(o db.Observed, rewrites map[plan.Name]bool) bool {
	return rewrites[o.Name] || rewrites[w.known[o.ID].Name] || slices.ContainsFunc(o.Parents, func(parent string) bool {
		p, ok := w.known[parent]
		return ok && w.writes(p, rewrites)
	})
}

// said is the strongest lock that the plan says of a table, or of one that it is a
// part of.
func (w *watch) said(o db.Observed) plan.Lock {
	said := w.claimed[o.ID]
	for _, parent := range append(slices.Clone(o.Parents), w.known[o.ID].Parents...) {
		if p, ok := w.known[parent]; ok {
			if lock := w.said(p); w.Stronger(lock, said) {
				said = lock
			}
		}
	}
	return said
}

func wrong(s diff.Statement, format string, args ...any) error {
	return fault.New(fault.Finding, "the plan is not proven: "+format, args...).While("running %s", s.SQL)
}

func orNone(l plan.Lock) string {
	if l == "" {
		return "none"
	}
	return string(l)
}

// options are settings behind a table, a view or an index.
var options = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`WITH \([^()]*\)`)
})

// Unordered is the text of a dump without what is no part of a shape: the order of
// its entries, of the columns of a table, of rights, and of options.
func Unordered(dump string) []string {
	entries := strings.Split(dump, "\n--\n-- Name: ")
	slices.Sort(entries[1:])
	lines := strings.Split(strings.Join(entries, "\n--\n-- Name: "), "\n")
	for i := 0; i < len(lines); i++ {
		lines[i] = options().ReplaceAllStringFunc(lines[i], func(text string) string {
			words := strings.Split(strings.TrimSuffix(strings.TrimPrefix(text, "WITH ("), ")"), ", ")
			slices.Sort(words)
			return "WITH (" + strings.Join(words, ", ") + ")"
		})
		from := i
		switch {
		case strings.HasPrefix(lines[i], "GRANT "):
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "GRANT ") {
				i++
			}
		case strings.HasPrefix(lines[i], "CREATE ") && strings.HasSuffix(lines[i], " (") && strings.Contains(lines[i], "TABLE "):
			for from++; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "    "); {
				i++
				lines[i] = strings.TrimSuffix(lines[i], ",")
			}
		default:
			continue
		}
		slices.Sort(lines[from : i+1])
	}
	return lines
}

// firstDifference is the first line that is not the same in two texts.
func firstDifference(want, got []string) (line, other string, same bool) {
	for i := range max(len(want), len(got)) {
		line, other = "", ""
		if i < len(want) {
			line = want[i]
		}
		if i < len(got) {
			other = got[i]
		}
		if line != other {
			return line, other, false
		}
	}
	return "", "", true
}
