package main

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// approval is what the library asks before it acts. always tells that the verb
// itself wants a confirmation where the environment is protected, and not only
// what it destroys.
func (a *app) approval(s *settings, always need, doing string) func([]event.Destroys) error {
	return func(losses []event.Destroys) error {
		for _, l := range losses {
			a.show().Event(l)
		}
		return a.confirm(s, always, doing, losses)
	}
}

// need says when a confirmation is wanted in a protected environment.
type need int

const (
	forLosses need = iota // when something is destroyed
	forAll                // in any case
)

// confirm lets a protected environment be changed only by somebody who names it.
// A wrong name is refused everywhere: whoever gave it meant another database.
func (a *app) confirm(s *settings, always need, doing string, losses []event.Destroys) error {
	name := s.name()
	if given := a.flags.confirm; given != "" {
		if given != name {
			return fault.New(fault.Confirm, "--confirm %s was given, but this is %s", given, name).
				Try("if %s is meant: %s", name, a.again("--confirm", name))
		}
		return nil
	}
	if !s.protected || always == forLosses && len(losses) == 0 {
		return nil
	}
	what := fmt.Sprintf("%s is protected: %s wants a confirmation", name, doing)
	if !a.interactive() {
		return fault.New(fault.Confirm, "%s", what).Try("to go on: %s", a.again("--confirm", name))
	}
	_, _ = fmt.Fprintf(a.err, "%s. Its name, to go on: ", fault.Redact(what))
	word, err := bufio.NewReader(a.in).ReadString('\n')
	if strings.TrimSpace(word) != name {
		return fault.New(fault.Confirm, "not confirmed; nothing was done").Because(err)
	}
	return nil
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
