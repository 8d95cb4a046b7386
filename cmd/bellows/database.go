package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) dbVerb() *cobra.Command {
	cmd := a.command(verb{use: "db create|drop|wait", short: "make, remove or wait for the database",
		long:    `Makes or removes the database that the URL names, or waits until it answers.`,
		example: "bellows db create\nbellows db wait --timeout 10s\nbellows db drop", exits: []int{8, 130}, max: -1,
		run: func(_ context.Context, args []string) (answer.Answer, error) {
			return nil, whichOf("db", first(args), "create", "drop", "wait")
		}})
	cmd.AddCommand(a.dbCreateVerb(), a.dbDropVerb(), a.dbWaitVerb())
	return cmd
}

func (a *app) dbCreateVerb() *cobra.Command {
	return a.command(verb{
		use: "create", short: "make the database, when it is not there",
		long:    `Makes the database that the URL names. One that is there already is left alone.`,
		example: "bellows db create", exits: []int{130},
		run: func(ctx context.Context, _ []string) (answer.Answer, error) {
			return a.database("create", func(s *settings) (bool, error) { return bellows.Create(ctx, s.url) })
		},
	})
}

func (a *app) dbDropVerb() *cobra.Command {
	cmd := a.command(verb{
		use: "drop", short: "remove the database with everything in it",
		long: `Removes the database that the URL names, with everything in it. A protected
environment wants --confirm NAME; elsewhere a person at a terminal is asked.`,
		example: "bellows db drop", exits: []int{8, 130},
		run: func(ctx context.Context, _ []string) (answer.Answer, error) {
			return a.database("drop", func(s *settings) (bool, error) {
				if err := a.confirm(ctx, s, always, "db drop", nil); err != nil {
					return false, err
				}
				return bellows.Drop(ctx, s.url)
			})
		},
	})
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) dbWaitVerb() *cobra.Command {
	var limit time.Duration
	cmd := a.command(verb{
		use: "wait", short: "wait until the database answers",
		long:    `Connects again and again until the database answers, or the time is over.`,
		example: "bellows db wait --timeout 10s", exits: []int{130},
		run: func(ctx context.Context, _ []string) (answer.Answer, error) {
			waiting, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return a.database("wait", func(s *settings) (bool, error) { return true, waited(ctx, waiting, s, limit) })
		},
	})
	cmd.Flags().DurationVar(&limit, "timeout", time.Minute, "give up after this `DURATION`")
	return cmd
}

// waited tells a time that is over from an interrupt.
func waited(ctx, waiting context.Context, s *settings, d time.Duration) error {
	err := bellows.Wait(waiting, s.url)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		late := fault.New(fault.Connect, "%s did not answer within %s", s.shownURL(), d).Because(err).Try("is the server running, and the URL right?")
		var f *fault.Error
		if errors.As(err, &f) && f.Hint != "" && !strings.Contains(f.Hint, "db wait") {
			late.Hint = f.Hint
		}
		return late
	}
	return err
}

// database does one thing to the database itself.
func (a *app) database(action string, do func(*settings) (bool, error)) (answer.Answer, error) {
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	if s.url == "" {
		return nil, noURL()
	}
	changed, err := do(s)
	if err != nil {
		return nil, err
	}
	return answer.Database{Action: action, On: s.shownURL(), Changed: changed}, nil
}
