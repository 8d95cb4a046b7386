package fill_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// soak is how much of it there is: little by default, the whole with
// BELLOWS_SOAK, which gives the number of kills.
type soak struct {
	rows, kills, freezes int
	pause                time.Duration // of the workers, so that the harm is done before they are
	asked                bool          // for that many kills
}

func soaks(e engine) soak {
	n, err := strconv.Atoi(os.Getenv("BELLOWS_SOAK"))
	switch {
	case err != nil && e.name == "sqlite":
		return soak{6000, 8, 0, 5 * time.Millisecond, false}
	case err != nil:
		return soak{20000, 15, 2, 20 * time.Millisecond, false}
	case e.name == "sqlite":
		return soak{n * 10000, n, n / 10, 50 * time.Millisecond, true}
	}
	return soak{n * 10000, n, n / 10, 200 * time.Millisecond, true}
}

// process is one of the working processes.
type process struct {
	cmd    *exec.Cmd
	out    *bytes.Buffer
	ended  chan error
	frozen bool
}

// TestSoak: four processes work on a backfill and are killed, or frozen and
// thawed, at random under a seed, until it is done. Every row is right and was
// changed exactly once, and the status never says more than is true.
func TestSoak(t *testing.T) { inHarm(t, script(double)) }

// TestSoakOfRows: the same where a function works out the rows, and processes are
// killed and frozen while they have leases.
func TestSoakOfRows(t *testing.T) { inHarm(t, byLogic(readAll, writeOne)) }

func inHarm(t *testing.T, script revision.Script) {
	check("SELECT id FROM posts WHERE b IS NULL OR b <> a * 2")(&script)
	for i, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			script := script
			own := *script.Fill
			script.Fill = &own
			s := &soaking{t: t, e: e, soak: soaks(e), rng: rand.New(rand.NewSource(int64(i + 1)))}
			// It may be over before all the harm is done: then there is another where
			// that much harm was asked for.
			for round := 0; round == 0 || s.asked && (s.killed < s.kills || s.froze < s.freezes); round++ {
				if round == 20 {
					t.Fatalf("only %d kills and %d freezes in %d rounds", s.killed, s.froze, round)
				}
				s.url = e.place(t, s.rows)
				spec(func(f *revision.FillSpec) { f.Pause = s.pause })(&script)
				s.id = planned(t, s.url, script, logicOptions(s.url, doubles())).ID
				s.run()
				if once(t, s.url, int64(s.rows)); t.Failed() {
					return
				}
			}
			t.Logf("%d kills, %d freezes", s.killed, s.froze)
		})
	}
}

type soaking struct {
	soak
	t             *testing.T
	e             engine
	rng           *rand.Rand
	url, id       string
	started       int
	killed, froze int
	crew          [4]*process
}

func (s *soaking) start() *process {
	s.started++
	// A short time after which the server frees what a frozen process holds.
	c := child{URL: s.url, Fill: s.id, Process: fmt.Sprint("p", s.started), Idle: 2 * time.Second, Lease: 3 * time.Second}
	p := &process{cmd: c.command(), out: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

func (s *soaking) run() {
	for i := range s.crew {
		s.crew[i] = s.start()
	}
	defer func() {
		for _, p := range s.crew {
			_ = p.cmd.Process.Kill()
		}
	}()
	for looks := 0; !s.over(); {
		i := s.rng.Intn(len(s.crew))
		time.Sleep(time.Duration(s.rng.Intn(30+s.rows/5000)) * time.Millisecond) // the moment of the harm, not a synchronisation
		p := s.crew[i]
		switch {
		case p.frozen && s.rng.Intn(3) > 0:
		case p.frozen:
			_ = p.cmd.Process.Signal(syscall.SIGCONT)
			p.frozen = false
		case s.froze < s.freezes && s.rng.Intn(6) == 0:
			if p.cmd.Process.Signal(syscall.SIGSTOP) == nil {
				p.frozen = true
				s.froze++
			}
		case s.killed < s.kills:
			if p.cmd.Process.Kill() == nil {
				s.killed++
			}
		}
		s.replace(i)
		if looks++; looks%10 == 0 {
			s.truth()
		}
	}
}

// replace starts another process for one that ended. One that ended by itself
// must have found the backfill done.
func (s *soaking) replace(i int) {
	p := s.crew[i]
	select {
	case err := <-p.ended:
		if code, killed := ending(s.t, err); !killed && code != 0 {
			s.t.Fatalf("a process exits %d: %s", code, p.out)
		}
		s.crew[i] = s.start()
	default:
	}
}

func (s *soaking) status() fill.Status {
	c := session(s.t, s.url)
	defer c.Close()
	all, err := fill.Read(context.Background(), c, options(s.url))
	if err != nil {
		s.t.Fatal(err)
	}
	return all[0]
}

func (s *soaking) over() bool {
	state := s.status().State
	if state == "stopped" {
		s.t.Fatalf("it stopped: %s", s.status().Error)
	}
	return state == "applied"
}

// truth: what the status calls changed is changed. The status is read first, so
// there may only be more.
func (s *soaking) truth() {
	said := s.status()
	if n := number(s.t, s.url, "SELECT COUNT(*) FROM posts WHERE touched > 0"); n < said.RowsChanged {
		s.t.Errorf("%d rows are changed, and the status says %d", n, said.RowsChanged)
	}
	if said.RowsDone > int64(s.rows) {
		s.t.Errorf("%d of %d rows are done", said.RowsDone, s.rows)
	}
}
