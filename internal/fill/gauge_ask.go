package fill

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// replica asks a replica that the configuration names, on a session of its own.
func (g *gauge) replica(ctx context.Context, rawURL string) press {
	most, on := g.limits.Most[limit.ReplicaLag]
	signaller, ok := g.lang.(dialect.Signaller)
	if !on || !ok {
		return press{}
	}
	who := "replica " + hostOf(rawURL)
	ctx, cancel := context.WithTimeout(ctx, gaugeLong)
	defer cancel()
	readings, err := g.readReplica(ctx, rawURL, signaller.Lag())
	switch {
	case err != nil:
		if c := g.others[rawURL]; c != nil {
			_ = c.Close()
			delete(g.others, rawURL)
		}
		return g.hidden(limit.ReplicaLag, true, who, fault.Redact(words(err)))
	case len(readings) == 0:
		return g.hidden(limit.ReplicaLag, true, who, "it copies from no server")
	}
	var worst press
	for _, r := range readings {
		r.Who = who
		if p := g.hold(signaller.Lag(), r, most); p.why != "" && p.use >= worst.use {
			worst = p
		}
	}
	return worst
}

func (g *gauge) readReplica(ctx context.Context, rawURL string, lag dialect.Signal) ([]db.Reading, error) {
	c := g.others[rawURL]
	if c == nil {
		if g.o.Beside == nil {
			return nil, fault.New(fault.Unsupported, "no session to it can be opened")
		}
		var err error
		if c, err = g.o.Beside(ctx, rawURL); err != nil {
			return nil, err
		}
		g.others[rawURL] = c
	}
	gauger, ok := c.(db.Gauger)
	if !ok {
		return nil, fault.New(fault.Unsupported, "it tells no lag")
	}
	return gauger.Gauge(ctx, lag)
}

// hostOf is the part of a URL that can be shown.
func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return "of the configuration"
	}
	return u.Host
}

// query asks a person's own query. One column is a number that is to be 0 or
// less; two are a number and the most it may be; a third says what it is about.
// The error is that of a session that broke.
func (g *gauge) query(ctx context.Context) (press, error) {
	if g.limits.SQL == "" {
		return press{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, gaugeLong)
	defer cancel()
	line, err := firstLine(ctx, g, g.limits.SQL)
	switch {
	case isGone(err) || ctx.Err() != nil:
		return press{}, errors.Join(err, ctx.Err())
	case err != nil:
		return g.hidden(limit.SQL, true, "", words(err)), nil
	case len(line) == 0:
		return g.hidden(limit.SQL, true, "", "the query has no row"), nil
	}
	return judged(g, line), nil
}

// judged judges the answer of a query.
func judged(g *gauge, line []string) press {
	amount, err := strconv.ParseFloat(line[0], 64)
	if err != nil {
		return g.hidden(limit.SQL, true, "", "the query gives "+strconv.Quote(line[0])+", which is no number")
	}
	why := "the query of the limit sql"
	if len(line) > 2 && line[2] != "" {
		why = line[2]
	}
	if len(line) == 1 {
		if amount <= 0 {
			return press{}
		}
		return press{1, why + " gives " + line[0]}
	}
	most, err := strconv.ParseFloat(line[1], 64)
	if err != nil || most <= 0 {
		return g.hidden(limit.SQL, true, "", "the query gives "+strconv.Quote(line[1])+" as the limit")
	}
	return press{amount / most, why + " gives " + line[0] + ", of " + line[1] + " at most"}
}

// asksOnly tells whether a text is one query and nothing else.
func asksOnly(lang backfill.Language, sql string) bool {
	return lang.Classify(sql).Class == plan.Query
}

// ran is how a command ended.
type ran struct {
	at    time.Time
	press press
}

// commandTime is how often a person's command is run.
const commandTime = 5 * time.Second

// runCommand runs a person's own command: work goes on while it exits with 0.
// Otherwise the first line that it printed is the reason.
func (g *gauge) runCommand(ctx context.Context) press {
	if g.limits.Command == "" || time.Since(g.command.at) < commandTime {
		return g.command.press
	}
	ctx, cancel := context.WithTimeout(ctx, gaugeLong)
	defer cancel()
	name, args := "sh", []string{"-c", g.limits.Command}
	if runtime.GOOS == "windows" {
		name, args = "cmd", []string{"/C", g.limits.Command}
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, time.Second
	err := cmd.Run()
	g.command = ran{at: time.Now()}
	said, _, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	var exit *exec.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		g.command.press = g.hidden(limit.Command, true, "", "the command takes longer than "+gaugeLong.String())
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		if said == "" {
			said = "the command of the limits exits with " + strconv.Itoa(exit.ExitCode())
		}
		g.command.press = press{1, fault.Redact(said)}
	default:
		g.command.press = g.hidden(limit.Command, true, "", err.Error())
	}
	return g.command.press
}
