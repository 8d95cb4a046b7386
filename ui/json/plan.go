package json

import (
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	rev "github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

type (
	statement struct {
		SQL         string `json:"sql"`
		Line        int    `json:"line"`
		Lock        string `json:"lock"`
		Table       string `json:"table"`
		Scans       bool   `json:"scans"`
		Rewrites    bool   `json:"rewrites"`
		Destructive bool   `json:"destructive"`
		Phase       string `json:"phase"`
	}
	step struct {
		ID          string      `json:"id"`
		Name        string      `json:"name"`
		Kind        string      `json:"kind"`
		Direction   string      `json:"direction"`
		Transaction string      `json:"transaction"`
		Why         string      `json:"why"`
		File        string      `json:"file"`
		Done        int         `json:"done"`
		Statements  []statement `json:"statements"`
		Checks      []statement `json:"checks"`
		Notes       []string    `json:"notes"`
	}
	finding struct {
		Code     string `json:"code"`
		Severity string `json:"severity"`
		File     string `json:"file"`
		Line     int    `json:"line"`
		Column   int    `json:"column"`
		Message  string `json:"message"`
		Instead  string `json:"instead"`
		Allowed  string `json:"allowed"`
	}
	planResult struct {
		result
		URL      string    `json:"url"`
		From     []string  `json:"from"`
		To       []string  `json:"to"`
		Steps    []step    `json:"steps"`
		Findings []finding `json:"findings"`
		Losses   []loss    `json:"losses"`
		Warnings []warning `json:"warnings"`
	}
	section struct {
		Name               string  `json:"name"`
		SQL                string  `json:"sql"`
		Line               int     `json:"line"`
		Transaction        string  `json:"transaction"`
		Mixed              bool    `json:"mixed"`
		LockTimeoutMS      float64 `json:"lock_timeout_ms"`
		StatementTimeoutMS float64 `json:"statement_timeout_ms"`
	}
	need struct {
		ID    string `json:"id"`
		Phase string `json:"phase"`
	}
	showResult struct {
		result
		Revision     revision  `json:"revision"`
		Children     []string  `json:"children"`
		Needs        []need    `json:"needs"`
		Checksum     string    `json:"checksum"`
		Go           bool      `json:"go"`
		Irreversible *string   `json:"irreversible"`
		Sections     []section `json:"sections"`
		Backfill     *filling  `json:"backfill"`
	}
	filling struct {
		Table    string   `json:"table"`
		Key      []string `json:"key"`
		Rows     int      `json:"rows"`
		TargetMS float64  `json:"target_ms"`
		Workers  int      `json:"workers"`
		PauseMS  float64  `json:"pause_ms"`
		Poison   int      `json:"poison"`
		Program  string   `json:"program"`
		Function string   `json:"function"`
		Silence  float64  `json:"program_timeout_ms"`
	}
)

func planOf(h result, a answer.Plan) planResult {
	p := a.Preview
	return planResult{h, clean(a.On), words(p.Plan.From), words(p.Plan.To), convert(p.Plan.Steps, stepOf),
		convert(p.Findings, findingOf), convert(p.Losses, lossOf), convert(p.Warnings, warningOf)}
}

func stepOf(s plan.Step) step {
	return step{string(s.Move.ID), s.Revision.Name, string(s.Revision.Kind), string(s.Move.Direction), string(s.Tx), s.TxWhy,
		s.Revision.File, s.Done, convert(s.Statements, statementOf), convert(s.Checks, statementOf), list(s.Notes)}
}

func statementOf(s plan.Statement) statement {
	t := s.Effect.Strongest()
	table := ""
	if t.Table.Name != "" {
		table = t.Table.String()
	}
	return statement{s.SQL, s.Pos.Line, string(t.Lock), table, t.Scans, t.Rewrites, s.Effect.Destructive(), string(s.Phase)}
}

func findingOf(f lint.Finding) finding {
	return finding{string(f.Code), string(f.Severity), f.Pos.File, f.Pos.Line, f.Pos.Column, clean(f.Message), clean(f.Instead), clean(f.Allowed)}
}

func showOf(h result, a answer.Show) showResult {
	r := a.Revision
	state := revisionOf(a.State)
	state.ID, state.Name, state.Kind, state.File, state.Label = string(r.ID), r.Name, string(r.Kind), r.File, r.Label
	state.Parents, state.Head = list(a.Parents), len(a.Children) == 0 && r.Kind != rev.Repeatable
	return showResult{h, state, list(a.Children), convert(r.Needs, func(n rev.Need) need { return need{string(n.ID), string(n.Phase)} }),
		r.Checksum, a.Script.Go, a.Script.Irreversible, convert(answer.Sections(a.Script), sectionOf), fillingOf(a.Script.Fill)}
}

func fillingOf(s *rev.FillSpec) *filling {
	if s == nil {
		return nil
	}
	return &filling{s.Table, list(s.Key), s.Rows, answer.Millis(s.Target), s.Workers, answer.Millis(s.Pause), s.Poison, clean(s.Program), s.Function, answer.Millis(s.ProgramTimeout)}
}

func sectionOf(x answer.Section) section {
	return section{x.Name, x.SQL, x.At.Line, string(x.Tx), x.Mixed, answer.Millis(x.LockTimeout), answer.Millis(x.StatementTimeout)}
}
