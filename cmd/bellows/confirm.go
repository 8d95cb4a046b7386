package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// approval is what the library asks before it acts. when tells whether the verb
// itself wants a confirmation, and not only what it destroys.
func (a *app) approval(ctx context.Context, s *settings, when need, doing string) func([]event.Destroys) error {
	return func(losses []event.Destroys) error {
		return a.confirm(ctx, s, when, doing, losses)
	}
}

// need says when a confirmation is wanted.
type need int

const (
	forLosses need = iota // in a protected environment, when something is destroyed
	forAll                // in a protected environment
	always                // there, and of a person at a terminal everywhere
)

// confirm lets a protected environment be changed only by somebody who names it.
// A wrong name is refused everywhere: whoever gave it meant another database.
func (a *app) confirm(ctx context.Context, s *settings, when need, doing string, losses []event.Destroys) error {
	name := s.name()
	if given := a.flags.confirm; given != "" {
		if given != name {
			return fault.New(fault.Confirm, "--confirm %s was given, but this is %s", given, name).
				Try("if %s is meant: %s", name, a.again("--confirm", name))
		}
		return nil
	}
	what := fmt.Sprintf("%s wants a confirmation", doing)
	switch {
	case s.protected && (when != forLosses || len(losses) > 0):
		what = fmt.Sprintf("%s is protected: %s", name, what)
	case when != always || !a.interactive():
		return nil
	}
	if !a.interactive() {
		return fault.New(fault.Confirm, "%s", what).Try("to go on: %s", a.again("--confirm", name))
	}
	return a.askFor(ctx, name, what)
}

// askFor wants a person at the terminal to write a name.
func (a *app) askFor(ctx context.Context, name, what string) error {
	a.show().Rest()
	_, _ = fmt.Fprintf(a.err, "%s. To go on, write %s: ", fault.Redact(what), fault.Redact(name))
	type reply struct {
		word string
		err  error
	}
	replies := make(chan reply, 1)
	go func() { // a read of a terminal ends with its line, and not with ctx
		word, err := bufio.NewReader(a.in).ReadString('\n')
		replies <- reply{word, err}
	}()
	select {
	case <-ctx.Done():
		return fault.New(fault.Interrupted, "interrupted; nothing was done")
	case r := <-replies:
		if r.err != nil {
			_, _ = fmt.Fprintln(a.err)
		}
		if strings.TrimSpace(r.word) != name {
			return fault.New(fault.Confirm, "not confirmed; nothing was done").Because(ended(r.err))
		}
		return nil
	}
}

// ended is a failure to read, other than the end of what can be read.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// again is this command line with more words, to be pasted into a shell.
func (a *app) again(more ...string) string {
	own, command := a.args, []string(nil)
	if i := slices.Index(own, "--"); i >= 0 {
		own, command = own[:i], own[i:]
	}
	words := append([]string{"bellows"}, without(own, more[0])...)
	words = append(append(words, more...), command...)
	for i, w := range words {
		words[i] = quote(w)
	}
	return fault.Redact(strings.Join(words, " "))
}

// without leaves out a flag and its value.
func without(args []string, flag string) []string {
	var left []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == flag:
			i++
		case !strings.HasPrefix(args[i], flag+"="):
			left = append(left, args[i])
		}
	}
	return left
}

// quote makes a word safe for a POSIX shell.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@+,%^", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
