package json

import (
	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/diff"
	moves "github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/ui/answer"
)

type schemaResult struct {
	result
	URL        string       `json:"url"`
	Dialect    string       `json:"dialect"`
	Version    int          `json:"version"`
	Hash       string       `json:"hash"`
	Form       string       `json:"form"`
	Text       string       `json:"text"`
	Unmodelled []unmodelled `json:"unmodelled"`
	Facts      []fact       `json:"facts"`
}

// unmodelled is something that no fact describes.
type unmodelled struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// fact is spelled as in a snapshot: what is empty is left out.
type fact = schema.Fact

// shapeOf is resultOf for the verbs about schemas.
func shapeOf(h result, o answer.Outcome) any {
	switch a := o.Answer.(type) {
	case answer.Schema:
		s := a.Shape
		return schemaResult{h, clean(a.On), s.Dialect, s.Version, s.Hash().String(), a.Form, a.Text,
			convert(s.Unmodelled, func(u schema.Unmodelled) unmodelled { return unmodelled(u) }), list(s.Facts())}
	case answer.Diff:
		return diffOf(h, a)
	case answer.Archives:
		return archivesResult{h, a.Purged, convert(a.Archives, archiveOf)}
	case answer.Verified:
		return verifiedOf(h, a.Verification)
	case answer.Choice:
		return choiceResult{h, convert(a.Choice.Candidates, renamedOf), convert(a.Choice.Renamed.Statements, diffLineOf), convert(a.Choice.Replaced.Statements, diffLineOf)}
	}
	return upkeepOf(h, o)
}

type (
	archivesResult struct {
		result
		Purged   bool      `json:"purged"`
		Archives []archive `json:"archives"`
	}
	archive struct {
		Kind     string  `json:"kind"`
		Name     string  `json:"name"`
		Place    string  `json:"place"`
		Rows     int64   `json:"rows"`
		Revision string  `json:"revision"`
		At       *string `json:"at"`
		Due      *string `json:"due"`
	}
	diffResult struct {
		result
		From       string     `json:"from"`
		To         string     `json:"to"`
		Different  bool       `json:"different"`
		Class      string     `json:"class"`
		Changes    []change   `json:"changes"`
		Up         []diffLine `json:"up"`
		Down       []diffLine `json:"down"`
		Renames    []renamed  `json:"renames"`
		Archived   []renamed  `json:"archived"`
		Candidates []renamed  `json:"candidates"`
		SQL        string     `json:"sql"`
		Written    []string   `json:"written"`
		ID         string     `json:"id"`
		Revises    []string   `json:"revises"`
	}
	change struct {
		Change string   `json:"change"`
		Kind   string   `json:"kind"`
		Name   string   `json:"name"`
		Keys   []string `json:"keys"`
	}
	diffLine struct {
		SQL     string   `json:"sql"`
		Lock    string   `json:"lock"`
		Table   string   `json:"table"`
		Hazards []hazard `json:"hazards"`
	}
	hazard struct {
		Code string `json:"code"`
		Kind string `json:"kind"`
		Name string `json:"name"`
		Text string `json:"text"`
	}
	renamed struct {
		Kind string `json:"kind"`
		Old  string `json:"old"`
		New  string `json:"new"`
	}
	choiceResult struct {
		result
		Candidates []renamed  `json:"candidates"`
		Renamed    []diffLine `json:"renamed"`
		Replaced   []diffLine `json:"replaced"`
	}
)

func archiveOf(a bellows.Archived) archive {
	return archive{a.Kind, clean(a.Name), clean(a.Place), a.Rows, a.Revision, at(a.At), at(a.Due())}
}

func diffOf(h result, a answer.Diff) diffResult {
	d := a.Difference
	r := diffResult{result: h, From: clean(a.FromName), To: clean(a.ToName), Different: !d.Empty(), Class: string(d.Class),
		Changes: convert(d.Up.Changes, changeOf), Up: convert(d.Up.Statements, diffLineOf), Down: convert(d.Down.Statements, diffLineOf),
		Renames: convert(d.Renames, renamedOf), Archived: convert(d.Archived, renamedOf), Candidates: convert(d.Up.Candidates, renamedOf), Written: list(a.Files.Written), ID: a.Files.ID, Revises: list(a.Files.Revises)}
	switch a.Form {
	case "sql":
		r.SQL = d.SQL(moves.Up)
	case "back":
		r.SQL = d.SQL(moves.Down)
	}
	return r
}

func changeOf(c diff.Change) change {
	word := "alter"
	switch {
	case c.Before == nil:
		word = "add"
	case c.After == nil:
		word = "remove"
	}
	return change{word, string(c.ID().Kind), c.ID().Path(), list(c.Keys)}
}

func diffLineOf(s diff.Statement) diffLine {
	l := diffLine{SQL: s.SQL, Hazards: convert(s.Hazards, func(x diff.Hazard) hazard {
		return hazard{x.Code, string(x.Object.Kind), x.Object.Path(), x.Text}
	})}
	t := s.Effect.Strongest()
	l.Lock, l.Table = string(t.Lock), t.Table.String()
	return l
}

func renamedOf(r diff.Rename) renamed {
	return renamed{string(r.From.Kind), r.From.Path(), r.To.Path()}
}

type (
	verifyResult struct {
		result
		Revisions []verdict `json:"revisions"`
		Problems  []problem `json:"problems"`
	}
	verdict struct {
		ID    string   `json:"id"`
		Name  string   `json:"name"`
		File  string   `json:"file"`
		State string   `json:"state"`
		Left  []change `json:"left"`
		Again []change `json:"again"`
		Error string   `json:"error"`
	}
)

func verifiedOf(h result, v bellows.Verification) verifyResult {
	r := verifyResult{result: h, Problems: problemsOf(v.Problems), Revisions: convert(v.Revisions, func(x bellows.Verified) verdict {
		out := verdict{ID: x.ID, Name: x.Name, File: x.File, State: x.State, Left: convert(x.Left, changeOf), Again: convert(x.Again, changeOf)}
		for _, f := range answer.Faults(x.Err) {
			out.Error = f.Message
		}
		return out
	})}
	return r
}
