package fill

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/program"
)

// Logic is where the logic of rows is found that is not SQL.
type Logic struct {
	// Functions are those written in Go, by the names that directives have.
	Functions map[string]Function
	// Dir is the folder in which programs work; "" is where this process does.
	Dir string
	// Silence is how long a program may say nothing while rows wait for its answer,
	// where the directive does not say; 0 is 1 min.
	Silence time.Duration
	// Bytes is how much of a table a worker reads at a time; 0 is 8 MiB.
	Bytes int
	// Lease is how long a worker may have a chunk without a sign of life: 30 s.
	Lease time.Duration
}

// Function works out what is written for rows: one answer for each, in their
// order. An error stops the backfill.
type Function func(ctx context.Context, rows []map[string]any) ([]Answer, error)

// Answer is what is written for a row: the values of the write section's
// parameters by their names; or nothing, with Skip; or, with Err, the row is set
// aside for that reason.
type Answer struct {
	Row  map[string]any
	Skip bool
	Err  error
}

// Why programs are not told where the database is: its URL holds a password.
var urls = [...]string{"BELLOWS_URL", "DATABASE_URL"}

// mind is what works out rows for one worker: a function, or a program that runs.
type mind struct {
	function Function
	options  program.Options
	process  *program.Process
	most     int // bytes of answers that are held at once; 0 is no end
}

// newMind finds a task's function, or says how its program is started. The error
// has a place.
func newMind(o Options, task backfill.Task, run, worker string, sink func(event.Event)) (*mind, error) {
	spec := task.Spec
	if spec.Function != "" {
		f, ok := o.Logic.Functions[spec.Function]
		if !ok {
			return nil, fault.At(spec.At, fault.Unsupported, "the function %s is written in Go, and this program does not have it", spec.Function).
				Try("run the program that has it: bellows.Options.Rows registers it under that name")
		}
		return &mind{function: f}, nil
	}
	if _, err := program.Words(spec.Program); err != nil {
		f := fault.At(spec.At, fault.Usage, "the program cannot be read").Because(err)
		return nil, f.Try(`write for example program:"python3 scripts/rows.py"`)
	}
	silence := spec.ProgramTimeout
	if silence == 0 {
		silence = o.Logic.Silence
	}
	return &mind{options: program.Options{
		Command: spec.Program, Dir: o.Logic.Dir, Silence: silence, Without: urls[:],
		Env: []string{"BELLOWS_RUN=" + run, "BELLOWS_REVISION=" + string(task.Revision), "BELLOWS_DIRECTION=" + string(task.Direction),
			"BELLOWS_TABLE=" + spec.Table, "BELLOWS_WORKER=" + worker},
		Said: func(line string) {
			sink(event.FillSaid{ID: string(task.Revision), Table: spec.Table, Worker: worker, Line: line})
		},
	}}, nil
}

// leave ends the program, if one runs.
func (m *mind) leave() {
	if m != nil && m.process != nil {
		m.process.Leave(5 * time.Second)
		m.process = nil
	}
}

// think works out the rows that have no answer yet.
func (m *mind) think(ctx context.Context, r *rowing, rows []*record) error {
	var open []*record
	for _, x := range rows {
		if x.verdict == unanswered {
			open = append(open, x)
		}
	}
	if len(open) == 0 {
		return nil
	}
	if m.function != nil {
		return m.call(ctx, r, open)
	}
	return m.ask(ctx, r, open)
}

// call calls the function. A function that panics is an error like another: the
// process may have other work.
func (m *mind) call(ctx context.Context, r *rowing, rows []*record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Failed, "the function %s panicked: %v", r.task.Spec.Function, p)
		}
	}()
	maps := make([]map[string]any, len(rows))
	for i, x := range rows {
		maps[i] = x.row
	}
	answers, err := m.function(ctx, maps)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fault.New(fault.Failed, "the function %s: %v", r.task.Spec.Function, err).Because(err)
	case len(answers) != len(rows):
		return fault.New(fault.Failed, "the function %s gave %d answers for %d rows", r.task.Spec.Function, len(answers), len(rows)).
			Try("give one answer for each row, in their order")
	}
	for i, a := range answers {
		x := rows[i]
		switch {
		case a.Err != nil:
			x.verdict, x.reason = bad, a.Err.Error()
		case a.Skip:
			x.verdict = skipped
		default:
			if err := r.takeValues(x, a.Row); err != nil {
				return err
			}
		}
		x.row = nil
	}
	return nil
}

// ask hands the rows to the program, which is started when none runs.
func (m *mind) ask(ctx context.Context, r *rowing, rows []*record) error {
	if m.process == nil {
		p, err := program.Start(m.options)
		if err != nil {
			return err
		}
		m.process = p
	}
	b := newAnswers(r, rows)
	b.most = m.most
	err := m.process.Ask(ctx, func(yield func([]byte) bool) {
		var line []byte
		for i, x := range rows {
			line = append(append(line[:0], x.line...), `,"`+leftField+`":`...)
			line = append(strconv.AppendInt(line, int64(len(rows)-1-i), 10), '}')
			if !yield(line) {
				return
			}
		}
	}, b.take)
	if err != nil {
		m.process.Close()
		m.process = nil
		if b.much() {
			return errMuch
		}
		if f, ok := b.first(); ok && !b.failed && ctx.Err() == nil {
			return fmt.Errorf("%w (of %d rows %d were not answered, the first is %s)", err, len(rows), len(rows)-b.answered, f)
		}
		return err
	}
	for _, x := range rows {
		x.line = nil
	}
	return nil
}
