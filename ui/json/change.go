package json

import (
	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

type (
	columnChange struct {
		Revision      string       `json:"revision"`
		Name          string       `json:"name"`
		Table         string       `json:"table"`
		Old           []string     `json:"old"`
		New           []string     `json:"new"`
		Phase         string       `json:"phase"`
		Gate          string       `json:"gate"`
		WaitingFor    []string     `json:"waiting_for"`
		Proof         proof        `json:"proof"`
		OldSideWrites []sideWrites `json:"old_side_writes"`
		NewSideWrites []sideWrites `json:"new_side_writes"`
		Holds         []hold       `json:"holds"`
		Policy        string       `json:"policy"`
		Trouble       string       `json:"trouble"`
		BegunAt       *string      `json:"begun_at"`
		ContractedAt  *string      `json:"contracted_at"`
		KeptUntil     *string      `json:"kept_until"`
	}
	// proof has no number of rows that disagree before they were counted.
	proof struct {
		Valid      bool     `json:"valid"`
		Rows       int64    `json:"rows"`
		Mismatches *int64   `json:"mismatches"`
		Poison     int64    `json:"poison"`
		At         *string  `json:"at"`
		Sample     []string `json:"sample"`
		Void       string   `json:"void"`
		// Of rows whose new side forward does not give, and an application may have written.
		Unexplained int64    `json:"unexplained"`
		Strange     []string `json:"unexplained_sample"`
	}
	sideWrites struct {
		Application string  `json:"application"`
		Seconds     int64   `json:"seconds"`
		Last        *string `json:"last"`
	}
	hold struct {
		Name     string  `json:"name"`
		Quiet    float64 `json:"quiet_s"`
		Approved bool    `json:"approved"`
		By       string  `json:"by"`
		Why      string  `json:"why"`
		At       *string `json:"at"`
	}
	changesResult struct {
		result
		Did     string         `json:"did"`
		Changes []columnChange `json:"changes"`
	}
	phaseLine struct {
		Type  string `json:"type"`
		V     int    `json:"v"`
		ID    string `json:"id"`
		Name  string `json:"name"`
		Table string `json:"table"`
		Phase string `json:"phase"`
		Text  string `json:"text"`
	}
)

func columnChangeOf(c bellows.Change) columnChange {
	out := columnChange{Revision: c.Revision, Name: c.Name, Table: c.Table, Old: list(c.Old), New: list(c.New), Phase: c.Phase, Gate: c.Gate, WaitingFor: []string{},
		Policy: c.Policy, BegunAt: at(c.Began), ContractedAt: at(c.ContractedAt), KeptUntil: at(c.KeptUntil), Holds: []hold{},
		OldSideWrites: []sideWrites{}, NewSideWrites: []sideWrites{}, Proof: proofOf(c.Proof)}
	for _, w := range c.WaitingFor {
		out.WaitingFor = append(out.WaitingFor, clean(w))
	}
	for _, h := range c.Holds {
		out.Holds = append(out.Holds, hold{clean(h.Name), seconds(h.Quiet), h.Approved, clean(h.By), clean(h.Why), at(h.At)})
	}
	for _, w := range c.Writes {
		one := sideWrites{clean(w.Application), w.Seconds, at(w.Last)}
		if w.Side == "old" {
			out.OldSideWrites = append(out.OldSideWrites, one)
		} else {
			out.NewSideWrites = append(out.NewSideWrites, one)
		}
	}
	for _, x := range answer.Faults(c.Trouble) {
		out.Trouble = x.Message
		break
	}
	return out
}

func proofOf(p bellows.Proof) proof {
	out := proof{Valid: p.Valid, Rows: p.Rows, Poison: p.Poison, At: at(p.At), Sample: []string{}, Void: clean(p.Void), Unexplained: p.Unexplained, Strange: []string{}}
	if p.Made {
		out.Mismatches = &p.Mismatches
	}
	for _, s := range p.Sample {
		out.Sample = append(out.Sample, clean(s))
	}
	for _, s := range p.Strange {
		out.Strange = append(out.Strange, clean(s))
	}
	return out
}
