// Package program talks with another program by lines.
//
// Charter: start it, hand it lines on its standard input while its answers are read
// from its standard output, and end it with everything that it has started.
// Invariant: neither side can make the other hang for ever: lines are written and
// read at the same time, an answer that is too long or too late is an error, and
// after any error the program is killed with its group; so nothing outlives Close.
// Example: p, err := program.Start(program.Options{Command: "node rows.mjs"}); err = p.Ask(ctx, lines, answered); p.Close()
package program

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/fault"
)

// Options are how a program is started. Zero numbers mean the default that their
// comment names.
type Options struct {
	// Command is the program and its arguments, separated by blanks; an argument
	// with blanks stands in single or double quotes. No shell reads it.
	Command string
	Dir     string   // where it works; "" is where this process does
	Env     []string // beside the environment of this process; NAME=value
	// Without are names that are left out of the environment of this process.
	Without []string
	// Silence is how long it may say nothing while it has lines to answer: 1 min.
	Silence time.Duration
	// Longest is how long an answer may be, in bytes: 16 MiB.
	Longest int
	// Said receives each line that it writes to its standard error; nil drops them.
	Said func(line string)
}

// What a program says on its standard error.
const (
	lastWords = 5    // lines that are shown when it fails
	word      = 160  // bytes of each of these
	remark    = 4096 // bytes of a line that is handed on
)

// Process is a program that runs. It is used by one goroutine at a time, but for Close.
type Process struct {
	o    Options
	name string
	cmd  *exec.Cmd
	in   *os.File // to its standard input
	out  *os.File // from its standard output
	read *bufio.Reader

	ended chan struct{} // closed when it has ended and all it said was read
	mu    sync.Mutex    // guards what follows
	last  []string      // the last lines it said
	died  error         // how it ended
	shut  bool
}

// Start starts a program. The error is of code fault.Usage when there is none.
func Start(o Options) (*Process, error) {
	if o.Silence <= 0 {
		o.Silence = time.Minute
	}
	if o.Longest <= 0 {
		o.Longest = 16 << 20
	}
	words, err := Words(o.Command)
	if err != nil {
		return nil, err
	}
	p := &Process{o: o, name: words[0], ended: make(chan struct{})}
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.Dir = o.Dir
	p.cmd.Env = environment(p.cmd.Environ(), o)
	apart(p.cmd)
	if err := p.start(); err != nil {
		return nil, fault.New(fault.Usage, "the program %s cannot be started", words[0]).Because(err).
			Try("it is looked for in PATH, or from %s when its name has a slash; the first word of program: is its name", where(o.Dir))
	}
	return p, nil
}

func where(dir string) string {
	if dir == "" {
		return "the folder in which bellows runs"
	}
	return dir
}

// environment is what the program finds.
func environment(ours []string, o Options) []string {
	kept := make([]string, 0, len(ours)+len(o.Env))
	for _, e := range ours {
		name, _, _ := strings.Cut(e, "=")
		hidden := false
		for _, w := range o.Without {
			hidden = hidden || strings.EqualFold(name, w)
		}
		if !hidden {
			kept = append(kept, e)
		}
	}
	return append(kept, o.Env...)
}

func (p *Process) start() error {
	stdin, in, err := os.Pipe()
	if err != nil {
		return err
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		stdin.Close()
		in.Close()
		return err
	}
	said, err := p.cmd.StderrPipe()
	if err == nil {
		p.in, p.out, p.read = in, out, bufio.NewReaderSize(nil, 1<<16)
		p.read.Reset(reader{p})
		p.cmd.Stdin, p.cmd.Stdout = stdin, stdout
		started := make(chan error)
		go p.live(started, said)
		err = <-started
	}
	stdin.Close()
	stdout.Close()
	if err != nil {
		in.Close()
		out.Close()
	}
	return err
}

// live starts the program and waits for its end. It keeps its thread: where the
// program is to die with us, it dies with the thread that has started it.
func (p *Process) live(started chan<- error, said io.Reader) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.listen(said)
	err = p.cmd.Wait()
	kill(p.cmd) // what it has started and left behind
	p.mu.Lock()
	p.died = err
	p.mu.Unlock()
	close(p.ended)
}

// listen reads what it says on its standard error, to the end. Of a long line the
// beginning counts.
func (p *Process) listen(said io.Reader) {
	r := bufio.NewReaderSize(said, remark)
	for {
		line, more, err := r.ReadLine()
		for rest := more; rest && err == nil; {
			_, rest, err = r.ReadLine()
			line = bytes.Clone(line)
		}
		if text := strings.TrimSpace(fault.Redact(strings.ToValidUTF8(string(line), "\ufffd"))); text != "" {
			p.mu.Lock()
			p.last = append(p.last, strings.ToValidUTF8(text[:min(len(text), word)], ""))
			p.last = p.last[max(0, len(p.last)-lastWords):]
			p.mu.Unlock()
			if p.o.Said != nil {
				p.o.Said(text)
			}
		}
		if err != nil {
			return
		}
	}
}

// reader reads the program's output; each wait for it is bounded.
type reader struct{ p *Process }

func (r reader) Read(b []byte) (int, error) {
	if err := r.p.out.SetReadDeadline(time.Now().Add(r.p.o.Silence)); err != nil {
		return 0, err
	}
	return r.p.out.Read(b)
}

// Ask hands the program lines, without their ends, and reads its answers, blank
// ones left out, until answered says that there are no more to come, or gives an
// error. After an error the program is dead. A line given to answered is good
// until it returns.
func (p *Process) Ask(ctx context.Context, lines iter.Seq[[]byte], answered func(line []byte) (more bool, err error)) error {
	stop := context.AfterFunc(ctx, p.Close)
	defer stop()
	wrote := make(chan error, 1)
	go func() { wrote <- p.tell(lines) }()
	err := p.answers(answered)
	if err != nil {
		err = p.why(err)
		p.Close()
	}
	if told := <-wrote; err == nil && told != nil {
		err = p.why(told)
		p.Close()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (p *Process) tell(lines iter.Seq[[]byte]) error {
	w := bufio.NewWriterSize(p.in, 1<<16)
	for line := range lines {
		if _, err := w.Write(line); err != nil {
			return err
		}
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (p *Process) answers(answered func(line []byte) (bool, error)) error {
	for {
		line, err := p.line()
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		more, err := answered(line)
		if err != nil || !more {
			return err
		}
	}
}

// line reads the next line, of bounded length.
func (p *Process) line() ([]byte, error) {
	line, err := p.read.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(long) > p.o.Longest {
			return nil, fault.New(fault.Failed, "the program %s wrote a line of more than %d bytes", p.name, p.o.Longest).
				Try("each answer is one line of JSON")
		}
		line, err = p.read.ReadSlice('\n')
		long = append(long, line...)
	}
	return long, err
}

// why says what went wrong with the program.
func (p *Process) why(err error) error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return p.with(fault.New(fault.Failed, "the program %s said nothing for %s while rows waited for its answer", p.name, p.o.Silence).
			Try("it must write each answer at once and flush its output; program_timeout:5m in the directive gives it more time"))
	}
	select {
	case <-p.ended:
	case <-time.After(2 * time.Second): // it has closed a pipe and goes on
		return p.with(fault.New(fault.Failed, "the program %s closed its input or output while rows waited for its answer", p.name).
			Try("it must read until its input ends, and answer each row"))
	}
	p.mu.Lock()
	died := p.died
	p.mu.Unlock()
	how := "it ended"
	if died != nil {
		how = died.Error()
	}
	return p.with(fault.New(fault.Failed, "the program %s ended while rows waited for its answer: %s", p.name, how).
		Try("it must read until its input ends, and answer each row"))
}

// with adds the program's last words.
func (p *Process) with(f *fault.Error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.last) > 0 {
		f.Msg += "; it said: " + strings.Join(p.last, " | ")
	}
	return f
}

// Close ends the program: it is told by the end of its input, and killed with all
// it has started when it does not end. It may be called more than once, and while
// another goroutine asks.
func (p *Process) Close() {
	p.mu.Lock()
	shut := p.shut
	p.shut = true
	p.mu.Unlock()
	if shut {
		<-p.ended
		return
	}
	select {
	case <-p.ended:
	default:
		kill(p.cmd)
	}
	_ = p.in.Close()
	<-p.ended
	_ = p.out.Close()
}

// Leave ends the program as Close does, but gives it a moment to end by itself
// when its input has ended.
func (p *Process) Leave(patience time.Duration) {
	_ = p.in.Close()
	go func() {
		_ = p.out.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, p.out)
	}()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-p.ended:
	case <-t.C:
	}
	p.Close()
}

// Words cuts a command into its words.
func Words(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote := false, rune(0)
	for _, c := range command {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			in, quote = true, c
		case c == ' ' || c == '\t':
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			in = true
			word.WriteRune(c)
		}
	}
	if in {
		words = append(words, word.String())
	}
	switch {
	case quote != 0:
		return nil, fault.New(fault.Usage, "a quote in the command %q is not closed", command).Try("close it with %c", quote)
	case len(words) == 0:
		return nil, fault.New(fault.Usage, "the command is empty").Try("write for example program:\"python3 scripts/rows.py\"")
	}
	return words, nil
}
