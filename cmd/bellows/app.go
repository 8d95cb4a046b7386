package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
	jsonface "github.com/bellowsdb/bellows/ui/json"
	"github.com/bellowsdb/bellows/ui/text"
)

// app is one run of the program.
type app struct {
	world
	flags    flags
	face     *guarded
	answered checked                   // stdout
	shown    atomic.Pointer[guarded]   // for the signal handler
	signaled atomic.Pointer[os.Signal] // the first signal, once there was one
	set      *settings                 // once they were read
	verbTree *cobra.Command
	verb     string // the one that runs
	exit     int    // -1 until it is known
}

// face shows what happens and how it ended.
type face interface {
	event.Sink
	Say(format string, args ...any)
	Finish(o answer.Outcome)
}

// moving is a face with a line that moves on between events, as that for people
// on a terminal has.
type moving interface {
	Tick() // brings the line up to date
	Rest() // takes it away, so that others may write
}

// guarded is a face that the signal handler, and the clock, may talk to as well.
type guarded struct {
	mu   sync.Mutex
	face face
	move moving // nil for a face that stands still
	stop chan struct{}
}

// frame is how often a line that moves is brought up to date.
const frame = 200 * time.Millisecond

// guard starts the clock of a face that moves; Finish ends it.
func guard(f face, moves bool) *guarded {
	g := &guarded{face: f, stop: make(chan struct{})}
	if m, ok := f.(moving); ok && moves {
		g.move = m
		go g.tick()
	}
	return g
}

func (g *guarded) tick() {
	clock := time.NewTicker(frame)
	defer clock.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-clock.C:
			g.mu.Lock()
			g.move.Tick()
			g.mu.Unlock()
		}
	}
}

// Rest lets others write to the terminal, until the next event.
func (g *guarded) Rest() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.move != nil {
		g.move.Rest()
	}
}

func (g *guarded) Event(e event.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.face.Event(e)
}

func (g *guarded) Say(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.face.Say(format, args...)
}

func (g *guarded) Finish(o answer.Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.stop)
	g.face.Finish(o)
}

// execute runs the command line and gives the exit code.
func (a *app) execute(ctx context.Context) int {
	root := a.root()
	a.verbTree = root
	root.SetArgs(minusSigns(a.args))
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	cmd, err := root.ExecuteContextC(ctx)
	if a.exit < 0 {
		a.finish(ctx, verbName(cmd), nil, a.usage(cmd, err))
	}
	return a.exit
}

// runner is what a verb does.
type runner func(ctx context.Context, args []string) (answer.Answer, error)

// finish shows the outcome and settles the exit code.
func (a *app) finish(ctx context.Context, verb string, ans answer.Answer, err error) {
	err = interrupted(ctx, err)
	if code := fault.CodeOf(err).Exit(); a.exit < 0 || code != 0 {
		a.exit = code
	}
	if err == nil && ans == nil && !a.wantsJSON() {
		return
	}
	a.show().Finish(answer.Outcome{Verb: verb, Answer: ans, Err: err, Exit: a.exit})
	if a.answered.err != nil && a.exit == 0 {
		a.exit = fault.Failed.Exit()
		_, _ = fmt.Fprintf(a.err, "error: the answer could not be written: %v\n", a.answered.err)
	}
}

// show is the face, made when it is first needed.
func (a *app) show() *guarded {
	if a.face == nil {
		a.face = guard(a.makeFace())
		a.shown.Store(a.face)
	}
	return a.face
}

// checked is a stream that remembers that it could not be written to. A reader
// that has gone away is no failure.
type checked struct {
	w   io.Writer
	err error
}

func (c *checked) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if err != nil && c.err == nil && !errors.Is(err, syscall.EPIPE) {
		c.err = err
	}
	return n, err
}

func (a *app) makeFace() (f face, moves bool) {
	a.answered.w = a.out
	if a.wantsJSON() {
		return jsonface.New(jsonface.Options{Out: &a.answered, Verbose: a.flags.verbose}), false
	}
	o := text.Options{Out: &a.answered, Err: a.err, Quiet: a.flags.quiet, Verbose: a.flags.verbose, Width: a.width(a.out), Now: a.now}
	if !a.flags.plain {
		o.OutColor, o.ErrColor = a.colorful(a.out), a.colorful(a.err)
		o.Motion = a.moving(a.err)
	}
	if o.Width == 0 && o.Motion {
		o.Width = a.width(a.err)
	}
	return text.New(o), o.Motion && !o.Quiet
}

// wantsJSON looks at the words themselves when a command line could not be read.
func (a *app) wantsJSON() bool {
	if a.flags.json {
		return true
	}
	words, _, _ := strings.Cut(strings.Join(a.args, "\x00"), "\x00--\x00")
	return slices.Contains(strings.Split(words, "\x00"), "--json")
}

// interactive tells whether a person can be asked.
func (a *app) interactive() bool {
	return !a.wantsJSON() && a.terminal(a.in) && a.terminal(a.err)
}

// usage makes a fault of what cobra says of a command line.
func (a *app) usage(cmd *cobra.Command, err error) error {
	var e *fault.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return fault.New(fault.Usage, "%s", backToMinus(err.Error())).Try("%s --help", cmd.CommandPath())
}

// minus stands for the "-" of a relative target such as -1 while flags are
// read, which would take it for a flag.
const minus = "−"

// minusSigns marks the words that are a number below zero, up to a "--".
func minusSigns(args []string) []string {
	out := slices.Clone(args)
	for i, s := range out {
		if s == "--" {
			break
		}
		if len(s) > 1 && s[0] == '-' && s[1] >= '0' && s[1] <= '9' {
			out[i] = minus + s[1:]
		}
	}
	return out
}

func backToMinus(s string) string { return strings.ReplaceAll(s, minus, "-") }

// restoreMinus gives the texts of flags back as they were written.
func restoreMinus(f *pflag.FlagSet) error {
	var err error
	f.Visit(func(flag *pflag.Flag) {
		if flag.Value.Type() == "string" && strings.HasPrefix(flag.Value.String(), minus) {
			err = errors.Join(err, flag.Value.Set("-"+strings.TrimPrefix(flag.Value.String(), minus)))
		}
	})
	return err
}

// steps is a number of migrations; 0, which no one can write, is all.
type steps int

func (s *steps) String() string { return strconv.Itoa(int(*s)) }
func (*steps) Type() string     { return "int" }

func (s *steps) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("it is a number of migrations, 1 or more")
	}
	*s = steps(n)
	return nil
}
