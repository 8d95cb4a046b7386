package ledger

import (
	"context"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// The tables of backfills are made when the first one is planned. They are
// written to without the lease: what keeps two workers apart is the lock of the
// row they work on, in the transaction that changes the application's rows. Only
// the beginning and the end of a backfill are recorded under the lease.

// The states of a backfill.
const (
	FillPlanned   = "planned"   // nothing was changed yet
	FillRunning   = "running"   // workers are, or may be, at it
	FillStopped   = "stopped"   // something went wrong; the same command continues
	FillChecked   = "checked"   // all rows are done and the check holds
	FillApplied   = "applied"   // and the ledger says so
	FillCancelled = "cancelled" // given up by a person
)

// What a person wants of a backfill.
const (
	WantGo    = "go"
	WantPause = "pause"
)

// The states of a row set aside.
const (
	PoisonOpen   = "open"
	PoisonFixed  = "fixed"
	PoisonWaived = "waived"
)

// fillTables is the shape of the tables of backfills at [Format].
var fillTables = [...]table{
	{"fill_run", "id", []column{
		{"id", key}, {"revision", key}, {"direction", key}, {"number", integer}, {"state", key}, {"want", key},
		{"table_name", text}, {"spec", text}, {"hash", key}, {"strategy", key}, {"reason", text}, {"key_columns", text}, {"parts", text},
		{"sweep", integer}, {"next_seq", integer}, {"looks", integer},
		{"size", integer}, {"first_rows", integer}, {"target_ms", integer}, {"ceiling", integer}, {"workers", integer},
		{"pause_ms", integer}, {"poison_limit", integer}, {"rows_total", integer}, {"tidied", integer}, {"dry", text},
		{"error", text}, {"code", key}, {"actor", text}, {"tool", text}, {"started_at", moment}, {"finished_at", moment}, {"epoch", fence},
	}},
	{"fill_chunk", "run, seq", []column{
		{"run", key}, {"seq", fence}, {"kind", key}, {"sweep", integer}, {"part", integer}, {"low", text}, {"high", text},
		{"state", key}, {"rows_n", integer}, {"changed", integer}, {"took_us", integer}, {"tries", integer}, {"merged", integer},
		{"note", text}, {"at", moment},
	}},
	{"fill_poison", "run, seq", []column{
		{"run", key}, {"seq", fence}, {"row_key", text}, {"code", key}, {"reason", text}, {"state", key}, {"tries", integer},
		{"at", moment}, {"actor", text}, {"why", text},
	}},
	{"fill_lease", "run, seq", []column{
		{"run", key}, {"seq", fence}, {"owner", key}, {"epoch", fence}, {"until", moment},
		{"session", integer}, {"session_start", text}, {"session_host", text},
	}},
	{"fill_worker", "run, id", []column{
		{"run", key}, {"id", key}, {"host", text}, {"pid", integer}, {"session", integer}, {"session_start", text}, {"session_host", text},
		{"doing", text}, {"rate", integer}, {"began", moment}, {"seen", moment},
	}},
}

// FillTables are the tables of backfills, spelled as SQL.
func (l Ledger) FillTables() []string {
	var names []string
	for _, t := range fillTables {
		names = append(names, l.table(t.name))
	}
	return names
}

// Own are all tables that the ledger may ever have, spelled as SQL, so that a
// comparison of schemas leaves them out.
func (l Ledger) Own() []string {
	return append(append(l.Tables(), l.FillTables()...), l.ChangeTables()...)
}

// CreateFill gives the statements that make the tables of backfills where they
// are not there. Each can be repeated.
func (l Ledger) CreateFill() []string {
	var out []string
	for _, t := range fillTables {
		out = append(out, l.createTable(t))
	}
	return out
}

// HasFill tells whether the tables of backfills are there, all of them: the one
// that is made last is.
func (l Ledger) HasFill(ctx context.Context, c db.Conn) (bool, error) {
	return l.hasTable(ctx, c, fillTables[len(fillTables)-1].name)
}

// HasLeases tells whether the table of leases is there: builds that made the
// others did not all make it.
func (l Ledger) HasLeases(ctx context.Context, c db.Conn) (bool, error) {
	return l.hasTable(ctx, c, "fill_lease")
}

func (l Ledger) hasTable(ctx context.Context, c db.Conn, table string) (bool, error) {
	schema, name := "-", l.name+"_"+table
	if l.t.Schemas {
		schema, name = l.name, table
	}
	var any int64
	return one(ctx, c, l.tableExists(schema, name), &any)
}

func (l Ledger) tableExists(schema, name string) string {
	q := replaceOne(l.t.TableExists, l.d.Literal(schema))
	return replaceOne(q, l.d.Literal(name))
}

// Fill is one backfill in one direction, as the ledger has it. Key and Parts are
// texts of who planned it.
type Fill struct {
	ID        string
	Revision  revision.ID
	Direction revision.Direction
	Number    int64 // counts the backfills of that revision and direction
	State     string
	Want      string

	Table, Spec, Hash     string
	Strategy, Reason      string
	Key, Parts            string
	Sweep                 int64
	NextSeq, Looks        int64
	Size, FirstRows       int64
	Target, Pause         time.Duration
	Ceiling, Workers      int64
	Poison                int64 // the most rows set aside
	Rows                  int64 // of the table, as known
	Tidied                int64 // rows changed when the table was last tidied
	Dry                   string
	Error, Code           string
	Actor, Tool           string
	StartedAt, FinishedAt time.Time
}

// Active tells whether work is left to do or a person to be asked.
func (f Fill) Active() bool {
	return f.State == FillPlanned || f.State == FillRunning || f.State == FillStopped || f.State == FillChecked
}

// AddFill gives the statement that records a new backfill.
func (l Ledger) AddFill(f Fill, by By) string {
	q, n := l.d.Literal, func(n int64) string { return strconv.FormatInt(n, 10) }
	return l.insert("fill_run", "id", q(f.ID), "revision", q(string(f.Revision)), "direction", q(string(f.Direction)), "number", n(f.Number),
		"state", q(f.State), "want", q(WantGo), "table_name", q(f.Table), "spec", q(f.Spec), "hash", q(f.Hash), "strategy", q(f.Strategy),
		"reason", q(f.Reason), "key_columns", q(f.Key), "parts", q(f.Parts), "sweep", n(f.Sweep), "next_seq", n(f.NextSeq), "looks", n(f.Looks), "size", n(f.Size), "first_rows", n(f.FirstRows), "target_ms", n(f.Target.Milliseconds()),
		"ceiling", n(f.Ceiling), "workers", n(f.Workers), "pause_ms", n(f.Pause.Milliseconds()), "poison_limit", n(f.Poison), "rows_total", n(f.Rows),
		"tidied", n(f.Tidied), "dry", q(f.Dry), "error", "''", "code", "''", "actor", q(by.Actor), "tool", q(by.Tool), "epoch", l.epoch(by.Fence))
}

const fillColumns = "id, revision, direction, number, state, want, table_name, spec, hash, strategy, reason, key_columns, parts, sweep, " +
	"next_seq, looks, size, first_rows, target_ms, ceiling, workers, pause_ms, poison_limit, rows_total, tidied, dry, COALESCE(error, ''), code, " +
	"COALESCE(actor, ''), COALESCE(tool, '')"

func (l Ledger) fillQuery() string {
	return "SELECT " + fillColumns + ", COALESCE(" + l.timeText("started_at") + ", ''), COALESCE(" + l.timeText("finished_at") + ", '') FROM " + l.table("fill_run")
}

func (l Ledger) scanFills(rows db.Rows) ([]Fill, error) {
	defer rows.Close()
	var all []Fill
	for rows.Next() {
		var f Fill
		var target, pause int64
		var started, finished string
		if err := rows.Scan(&f.ID, (*string)(&f.Revision), (*string)(&f.Direction), &f.Number, &f.State, &f.Want, &f.Table, &f.Spec, &f.Hash,
			&f.Strategy, &f.Reason, &f.Key, &f.Parts, &f.Sweep, &f.NextSeq, &f.Looks, &f.Size, &f.FirstRows, &target,
			&f.Ceiling, &f.Workers, &pause, &f.Poison, &f.Rows, &f.Tidied, &f.Dry, &f.Error, &f.Code, &f.Actor, &f.Tool, &started, &finished); err != nil {
			return nil, err
		}
		f.Target, f.Pause = time.Duration(target)*time.Millisecond, time.Duration(pause)*time.Millisecond
		f.StartedAt, f.FinishedAt = parseTime(started), parseTime(finished)
		all = append(all, f)
	}
	return all, rows.Err()
}

// Fills reads every backfill, in the order in which they were planned for their
// revision; none where the tables are not there.
func (l Ledger) Fills(ctx context.Context, c db.Conn) ([]Fill, error) {
	ok, err := l.HasFill(ctx, c)
	if err != nil || !ok {
		return nil, err
	}
	rows, err := c.Query(ctx, l.fillQuery()+" ORDER BY revision, direction, number")
	if err != nil {
		return nil, err
	}
	return l.scanFills(rows)
}

// ReadFill reads one backfill; fault.Missing when it is not there.
func (l Ledger) ReadFill(ctx context.Context, c db.Conn, id string) (Fill, error) {
	f, ok, err := l.readFill(ctx, c, id, "")
	if err == nil && !ok {
		err = fault.New(fault.Missing, "the ledger has no backfill %s", id).Try("bellows backfill status lists them")
	}
	return f, err
}

// LockFill reads one backfill and locks its row until the transaction ends. ok
// is false when another session has it locked.
func (l Ledger) LockFill(ctx context.Context, c db.Conn, id string) (f Fill, ok bool, err error) {
	facts := l.fill()
	if facts.Pass != "" {
		return l.readFill(ctx, c, id, facts.Pass)
	}
	if facts.Refuse != "" {
		f, ok, err = l.readFill(ctx, c, id, facts.Refuse)
		if isWait(err) {
			return f, false, nil
		}
		return f, ok, err
	}
	return l.readFill(ctx, c, id, l.t.LockRow)
}

// WaitFill is [Ledger.LockFill] that waits for the other session.
func (l Ledger) WaitFill(ctx context.Context, c db.Conn, id string) (Fill, error) {
	f, ok, err := l.readFill(ctx, c, id, l.t.LockRow)
	if err == nil && !ok {
		err = fault.New(fault.Missing, "the ledger has no backfill %s", id).Try("bellows backfill status lists them")
	}
	return f, err
}

func (l Ledger) readFill(ctx context.Context, c db.Conn, id, suffix string) (f Fill, ok bool, err error) {
	rows, err := c.Query(ctx, l.fillQuery()+" WHERE id = "+l.d.Literal(id)+suffix)
	if err != nil {
		return f, false, err
	}
	all, err := l.scanFills(rows)
	if err != nil || len(all) == 0 {
		return f, false, err
	}
	return all[0], true, nil
}

// fill are the dialect's facts for chunks; the zero value for one that has none.
func (l Ledger) fill() dialect.Fill {
	if f, ok := l.d.(dialect.Filler); ok {
		return f.Fill()
	}
	return dialect.Fill{}
}

// Advance gives the statement that records how far a backfill is planned, at
// what size, and what is known of its table.
func (l Ledger) Advance(f Fill) string {
	n := func(n int64) string { return strconv.FormatInt(n, 10) }
	return "UPDATE " + l.table("fill_run") + " SET sweep = " + n(f.Sweep) + ", next_seq = " + n(f.NextSeq) + ", looks = " + n(f.Looks) + ", size = " + n(f.Size) + ", rows_total = " + n(f.Rows) + ", tidied = " + n(f.Tidied) +
		", parts = " + l.d.Literal(f.Parts) + l.whereFill(f.ID)
}

// StartFill gives the statement that makes a backfill running, whether it begins
// or goes on.
func (l Ledger) StartFill(id string) string {
	return "UPDATE " + l.table("fill_run") + " SET state = " + l.d.Literal(FillRunning) + ", error = '', code = '', started_at = COALESCE(started_at, " + l.t.Now + ")" +
		l.whereFill(id) + " AND state IN (" + l.d.Literal(FillPlanned) + ", " + l.d.Literal(FillStopped) + ", " + l.d.Literal(FillRunning) + ")"
}

// StopFill gives the statement that stops every worker of a backfill, and says why.
func (l Ledger) StopFill(id string, code fault.Code, why string) string {
	return "UPDATE " + l.table("fill_run") + " SET state = " + l.d.Literal(FillStopped) + ", code = " + l.d.Literal(string(code)) + ", error = " + l.d.Literal(why) +
		l.whereFill(id) + " AND state = " + l.d.Literal(FillRunning)
}

// EndFill gives the statement that brings a backfill into an end state:
// [FillChecked], [FillApplied] or [FillCancelled].
func (l Ledger) EndFill(id, state string) string {
	return "UPDATE " + l.table("fill_run") + " SET state = " + l.d.Literal(state) + ", finished_at = " + l.t.Now + l.whereFill(id)
}

// GiveUpFill gives the statements that give a backfill up, and take its revision
// for what it was before the backfill began. Like all that is written of a
// backfill on its way this needs no lease: a revision that a run has recorded as
// done meanwhile stays so.
func (l Ledger) GiveUpFill(f Fill) []string {
	q, before := l.d.Literal, Pending
	if f.Direction == revision.Down {
		before = Applied
	}
	return []string{
		l.EndFill(f.ID, FillCancelled),
		"UPDATE " + l.table("revision") + " SET state = " + q(before) + ", error = '' WHERE id = " + q(string(f.Revision)) +
			" AND kind = " + q(string(revision.Backfill)) + " AND state IN (" + q(Running) + ", " + q(Failed) + ")",
		l.ClearProgress(f.Revision),
	}
}

// Want gives the statement that says what a person wants of a backfill.
func (l Ledger) Want(id, want string) string {
	return "UPDATE " + l.table("fill_run") + " SET want = " + l.d.Literal(want) + l.whereFill(id)
}

// Tune gives the statement that changes what can be tuned while a backfill runs:
// Target, Pause, Ceiling, Workers, Poison and Spec of f.
func (l Ledger) Tune(f Fill) string {
	n := func(n int64) string { return strconv.FormatInt(n, 10) }
	return "UPDATE " + l.table("fill_run") + " SET target_ms = " + n(f.Target.Milliseconds()) + ", pause_ms = " + n(f.Pause.Milliseconds()) +
		", ceiling = " + n(f.Ceiling) + ", workers = " + n(f.Workers) + ", poison_limit = " + n(f.Poison) + ", spec = " + l.d.Literal(f.Spec) + l.whereFill(f.ID)
}

func (l Ledger) whereFill(id string) string { return " WHERE id = " + l.d.Literal(id) }
