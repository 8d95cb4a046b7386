package shadow

import (
	"context"
	"errors"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// Text is a file of SQL.
type Text struct{ Name, SQL string }

// statement is one statement of a file that is yet to be run.
type statement struct {
	sql      string
	text     Text
	at, code int // where it begins in the text, and where its code does
	err      error
	// setting: it sets something of the session for those behind it, and is run
	// again in every round.
	setting bool
}

// Load runs files of DDL, whatever order they and their statements are in: what
// fails is tried again after the others, until a round brings nothing more. The
// error is that of the first statement that cannot be run, with its place. Each
// statement is run alone; what begins and ends transactions is passed over.
func Load(ctx context.Context, c db.Conn, texts []Text) error {
	all, err := cut(c, texts)
	if err != nil {
		return err
	}
	waiting := all
	for {
		var failed []statement
		settings, worst := 0, -1
		for _, s := range waiting {
			if _, s.err = c.Exec(ctx, s.sql); s.err == nil && !s.setting {
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if s.setting {
				settings++
			} else if worst < 0 {
				worst = len(failed)
			}
			failed = append(failed, s)
		}
		switch {
		case len(failed) == settings:
			return sound(ctx, c, all)
		case len(failed) == len(waiting):
			return refused(failed[worst])
		}
		waiting = failed
	}
}

// sound refuses what a database has taken and cannot use, at the statement that made it.
func sound(ctx context.Context, c db.Conn, all []statement) error {
	sounder, ok := c.(db.Sounder)
	if !ok {
		return nil
	}
	o, why, err := sounder.Unsound(ctx)
	if err != nil || why == nil {
		return err
	}
	for _, s := range all {
		for _, made := range c.Dialect().Classify(s.sql).Objects {
			if strings.EqualFold(made.Kind, o.Kind) && strings.EqualFold(made.Name.Name, o.Name.Name) {
				s.err = why
				return refused(s)
			}
		}
	}
	return fault.New(fault.Failed, "%s %s cannot be used: %s", o.Kind, o.Name.Name, why.Error()).While("loading the desired schema").
		Try("the desired schema must load into an empty database; nothing was written")
}

// cut cuts the files into statements.
func cut(c db.Conn, texts []Text) ([]statement, error) {
	var all []statement
	for _, t := range texts {
		for piece, err := range c.Dialect().Split(t.SQL, sqltext.Options{File: t.Name}) {
			if err != nil {
				return nil, err
			}
			if piece.Text == "" || piece.Kind != sqltext.SQL {
				continue
			}
			s := statement{sql: piece.Text, text: t, at: piece.TextAt, code: piece.Code}
			switch c.Dialect().Classify(piece.Text).Class {
			case plan.Begin, plan.Commit, plan.Rollback, plan.Savepoint:
				continue
			case plan.Session:
				s.setting = true
			}
			all = append(all, s)
		}
	}
	return all, nil
}

func refused(s statement) error {
	code, msg, at := fault.Failed, s.err.Error(), s.code
	var server *db.Error
	if errors.As(s.err, &server) {
		code, msg = server.Code, server.Error()
		if server.Offset >= 0 && server.Offset <= len(s.sql) {
			at = s.at + server.Offset
		}
	}
	pos := sqltext.NewPlaces(s.text.SQL, sqltext.Options{File: s.text.Name}).Pos(at)
	e := fault.At(pos, code, "%s", msg).Because(s.err).While("loading the desired schema")
	if strings.Contains(msg, "extension control file") || strings.Contains(msg, "extension") && strings.Contains(msg, "not available") { // until 14, and from 15 on
		return e.Try("the server on which schemas are tried has no such extension: install it there, or name an empty database of a server that has it: --shadow, or the key shadow; nothing was written")
	}
	return e.Try("the desired schema must load into an empty database; nothing was written")
}
