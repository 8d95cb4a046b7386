package json

import (
	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

// result is what every result begins with.
type result struct {
	Type string `json:"type"`
	V    int    `json:"v"`
	Verb string `json:"verb"`
	OK   bool   `json:"ok"`
	Exit int    `json:"exit"`
}

type (
	runResult struct {
		result
		Run        string   `json:"run"`
		Applied    []string `json:"applied"`
		Reverted   []string `json:"reverted"`
		DurationMS float64  `json:"duration_ms"`
		Planned    []string `json:"planned"`
		Changed    []string `json:"changed"`
	}
	scriptResult struct {
		result
		SQL string `json:"sql"`
	}
	statusResult struct {
		result
		URL       string         `json:"url"`
		Current   []string       `json:"current"`
		Heads     []string       `json:"heads"`
		Pending   int            `json:"pending"`
		Ledger    bool           `json:"ledger"`
		Holder    *holder        `json:"holder"`
		Problems  []problem      `json:"problems"`
		Revisions []revision     `json:"revisions"`
		Backfills []backfill     `json:"backfills"`
		Changes   []columnChange `json:"changes"`
	}
	problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint"`
		File    string `json:"file"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
	}
	revision struct {
		ID         string   `json:"id"`
		Name       string   `json:"name"`
		Kind       string   `json:"kind"`
		State      string   `json:"state"`
		Phase      string   `json:"phase"`
		File       string   `json:"file"`
		Label      string   `json:"label"`
		Parents    []string `json:"parents"`
		AppliedAt  *string  `json:"applied_at"`
		DurationMS float64  `json:"duration_ms"`
		By         string   `json:"by"`
		Current    bool     `json:"current"`
		Head       bool     `json:"head"`
		OutOfOrder bool     `json:"out_of_order"`
		Error      string   `json:"error"`
	}
	historyResult struct {
		result
		Revisions []revision `json:"revisions"`
	}
	entry struct {
		Seq      int64   `json:"seq"`
		At       *string `json:"at"`
		Run      string  `json:"run"`
		Action   string  `json:"action"`
		Revision string  `json:"revision"`
		Actor    string  `json:"actor"`
		Detail   string  `json:"detail"`
		Tool     string  `json:"tool"`
		Tag      string  `json:"tag"`
	}
	journalResult struct {
		result
		Entries []entry `json:"entries"`
	}
	headsResult struct {
		result
		Heads []revision `json:"heads"`
	}
	graphResult struct {
		result
		Form    string `json:"form"`
		Picture string `json:"picture"`
	}
	filesResult struct {
		result
		Written []string `json:"written"`
		Removed []string `json:"removed"`
		ID      string   `json:"id"`
		Revises []string `json:"revises"`
	}
	trouble struct {
		Kind      string   `json:"kind"`
		Revision  string   `json:"revision"`
		Text      string   `json:"text"`
		Done      int      `json:"done"`
		Total     int      `json:"total"`
		Statement string   `json:"statement"`
		Error     string   `json:"error"`
		Actions   []string `json:"actions"`
	}
	troublesResult struct {
		result
		Troubles []trouble `json:"troubles"`
	}
	action struct {
		Action   string `json:"action"`
		Revision string `json:"revision"`
	}
	repairedResult struct {
		result
		Actions []action `json:"actions"`
	}
	lockResult struct {
		result
		Holder  *holder `json:"holder"`
		Removed bool    `json:"removed"`
	}
	databaseResult struct {
		result
		Action  string `json:"action"`
		URL     string `json:"url"`
		Changed bool   `json:"changed"`
	}
	setting struct {
		Key   string `json:"key"`
		Value string `json:"value"`
		From  string `json:"from"`
	}
	configResult struct {
		result
		Settings []setting `json:"settings"`
	}
	versionResult struct {
		result
		Version string `json:"version"`
		Build   string `json:"build"`
		Commit  string `json:"commit"`
		Go      string `json:"go"`
		OS      string `json:"os"`
		Arch    string `json:"arch"`
	}
)

// resultOf is the last line of a command. Without an answer it is the head alone.
func resultOf(h result, o answer.Outcome) any {
	switch a := o.Answer.(type) {
	case answer.Run:
		r := a.Report
		return runResult{h, r.Run, list(r.Applied), list(r.Reverted), answer.Millis(r.Duration), convert(a.Planned, func(b bellows.Backfill) string { return b.Revision }), list(r.Changed)}
	case answer.Plan:
		return planOf(h, a)
	case answer.Script:
		return scriptResult{h, a.SQL}
	case answer.Status:
		return statusOf(h, a)
	case answer.History:
		return historyResult{h, convert(a.Revisions, revisionOf)}
	case answer.Journal:
		return journalResult{h, convert(a.Entries, entryOf)}
	case answer.Heads:
		return headsResult{h, convert(a.Heads, revisionOf)}
	case answer.Show:
		return showOf(h, a)
	case answer.Graph:
		return graphResult{h, a.Form, a.Picture}
	case answer.Files:
		return filesResult{h, list(a.Written), list(a.Removed), a.ID, list(a.Revises)}
	case answer.Version:
		return versionResult{h, a.Version, a.Build, a.Commit, a.Go, a.OS, a.Arch}
	}
	return shapeOf(h, o)
}

// upkeepOf is resultOf for the verbs that look after a database.
func upkeepOf(h result, o answer.Outcome) any {
	switch a := o.Answer.(type) {
	case answer.Troubles:
		return troublesResult{h, convert(a.Troubles, troubleOf)}
	case answer.Repaired:
		return repairedResult{h, convert(a.Actions, func(x answer.Action) action { return action(x) })}
	case answer.Lock:
		return lockResult{h, holderOf(a.Holder), a.Removed}
	case answer.Database:
		return databaseResult{h, a.Action, clean(a.On), a.Changed}
	case answer.Changes:
		return changesResult{h, a.Did, convert(a.Changes, columnChangeOf)}
	case answer.Backfills:
		return backfillsResult{h, convert(a.Fills, backfillOf)}
	case answer.Poison:
		return poisonResult{h, a.Fill.Revision, a.Fill.Direction, a.Fill.Table, a.Count, convert(a.Rows, poisonOf)}
	case answer.Config:
		return configResult{h, convert(a.Settings, func(s answer.Setting) setting {
			return setting{s.Key, clean(s.Value), clean(s.From)}
		})}
	}
	return h
}

func statusOf(h result, a answer.Status) statusResult {
	s := a.Status
	r := statusResult{result: h, URL: clean(a.On), Current: list(s.Current), Heads: list(s.Heads), Pending: s.Pending,
		Ledger: s.LedgerExists, Holder: holderOf(s.Holder), Problems: problemsOf(s.Problems), Revisions: convert(s.Revisions, revisionOf), Backfills: convert(a.Fills, backfillOf), Changes: convert(a.Changes, columnChangeOf)}
	return r
}

func problemsOf(all []error) []problem {
	out := []problem{}
	for _, err := range all {
		for _, x := range answer.Faults(err) {
			f := failureOf(x)
			out = append(out, problem{f.Code, f.Message, f.Hint, f.File, f.Line, f.Column})
		}
	}
	return out
}

func revisionOf(r bellows.Revision) revision {
	return revision{r.ID, r.Name, r.Kind, r.State, r.Phase, r.File, r.Label, list(r.Parents), at(r.AppliedAt),
		answer.Millis(r.Duration), clean(r.By), r.Current, r.Head, r.OutOfOrder, clean(r.Error)}
}

func entryOf(e bellows.Entry) entry {
	return entry{e.Seq, at(e.At), e.Run, e.Action, e.Revision, clean(e.Actor), clean(e.Detail), e.Tool, e.Tag}
}

func troubleOf(t bellows.Trouble) trouble {
	return trouble{t.Kind, t.Revision, clean(t.Text), t.Done, t.Total, t.Statement, clean(t.Error), list(t.Actions)}
}
