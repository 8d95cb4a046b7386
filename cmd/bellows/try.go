package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

// patience is how long a command may take to end once it was asked to.
const patience = 10 * time.Second

func (a *app) tryVerb() *cobra.Command {
	var target string
	cmd := a.command(verb{
		use: "try -- COMMAND", acts: true, short: "apply what is pending, run a command, revert",
		long: `Applies what is pending, runs COMMAND with BELLOWS_URL in its environment, and
reverts exactly what was applied, also when the command fails or a signal comes:
the way to look at a branch whose migrations are not to stay. It exits as the
command does, unless migrating failed. A protected environment wants
--confirm NAME.`,
		example: "bellows try -- bellows heads",
		exits:   []int{4, 5, 6, 7, 8, 130}, min: 1, max: -1,
		run: func(ctx context.Context, args []string) (answer.Answer, error) { return a.try(ctx, target, args) },
	})
	cmd.Flags().StringVar(&target, "to", "", "apply up to `TARGET` (default heads)")
	a.tagFlag(cmd.Flags())
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) try(ctx context.Context, target string, command []string) (answer.Answer, error) {
	if _, err := exec.LookPath(command[0]); err != nil {
		return nil, fault.New(fault.Usage, "no command %q to try", command[0]).Because(err).
			Try("nothing was applied; name a program that is in PATH, or its path")
	}
	m, s, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	if err := a.confirm(ctx, s, forAll, "try", nil); err != nil {
		return nil, err
	}
	if err := revertible(ctx, m, target); err != nil {
		return nil, err
	}
	report, err := m.UpWith(ctx, bellows.Request{Verb: "try", Target: target, Approve: a.approval(ctx, s, forLosses, "destroying data")})
	code := -1
	if err == nil {
		code, err = a.spawn(ctx, s, command)
	}
	back, downErr := a.back(ctx, m, report.Applied)
	report.Reverted, report.Duration = back.Reverted, report.Duration+back.Duration
	err = errors.Join(err, downErr)
	if err == nil {
		a.exit = code
	}
	return answer.Run{Report: report}, single(err)
}

// revertible refuses to begin what could not be taken back.
func revertible(ctx context.Context, m *bellows.Migrator, target string) error {
	p, err := m.PlanUp(ctx, bellows.Request{Verb: "try", Target: target})
	if err != nil {
		return err
	}
	for _, s := range p.Plan.Steps {
		if s.Revision.Kind != revision.Repeatable && !s.Script.Go && s.Script.Down == nil {
			return fault.At(plan.WayBack(s.Revision, s.Script), fault.Irreversible, "%s %s has no way back, so it cannot be tried", s.Revision.ID, s.Revision.Name).
				Try("nothing was applied; give it a \"-- migrate:down\" section, or stop before it: --to %s-1", s.Revision.ID)
		}
	}
	return nil
}

// joined is what errors.Join makes.
type joined interface {
	error
	Unwrap() []error
}

// single takes a lone error out of its join.
func single(err error) error {
	if j, ok := err.(joined); ok && len(j.Unwrap()) == 1 {
		return j.Unwrap()[0]
	}
	return err
}

// back reverts exactly what was applied. The first signal does not reach it: it
// has the second one, which ends the process.
func (a *app) back(ctx context.Context, m *bellows.Migrator, applied []string) (bellows.Report, error) {
	if len(applied) == 0 {
		return bellows.Report{}, nil
	}
	report, err := m.DownWith(context.WithoutCancel(ctx), bellows.Request{Verb: "try", Only: applied})
	if err != nil {
		err = fault.New(fault.CodeOf(err), "what was applied for the try is still there: %s", strings.Join(rest(applied, report.Reverted), ", ")).
			Because(err).Try("bellows status, then bellows down")
	}
	return report, err
}

// rest is what of all is not in done.
func rest(all, done []string) []string {
	gone := map[string]bool{}
	for _, s := range done {
		gone[s] = true
	}
	var left []string
	for _, s := range all {
		if !gone[s] {
			left = append(left, s)
		}
	}
	return left
}

// spawn runs the command with our streams. A signal is handed on to it.
func (a *app) spawn(ctx context.Context, s *settings, words []string) (int, error) {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.out, a.err
	if a.wantsJSON() {
		cmd.Stdout = a.err
	}
	cmd.Env = append(a.environ(), "BELLOWS_URL="+s.url)
	cmd.WaitDelay = patience
	cmd.Cancel = func() error {
		s := a.firstSignal()
		if s == os.Interrupt && a.terminal(a.in) {
			return nil // the terminal has sent it to the command as well
		}
		return cmd.Process.Signal(s)
	}
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, context.Canceled
	case errors.As(err, &ended):
		return exitOf(ended), nil
	case err != nil:
		return 0, fault.New(fault.Failed, "%s could not be run", words[0]).Because(err)
	}
	return 0, nil
}

// exitOf is the code a shell would give.
func exitOf(e *exec.ExitError) int {
	if st, ok := e.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		return 128 + int(st.Signal())
	}
	return e.ExitCode()
}

// firstSignal is the one that came, for handing it on.
func (a *app) firstSignal() os.Signal {
	if s := a.signaled.Load(); s != nil {
		return *s
	}
	return os.Interrupt
}
