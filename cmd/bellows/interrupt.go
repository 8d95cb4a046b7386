package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

// errSignal is why a context ended when a person, or the system, asked for it.
var errSignal = fault.New(fault.Interrupted, "interrupted")

// interrupts gives a context that ends with the first signal; the second one
// ends the process at once. A pipe that nobody reads any more ends nothing: a
// migration is not lost because its log was closed.
func (a *app) interrupts(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		first := true
		for s := range signals {
			if !first {
				os.Exit(fault.Interrupted.Exit())
			}
			first = false
			a.signal(s)
			cancel(errSignal)
		}
	}()
	return ctx, sync.OnceFunc(func() { signal.Stop(signals); signal.Stop(broken); close(signals); cancel(nil) })
}

// signal tells what the first one does.
func (a *app) signal(s os.Signal) {
	a.signaled.Store(&s)
	if f := a.shown.Load(); f != nil {
		f.Say("%s: finishing what can be finished; again to leave at once", s)
	}
}

// interrupted gives the fault for an error that is only the end of the context, also
// where a query of ours was cancelled by it.
func interrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	var e *fault.Error
	var server *db.Error
	if errors.As(err, &e) && e.Code != fault.Failed && !(errors.As(err, &server) && server.Class == db.Canceled && server.Code == e.Code) {
		return err
	}
	return fault.New(fault.Interrupted, "interrupted").Try("the same command continues where this one stopped")
}
