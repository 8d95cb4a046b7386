package json

import (
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/ui/answer"
)

type (
	runLine struct {
		Type   string `json:"type"`
		V      int    `json:"v"`
		Run    string `json:"run"`
		Verb   string `json:"verb"`
		Target string `json:"target"`
		Steps  int    `json:"steps"`
	}
	holder struct {
		Owner string  `json:"owner"`
		Host  string  `json:"host"`
		PID   int     `json:"pid"`
		Since *string `json:"since"`
		Doing string  `json:"doing"`
		Run   string  `json:"run"`
	}
	lockLine struct {
		Type   string  `json:"type"`
		V      int     `json:"v"`
		State  string  `json:"state"`
		Holder *holder `json:"holder"`
	}
	startLine struct {
		Type        string `json:"type"`
		V           int    `json:"v"`
		ID          string `json:"id"`
		Name        string `json:"name"`
		Direction   string `json:"direction"`
		Transaction string `json:"transaction"`
		Number      int    `json:"number"`
		Of          int    `json:"of"`
		Resumed     int    `json:"resumed"`
	}
	statementLine struct {
		Type       string  `json:"type"`
		V          int     `json:"v"`
		ID         string  `json:"id"`
		Number     int     `json:"number"`
		Of         int     `json:"of"`
		SQL        string  `json:"sql"`
		Rows       int64   `json:"rows"`
		DurationMS float64 `json:"duration_ms"`
	}
	migrationLine struct {
		Type       string  `json:"type"`
		V          int     `json:"v"`
		ID         string  `json:"id"`
		Name       string  `json:"name"`
		Direction  string  `json:"direction"`
		State      string  `json:"state"`
		DurationMS float64 `json:"duration_ms"`
	}
	blocker struct {
		PID     int64   `json:"pid"`
		User    string  `json:"user"`
		App     string  `json:"app"`
		Table   string  `json:"table"`
		State   string  `json:"state"`
		Query   string  `json:"query"`
		AgeMS   float64 `json:"age_ms"`
		Vacuum  bool    `json:"vacuum"`
		Wrapped bool    `json:"wraparound"`
	}
	blockedLine struct {
		Type     string    `json:"type"`
		V        int       `json:"v"`
		ID       string    `json:"id"`
		Table    string    `json:"table"`
		Lock     string    `json:"lock"`
		Attempt  int       `json:"attempt"`
		WaitMS   float64   `json:"wait_ms"`
		Blockers []blocker `json:"blockers"`
	}
	indexLine struct {
		Type     string `json:"type"`
		V        int    `json:"v"`
		ID       string `json:"id"`
		Index    string `json:"index"`
		Phase    string `json:"phase"`
		Done     int64  `json:"done"`
		Total    int64  `json:"total"`
		WaitsFor int64  `json:"waits_for"`
	}
	loss struct {
		ID     string `json:"id"`
		Table  string `json:"table"`
		Column string `json:"column"`
		Rows   int64  `json:"rows"`
		Exact  bool   `json:"exact"`
	}
	destroysLine struct {
		Type string `json:"type"`
		V    int    `json:"v"`
		loss
	}
	reconnectedLine struct {
		Type    string `json:"type"`
		V       int    `json:"v"`
		Message string `json:"message"`
	}
	noticeLine struct {
		Type     string `json:"type"`
		V        int    `json:"v"`
		ID       string `json:"id"`
		Severity string `json:"severity"`
		Message  string `json:"message"`
	}
	warning struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint"`
		File    string `json:"file"`
		Line    int    `json:"line"`
	}
	warningLine struct {
		Type string `json:"type"`
		V    int    `json:"v"`
		warning
	}
)

// Event prints one happening.
func (f *Face) Event(e event.Event) {
	switch e := e.(type) {
	case event.RunStarted:
		f.write(runLine{"run", Version, e.Run, e.Verb, e.Target, e.Steps})
	case event.LockWaiting:
		f.write(lockLine{"lock", Version, "waiting", holderOf(&e.Holder)})
	case event.LockTakenOver:
		f.write(lockLine{"lock", Version, "taken over", holderOf(&e.Holder)})
	case event.MigrationStarted:
		f.write(startLine{"start", Version, e.ID, e.Name, e.Direction, e.Tx, e.Number, e.Of, e.Resumed})
	case event.StatementDone:
		if f.o.Verbose {
			f.write(statementLine{"statement", Version, e.ID, e.Number, e.Of, clean(e.SQL), e.Rows, answer.Millis(e.Duration)})
		}
	case event.MigrationDone:
		f.write(migrationLine{"migration", Version, e.ID, e.Name, e.Direction, state(e), answer.Millis(e.Duration)})
	case event.MigrationFailed:
		f.write(migrationLine{"migration", Version, e.ID, e.Name, e.Direction, "failed", 0})
	case event.Blocked:
		f.write(blockedOf(e))
	case event.IndexProgress:
		f.write(indexLine{"index", Version, e.ID, e.Index, e.Phase, e.Done, e.Total, e.WaitsFor})
	case event.Destroys:
		f.write(destroysLine{"destroys", Version, lossOf(e)})
	case event.Reconnected:
		f.write(reconnectedLine{"reconnected", Version, messages(e.Err)})
	case event.Notice:
		f.write(noticeLine{"notice", Version, e.ID, e.Severity, clean(e.Text)})
	case event.Warning:
		f.write(warningLine{"warning", Version, warningOf(e)})
	case event.ChangePhase:
		f.write(phaseLine{"phase", Version, e.ID, e.Name, e.Table, e.Phase, clean(e.Text)})
	default:
		f.fill(e)
	}
}

// state is what a migration is now; the runner may leave it to the direction.
func state(e event.MigrationDone) string {
	switch {
	case e.State != "":
		return e.State
	case e.Direction == "down":
		return "reverted"
	}
	return "applied"
}

func holderOf(h *event.Holder) *holder {
	if h == nil {
		return nil
	}
	return &holder{clean(h.Owner), h.Host, h.PID, at(h.Since), clean(h.Doing), h.Run}
}

func blockedOf(e event.Blocked) blockedLine {
	return blockedLine{"blocked", Version, e.ID, e.Table, e.Lock, e.Attempt, answer.Millis(e.Wait),
		convert(e.Blockers, func(b event.Blocker) blocker {
			return blocker{b.PID, b.User, clean(b.App), b.Table, b.State, clean(b.Query), answer.Millis(b.Age), b.Vacuum, b.Wrap}
		})}
}

func lossOf(e event.Destroys) loss { return loss{e.ID, e.Table, e.Column, e.Rows, e.Exact} }

func warningOf(e event.Warning) warning {
	return warning{e.Code, clean(e.Text), clean(e.Hint), e.File, e.Line}
}

func messages(err error) string {
	var all []string
	for _, x := range answer.Faults(err) {
		all = append(all, x.Message)
	}
	return strings.Join(all, "; ")
}
