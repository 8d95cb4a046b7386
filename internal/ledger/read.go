package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// The states of an entry.
const (
	Applied  = "applied"
	Reverted = "reverted"
	Running  = "running" // its statements are applied one by one, and it is not done
	Failed   = "failed"  // the same, and a statement failed
	Pending  = "pending" // it was tried, failed, and was rolled back
)

var states = [...]string{Applied, Reverted, Running, Failed, Pending}

// Entry is what the ledger knows of one revision: enough to decide what is to be
// done, and small, for there are thousands.
type Entry struct {
	ID       revision.ID
	Kind     revision.Kind
	State    string
	Phase    revision.Phase
	Checksum string
	Seq      int64 // order of application
	Run      string
	more     *More
}

// More is what else it knows. It is empty unless [Ledger.ReadAll] was asked.
func (e Entry) More() More {
	if e.more == nil {
		return More{}
	}
	return *e.more
}

// More is what is only shown.
type More struct {
	Name      string
	Label     string
	Parents   []revision.ID
	Needs     []revision.Need
	AppliedAt time.Time
	Duration  time.Duration
	Actor     string
	Tool, Tag string
	Error     string
	FailedAt  time.Time
}

// Holds tells whether the revision counts as applied.
func (e Entry) Holds() bool { return e.State == Applied }

// HalfDone tells whether some of its statements took effect and others did not.
func (e Entry) HalfDone() bool { return e.State == Running || e.State == Failed }

// State is what the ledger says. The zero value is that of a database without one.
type State struct {
	Exists  bool
	Entries map[revision.ID]Entry
}

// Applied are the ids of what is applied, in order of application, repeatables left out.
func (s State) Applied() []revision.ID { return s.InOrder(Entry.Holds) }

// InOrder are the ids of the entries that want picks, in order of application,
// repeatables left out.
func (s State) InOrder(want func(Entry) bool) []revision.ID {
	type key struct {
		seq int64
		id  revision.ID
	}
	keys := make([]key, 0, len(s.Entries))
	for id, e := range s.Entries {
		if e.Kind != revision.Repeatable && want(e) {
			keys = append(keys, key{e.Seq, id})
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.seq != b.seq {
			return cmp.Compare(a.seq, b.seq)
		}
		return strings.Compare(string(a.id), string(b.id))
	})
	ids := make([]revision.ID, len(keys))
	for i, k := range keys {
		ids[i] = k.id
	}
	return ids
}

// HalfDone tells whether any entry is half-done.
func (s State) HalfDone() bool {
	for _, e := range s.Entries {
		if e.HalfDone() {
			return true
		}
	}
	return false
}

// LastSeq is the highest order of application.
func (s State) LastSeq() int64 {
	var last int64
	for _, e := range s.Entries {
		last = max(last, e.Seq)
	}
	return last
}

// recordEnd stands between the texts of two rows: ASCII's record separator,
// which is part of no id.
const recordEnd = "\x1e"

// Read reads the least that deciding what to do needs. All of a row comes as one
// text, because there may be thousands and a driver's work is by value; where the
// database is in this process, all rows do.
func (l Ledger) Read(ctx context.Context, c db.Conn) (State, error) {
	columns := "CONCAT_WS(' ', COALESCE(seq, 0), kind, state, phase, checksum, run, id)"
	if l.t.JoinRows != "" {
		columns = "COALESCE(" + fmt.Sprintf(l.t.JoinRows, columns, l.d.Literal(recordEnd)) + ", '')"
	}
	var text string
	var texts []string
	s, err := l.read(ctx, c, columns, []any{&text}, func(*State) error { texts = append(texts, text); return nil })
	if err != nil {
		return s, err
	}
	n := len(texts)
	for _, text := range texts {
		n += strings.Count(text, recordEnd)
	}
	s.Entries = make(map[revision.ID]Entry, n)
	for _, text := range texts {
		for row := range strings.SplitSeq(text, recordEnd) {
			if err := s.add(parseRow(row)); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// parseRow reads the text of a row; the zero Entry when there is nothing in it.
func parseRow(row string) (e Entry, err error) {
	if row == "" {
		return e, nil
	}
	word := func() (w string) { w, row, _ = strings.Cut(row, " "); return w }
	if e.Seq, err = strconv.ParseInt(word(), 10, 64); err != nil {
		return e, Damaged(err)
	}
	e.Kind, e.State, e.Phase = revision.Kind(word()), word(), revision.Phase(word())
	e.Checksum, e.Run, e.ID = word(), word(), revision.ID(row)
	return e, nil
}

// add takes an entry in, but for the zero one.
func (s *State) add(e Entry, err error) error {
	if err != nil || e.State == "" && e.ID == "" {
		return err
	}
	if !slices.Contains(states[:], e.State) {
		return Damaged(fault.New(fault.Repair, "it says of %s that it is %q, which this build does not know", e.ID, e.State))
	}
	s.Entries[e.ID] = e
	return nil
}

// ReadAll reads all but the SQL.
func (l Ledger) ReadAll(ctx context.Context, c db.Conn) (State, error) {
	columns := "id, kind, state, phase, checksum, COALESCE(seq, 0), run, COALESCE(name, ''), COALESCE(label, ''), COALESCE(parents, ''), " +
		"COALESCE(needs, ''), COALESCE(" + l.timeText("applied_at") + ", ''), COALESCE(duration_ms, 0), COALESCE(actor, ''), COALESCE(tool, ''), " +
		"COALESCE(tag, ''), COALESCE(error, ''), COALESCE(" + l.timeText("failed_at") + ", '')"
	var e Entry
	var m More
	var parents, needs, applied, failed string
	var ms int64
	into := []any{(*string)(&e.ID), (*string)(&e.Kind), &e.State, (*string)(&e.Phase), &e.Checksum, &e.Seq, &e.Run,
		&m.Name, &m.Label, &parents, &needs, &applied, &ms, &m.Actor, &m.Tool, &m.Tag, &m.Error, &failed}
	return l.read(ctx, c, columns, into, func(s *State) error {
		if s.Entries == nil {
			s.Entries = map[revision.ID]Entry{}
		}
		m.Parents, m.Needs = splitIDs(parents), splitNeeds(needs)
		m.AppliedAt, m.FailedAt, m.Duration = parseTime(applied), parseTime(failed), time.Duration(ms)*time.Millisecond
		more := m
		e.more = &more
		return s.add(e, nil)
	})
}

// read scans every row into the same places; take takes up what is there.
func (l Ledger) read(ctx context.Context, c db.Conn, columns string, into []any, take func(*State) error) (State, error) {
	var s State
	ok, err := l.Exists(ctx, c)
	if err != nil || !ok {
		return s, err
	}
	s.Exists = true
	rows, err := c.Query(ctx, "SELECT "+columns+" FROM "+l.table("revision"))
	if err != nil {
		return s, unreadable(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return s, err
		}
		if err := take(&s); err != nil {
			return s, err
		}
	}
	return s, unreadable(rows.Err())
}

// Script reads what was applied: the up and down SQL with their options.
func (l Ledger) Script(ctx context.Context, c db.Conn, id revision.ID) (revision.Script, error) {
	var script, up, down string
	found, err := one(ctx, c, "SELECT COALESCE(script, ''), COALESCE(up_sql, ''), COALESCE(down_sql, '') FROM "+
		l.table("revision")+" WHERE id = "+l.d.Literal(string(id)), &script, &up, &down)
	if err != nil {
		return revision.Script{}, err
	}
	var s revision.Script
	if !found || script == "" {
		return revision.Script{Revision: id}, nil
	}
	if err := json.Unmarshal([]byte(script), &s); err != nil {
		return s, fault.New(fault.Internal, "the ledger's script of %s cannot be read", id).Because(err)
	}
	if s.Up != nil {
		s.Up.SQL = up
	}
	if s.Down != nil {
		s.Down.SQL = down
	}
	return s, nil
}

// Progress is how far a migration is whose statements are applied one by one.
type Progress struct {
	Revision  revision.ID
	Direction revision.Direction
	Done      int  // units that are done for sure
	Started   bool // the unit after them was started and its outcome is not recorded
	Hash      string
	Witness   string // what the catalog looked like before that unit
	Run       string
}

// Progress reads the progress of every half-done migration.
func (l Ledger) Progress(ctx context.Context, c db.Conn) (map[revision.ID]Progress, error) {
	rows, err := c.Query(ctx, "SELECT revision, direction, done, state, hash, COALESCE(witness, ''), run FROM "+l.table("progress"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[revision.ID]Progress{}
	for rows.Next() {
		var p Progress
		var done int64
		var state string
		if err := rows.Scan((*string)(&p.Revision), (*string)(&p.Direction), &done, &state, &p.Hash, &p.Witness, &p.Run); err != nil {
			return nil, err
		}
		p.Done, p.Started = int(done), state == started
		out[p.Revision] = p
	}
	return out, rows.Err()
}

// Line is one line of the journal.
type Line struct {
	Seq                                             int64
	At                                              time.Time
	Run, Action, Revision, Actor, Tool, Tag, Detail string
}

// Journal reads the newest lines, oldest of them first; limit 0 reads all.
func (l Ledger) Journal(ctx context.Context, c db.Conn, limit int) ([]Line, error) {
	ok, err := l.Exists(ctx, c)
	if err != nil || !ok {
		return nil, err
	}
	q := "SELECT seq, COALESCE(" + l.timeText("at") + ", ''), run, action, revision, COALESCE(actor, ''), COALESCE(tool, ''), COALESCE(tag, ''), COALESCE(detail, '') FROM " +
		l.table("journal") + " ORDER BY seq DESC"
	if limit > 0 {
		q += " LIMIT " + strconv.Itoa(limit)
	}
	rows, err := c.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Line
	for rows.Next() {
		var n Line
		var at string
		if err := rows.Scan(&n.Seq, &at, &n.Run, &n.Action, &n.Revision, &n.Actor, &n.Tool, &n.Tag, &n.Detail); err != nil {
			return nil, err
		}
		n.At = parseTime(at)
		out = append(out, n)
	}
	slices.Reverse(out)
	return out, rows.Err()
}

func joinIDs(ids []revision.ID) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = string(id)
	}
	return strings.Join(parts, "\n")
}

func splitIDs(s string) []revision.ID {
	var out []revision.ID
	for _, p := range strings.Split(s, "\n") {
		if p != "" {
			out = append(out, revision.ID(p))
		}
	}
	return out
}

func joinNeeds(needs []revision.Need) string {
	parts := make([]string, len(needs))
	for i, n := range needs {
		parts[i] = string(n.ID) + " " + string(n.Phase)
	}
	return strings.Join(parts, "\n")
}

func splitNeeds(s string) []revision.Need {
	var out []revision.Need
	for _, p := range strings.Split(s, "\n") {
		if id, phase, ok := strings.Cut(p, " "); ok {
			out = append(out, revision.Need{ID: revision.ID(id), Phase: revision.Phase(phase)})
		}
	}
	return out
}
