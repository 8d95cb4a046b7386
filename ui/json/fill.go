package json

import (
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/ui/answer"
)

type (
	backfill struct {
		Revision    string  `json:"revision"`
		Name        string  `json:"name"`
		Direction   string  `json:"direction"`
		Table       string  `json:"table"`
		State       string  `json:"state"`
		Strategy    string  `json:"strategy"`
		Reason      string  `json:"reason"`
		RowsTotal   int64   `json:"rows_total"`
		RowsDone    int64   `json:"rows_done"`
		RowsChanged int64   `json:"rows_changed"`
		Poison      int64   `json:"poison"`
		ChunksDone  int64   `json:"chunks_done"`
		ChunkSize   int64   `json:"chunk_size"`
		Sweep       int     `json:"sweep"`
		RatePerS    int64   `json:"rate_per_s"`
		ETAS        float64 `json:"eta_s"`
		Workers     int     `json:"workers"`
		LimitedBy   string  `json:"limited_by"`
		Error       string  `json:"error"`
		StartedAt   *string `json:"started_at"`
		FinishedAt  *string `json:"finished_at"`
		Setting     setFill `json:"setting"`
	}
	setFill struct {
		TargetMS float64 `json:"target_ms"`
		PauseMS  float64 `json:"pause_ms"`
		Rows     int64   `json:"rows"`
		Workers  int64   `json:"workers"`
		Poison   int64   `json:"poison"`
		// Limits are by name, those that somebody has set.
		Limits map[string]string `json:"limits"`
	}
	backfillsResult struct {
		result
		Runs []backfill `json:"runs"`
	}
	poisonRow struct {
		Key      string `json:"key"`
		Code     string `json:"code"`
		Reason   string `json:"reason"`
		State    string `json:"state"`
		Attempts int64  `json:"attempts"`
		By       string `json:"by"`
		Why      string `json:"why"`
	}
	poisonResult struct {
		result
		Revision  string      `json:"revision"`
		Direction string      `json:"direction"`
		Table     string      `json:"table"`
		Changed   int         `json:"changed"`
		Rows      []poisonRow `json:"rows"`
	}
	triedLine struct {
		Type           string  `json:"type"`
		V              int     `json:"v"`
		ID             string  `json:"id"`
		Table          string  `json:"table"`
		Strategy       string  `json:"strategy"`
		Reason         string  `json:"reason"`
		Repeatable     bool    `json:"repeatable"`
		Chunks         int     `json:"chunks"`
		Rows           int64   `json:"rows"`
		RowsTotal      int64   `json:"rows_total"`
		RatePerS       int64   `json:"rate_per_s"`
		ETAS           float64 `json:"eta_s"`
		LogBytesPerRow int64   `json:"log_bytes_per_row"`
		LogBytes       int64   `json:"log_bytes"`
		DiskBytes      int64   `json:"disk_bytes"`
		BadKey         string  `json:"bad_key"`
		BadReason      string  `json:"bad_reason"`
	}
	backfillLine struct {
		Type      string `json:"type"`
		V         int    `json:"v"`
		ID        string `json:"id"`
		Table     string `json:"table"`
		Direction string `json:"direction"`
		Strategy  string `json:"strategy"`
		Reason    string `json:"reason"`
		RowsTotal int64  `json:"rows_total"`
		RowsDone  int64  `json:"rows_done"`
		Workers   int    `json:"workers"`
		Resumed   bool   `json:"resumed"`
	}
	progressLine struct {
		Type        string  `json:"type"`
		V           int     `json:"v"`
		ID          string  `json:"id"`
		Table       string  `json:"table"`
		RowsTotal   int64   `json:"rows_total"`
		RowsDone    int64   `json:"rows_done"`
		RowsChanged int64   `json:"rows_changed"`
		Poison      int64   `json:"poison"`
		ChunksDone  int64   `json:"chunks_done"`
		ChunkSize   int64   `json:"chunk_size"`
		Sweep       int     `json:"sweep"`
		RatePerS    int64   `json:"rate_per_s"`
		ETALeastS   float64 `json:"eta_least_s"`
		ETAMostS    float64 `json:"eta_most_s"`
		Workers     int     `json:"workers"`
		LimitedBy   string  `json:"limited_by"`
	}
	pausedLine struct {
		Type  string `json:"type"`
		V     int    `json:"v"`
		ID    string `json:"id"`
		Table string `json:"table"`
		Why   string `json:"why"`
	}
	poisonLine struct {
		Type   string `json:"type"`
		V      int    `json:"v"`
		ID     string `json:"id"`
		Table  string `json:"table"`
		Key    string `json:"key"`
		Code   string `json:"code"`
		Reason string `json:"reason"`
	}
	saidLine struct {
		Type   string `json:"type"`
		V      int    `json:"v"`
		ID     string `json:"id"`
		Table  string `json:"table"`
		Worker string `json:"worker"`
		Line   string `json:"line"`
	}
	troubleLine struct {
		Type   string `json:"type"`
		V      int    `json:"v"`
		ID     string `json:"id"`
		Table  string `json:"table"`
		Chunk  int64  `json:"chunk"`
		Rows   int64  `json:"rows"`
		Action string `json:"action"`
		Reason string `json:"reason"`
	}
	sweptLine struct {
		Type    string `json:"type"`
		V       int    `json:"v"`
		ID      string `json:"id"`
		Table   string `json:"table"`
		Sweep   int    `json:"sweep"`
		Changed int64  `json:"rows_changed"`
		Checked bool   `json:"checked"`
		Found   int64  `json:"found"`
	}
	endLine struct {
		Type        string  `json:"type"`
		V           int     `json:"v"`
		ID          string  `json:"id"`
		Table       string  `json:"table"`
		State       string  `json:"state"`
		RowsDone    int64   `json:"rows_done"`
		RowsChanged int64   `json:"rows_changed"`
		Poison      int64   `json:"poison"`
		ChunksDone  int64   `json:"chunks_done"`
		DurationMS  float64 `json:"duration_ms"`
		Error       string  `json:"error"`
	}
)

// fill prints what happens while many rows are changed.
func (f *Face) fill(e event.Event) {
	switch e := e.(type) {
	case event.FillTried:
		f.write(triedLine{"tried", Version, e.ID, e.Table, e.Strategy, clean(e.Reason), e.Repeatable, e.Chunks, e.Rows, e.RowsTotal,
			int64(e.Rate), seconds(e.ETA), e.LogPerRow, e.Log, e.Disk, clean(e.BadRow), clean(e.BadReason)})
	case event.FillStarted:
		f.write(backfillLine{"backfill", Version, e.ID, e.Table, e.Direction, e.Strategy, clean(e.Reason), e.RowsTotal, e.RowsDone, e.Workers, e.Resumed})
	case event.FillProgress:
		f.write(progressLine{"progress", Version, e.ID, e.Table, e.RowsTotal, e.RowsDone, e.RowsChanged, e.Poison, e.Chunks, e.ChunkSize, e.Sweep,
			int64(e.Rate), seconds(e.ETALeast), seconds(e.ETAMost), e.Workers, clean(e.LimitedBy)})
	case event.FillPaused:
		f.write(pausedLine{"paused", Version, e.ID, e.Table, clean(e.Why)})
	case event.FillSaid:
		f.write(saidLine{"said", Version, e.ID, e.Table, e.Worker, clean(e.Line)})
	case event.FillPoison:
		f.write(poisonLine{"poison", Version, e.ID, e.Table, clean(e.Key), e.Code, clean(e.Reason)})
	case event.FillTrouble:
		if f.o.Verbose {
			f.write(troubleLine{"trouble", Version, e.ID, e.Table, e.Chunk, e.Rows, e.Action, clean(e.Reason)})
		}
	case event.FillSwept:
		f.write(sweptLine{"swept", Version, e.ID, e.Table, e.Sweep, e.Changed, e.Checked, e.Found})
	case event.FillDone:
		f.write(endLine{"backfill_end", Version, e.ID, e.Table, e.State, e.RowsDone, e.RowsChanged, e.Poison, e.Chunks, answer.Millis(e.Duration), messages(e.Err)})
	}
}

func backfillOf(b bellows.Backfill) backfill {
	return backfill{b.Revision, b.Name, b.Direction, b.Table, b.State, b.Strategy, clean(b.Reason), b.RowsTotal, b.RowsDone, b.RowsChanged, b.Poison,
		b.ChunksDone, b.ChunkSize, b.Sweep, b.Rate, seconds(b.ETA), b.Workers, clean(b.LimitedBy), clean(b.Error), at(b.StartedAt), at(b.FinishedAt), setFillOf(b.Setting)}
}

// cleanAll is a copy in which no value holds a password.
func cleanAll(all map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range all {
		out[name] = clean(value)
	}
	return out
}

func setFillOf(s bellows.BackfillSetting) setFill {
	return setFill{answer.Millis(or0(s.Target)), answer.Millis(or0(s.Pause)), or0(s.Rows), or0(s.Workers), or0(s.Poison), cleanAll(s.Limits)}
}

// or0 is a value, zero for none.
func or0[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

func poisonOf(p bellows.PoisonRow) poisonRow {
	return poisonRow{clean(p.Key), p.Code, clean(p.Reason), p.State, p.Attempts, clean(p.By), clean(p.Why)}
}

// seconds is a duration in seconds, to the millisecond.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
