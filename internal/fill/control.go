package fill

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// under does something to a backfill while its row is locked. It waits while a
// worker has it, which is never for long.
func under(ctx context.Context, c db.Conn, id string, o Options, do func(s session, led ledger.Ledger, f ledger.Fill) ([]string, error)) error {
	o = o.withDefaults()
	lang, err := language(c)
	if err != nil {
		return err
	}
	s, led := session{Conn: c, lang: lang, limits: o}, ledger.New(lang, o.Ledger)
	return patiently(ctx, 30*time.Second, func() error {
		if err := s.begin(ctx, planTime); err != nil {
			return err
		}
		f, err := led.WaitFill(ctx, s, id)
		var sqls []string
		if err == nil {
			sqls, err = do(s, led, f)
		}
		if err == nil {
			err = s.commit(ctx, sqls...)
		}
		if err != nil {
			rollback(ctx, s)
		}
		return err
	})
}

// Pause makes the workers of a backfill wait after the chunk they are at.
func Pause(ctx context.Context, c db.Conn, id string, o Options) error {
	return want(ctx, c, id, ledger.WantPause, o)
}

// Resume makes them go on.
func Resume(ctx context.Context, c db.Conn, id string, o Options) error {
	return want(ctx, c, id, ledger.WantGo, o)
}

func want(ctx context.Context, c db.Conn, id, what string, o Options) error {
	return under(ctx, c, id, o, func(_ session, led ledger.Ledger, f ledger.Fill) ([]string, error) {
		if !f.Active() {
			return nil, ended(f)
		}
		return []string{led.Want(id, what), led.Note("backfill", f.Revision, what, noted(o))}, nil
	})
}

// Cancel gives a backfill up. What was done is kept; workers leave after the
// chunk they are at, and the revision is taken for what it was before.
func Cancel(ctx context.Context, c db.Conn, id string, o Options) error {
	return under(ctx, c, id, o, func(_ session, led ledger.Ledger, f ledger.Fill) ([]string, error) {
		if !f.Active() {
			return nil, ended(f)
		}
		return append(led.GiveUpFill(f), led.Note("backfill", f.Revision, "cancelled", noted(o))), nil
	})
}

// Setting is what can be tuned while a backfill runs; nil leaves it as it is.
type Setting struct {
	Target, Pause         *time.Duration
	Rows, Workers, Poison *int64 // Rows is the most rows of a chunk, 0 the usual
	// Limits are set one by one; limit.Usual takes back what was set. In a Status
	// they are all that somebody has set, for this process.
	Limits map[string]string
}

// Set tunes a backfill; workers read it with their next chunk, and limits within
// about a second.
func Set(ctx context.Context, c db.Conn, id string, s Setting, o Options) error {
	return under(ctx, c, id, o, func(at session, led ledger.Ledger, f ledger.Fill) ([]string, error) {
		if !f.Active() {
			return nil, ended(f)
		}
		replace(&f.Target, s.Target)
		replace(&f.Pause, s.Pause)
		replace(&f.Ceiling, s.Rows)
		replace(&f.Workers, s.Workers)
		replace(&f.Poison, s.Poison)
		if err := setLimits(at.lang, &f, s.Limits); err != nil {
			return nil, err
		}
		return []string{led.Tune(f)}, nil
	})
}

// setLimits puts limits of a person into the task. Those that name machines and
// programs are no setting for everybody.
func setLimits(lang backfill.Language, f *ledger.Fill, limits map[string]string) error {
	if len(limits) == 0 {
		return nil
	}
	s, err := readSpec(*f)
	if err != nil {
		return err
	}
	if s.Limits == nil {
		s.Limits = limit.Set{}
	}
	for name, value := range limits {
		wrong, hint := limit.Check(name, value)
		switch {
		case wrong != "":
			return fault.New(fault.Usage, "the limit %s %s, but says %q", name, wrong, fault.Redact(value)).Try("%s", hint)
		case !slices.Contains(limit.Shared(), name):
			return fault.New(fault.Usage, "the limit %s is a process's own, and is not set for all", name).Try("write it into bellows.toml, below [backfill] or [env.NAME.backfill]")
		case name == limit.SQL && value != limit.Off && value != limit.Usual && !asksOnly(lang, value):
			return noQuery(value)
		}
		s.Limits[name] = value
		if value == limit.Usual {
			delete(s.Limits, name) // what the file and the configuration say holds again
		}
	}
	f.Spec, err = s.String()
	return err
}

func replace[T any](value *T, by *T) {
	if by != nil {
		*value = *by
	}
}

func ended(f ledger.Fill) error {
	return fault.New(fault.Usage, "the backfill %s of %s is %s", f.Revision, f.Table, f.State).Try("bellows backfill status lists them")
}

// noted is who did something outside the ledger's lock.
func noted(o Options) ledger.By {
	by := o.By
	by.Fence = ledger.Fence{}
	return by
}

// Poison lists the rows that were set aside.
func Poison(ctx context.Context, c db.Conn, id string, o Options) ([]ledger.Poisoned, error) {
	return ledger.New(c.Dialect(), o.Ledger).Poisoned(ctx, c, id, "")
}

// Retry puts rows that were set aside back to be done: the one of that key as
// [Poison] gives it, or all with "". Work then goes on.
func Retry(ctx context.Context, c db.Conn, id, key string, o Options) error {
	return under(ctx, c, id, o, func(s session, led ledger.Ledger, f ledger.Fill) ([]string, error) {
		if !f.Active() {
			return nil, ended(f)
		}
		open, err := chosen(ctx, s, led, f, key)
		if err != nil {
			return nil, err
		}
		var sqls []string
		for _, p := range open {
			sqls = append(sqls, led.RetryPoison(id, p.Seq))
		}
		return append(sqls, led.ForgetChecks(id)), nil
	})
}

// Waive lets rows that were set aside be as they are, and says why.
func Waive(ctx context.Context, c db.Conn, id, key, why string, o Options) error {
	if strings.TrimSpace(why) == "" {
		return fault.New(fault.Usage, "a row is not let be without a reason").Try("say it: --why \"…\"")
	}
	return under(ctx, c, id, o, func(s session, led ledger.Ledger, f ledger.Fill) ([]string, error) {
		if !f.Active() {
			return nil, ended(f)
		}
		open, err := chosen(ctx, s, led, f, key)
		if err != nil {
			return nil, err
		}
		var sqls []string
		for _, p := range open {
			sqls = append(sqls, led.Waive(id, p.Seq, o.By.Actor, why)...)
			sqls = append(sqls, led.Note("backfill", f.Revision, "waived row "+p.Key.String()+": "+why, noted(o)))
		}
		return append(sqls, led.ForgetChecks(id)), nil
	})
}

// chosen are the open rows of a key, all with "".
func chosen(ctx context.Context, s session, led ledger.Ledger, f ledger.Fill, key string) ([]ledger.Poisoned, error) {
	all, err := led.Poisoned(ctx, s, f.ID, ledger.PoisonOpen)
	if err != nil || key == "" {
		return all, err
	}
	order, err := readOrder(s.lang, f)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if keyText(order.key, p.Key) == key || p.Key.String() == key || len(p.Key) == 1 && p.Key[0] == key {
			return []ledger.Poisoned{p}, nil
		}
	}
	return nil, fault.New(fault.Missing, "no row %s of %s is set aside", key, f.Table).Try("bellows backfill poison list shows them")
}
