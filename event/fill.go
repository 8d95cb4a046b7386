package event

import "time"

type (
	// FillTried comes when chunks were tried in transactions that were rolled
	// back, before anything was changed. Log and Disk are in bytes, 0 unknown.
	FillTried struct {
		ID, Table  string
		Rows       int64 // that were tried
		RowsTotal  int64
		Rate       float64       // rows a second, by one worker
		ETA        time.Duration // of the whole, by one worker
		LogPerRow  int64         // bytes the server writes to its log for a row
		Log, Disk  int64         // of the whole: log written, and room that the table and its indexes may need
		BadRow     string        // key of a row that fails, "" for none
		BadReason  string
		Chunks     int
		Strategy   string
		Reason     string // why this strategy
		Repeatable bool   // rows that were changed are passed over, so a second sweep is possible
	}
	// FillStarted comes when workers begin, or go on.
	FillStarted struct {
		ID, Table, Direction string
		Strategy, Reason     string
		RowsTotal, RowsDone  int64
		Workers              int
		Resumed              bool
	}
	// FillProgress comes about once a second while workers are at it.
	FillProgress struct {
		ID, Table                        string
		RowsTotal, RowsDone, RowsChanged int64
		Rate                             float64       // rows a second, all workers
		ETALeast, ETAMost                time.Duration // 0 unknown
		ChunkSize                        int64
		Chunks                           int64 // done
		Workers                          int
		Poison                           int64
		Sweep                            int
		LimitedBy                        string // what limits it now, "" nothing
	}
	// FillPaused comes when a person, or a signal, makes workers wait; again with
	// an empty Why when they go on.
	FillPaused struct{ ID, Table, Why string }
	// FillPoison comes when a row is set aside.
	FillPoison struct {
		ID, Table, Key, Code, Reason string
	}
	// FillTrouble comes when a chunk failed and will be tried again, whole or in
	// pieces.
	FillTrouble struct {
		ID, Table string
		Chunk     int64
		Rows      int64
		Action    string // "retry", "split" or "yield"
		Reason    string
	}
	// FillSaid comes for each line that the program of a worker writes to its
	// standard error.
	FillSaid struct{ ID, Table, Worker, Line string }
	// FillSwept comes when every row was gone through once, and when a check was asked.
	FillSwept struct {
		ID, Table string
		Sweep     int
		Changed   int64
		Checked   bool
		Found     int64 // rows that the check found
	}
	// FillDone comes last; State is the ledger's word.
	FillDone struct {
		ID, Table, State                      string
		RowsDone, RowsChanged, Chunks, Poison int64
		Duration                              time.Duration
		Err                                   error
	}
)

func (FillTried) happened()    {}
func (FillStarted) happened()  {}
func (FillProgress) happened() {}
func (FillPaused) happened()   {}
func (FillSaid) happened()     {}
func (FillPoison) happened()   {}
func (FillTrouble) happened()  {}
func (FillSwept) happened()    {}
func (FillDone) happened()     {}
