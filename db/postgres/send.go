package postgres

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/jackc/pgx/v5/pgconn"
)

// messageSize is where a run of statements is cut into the next message. A cut
// outside a transaction is harmless too: callers send BEGIN and COMMIT as items.
const messageSize = 1 << 20

// Send packs runs of statements into simple-protocol messages, one round trip
// each, and reads the results as they come. COPY goes by itself.
func (c *conn) Send(ctx context.Context, items []db.Item, done func(item int, rows int64)) error {
	if done == nil {
		done = func(int, int64) {}
	}
	for first := 0; first < len(items); {
		if items[first].Copy {
			if err := c.copy(ctx, items[first], first, done); err != nil {
				return err
			}
			first++
			continue
		}
		next := first + 1
		size := len(items[first].SQL)
		for next < len(items) && !items[next].Copy && size+len(items[next].SQL) <= messageSize {
			size += len(items[next].SQL)
			next++
		}
		if err := c.message(ctx, items[first:next], first, done); err != nil {
			return err
		}
		first = next
	}
	return nil
}

func (c *conn) copy(ctx context.Context, item db.Item, number int, done func(int, int64)) error {
	tag, err := c.pg.CopyFrom(ctx, strings.NewReader(item.Data), item.SQL)
	if err != nil {
		failure := c.fail(ctx, item.SQL, err)
		failure.Item = number
		return failure
	}
	done(number, affected(tag))
	return nil
}

// message sends a run of statements as one message. The server answers each
// statement once and an empty one not at all, unless the whole message is empty.
func (c *conn) message(ctx context.Context, items []db.Item, first int, done func(int, int64)) error {
	text, starts := join(items)
	if text == "" {
		for i := range items {
			done(first+i, -1)
		}
		return nil
	}
	results := c.pg.Exec(ctx, text)
	at := 0 // the item whose answer is awaited
	skip := func() {
		for at < len(items) && blank(items[at].SQL) {
			done(first+at, -1)
			at++
		}
	}
	var broken error
	for skip(); results.NextResult(); skip() {
		tag, err := results.ResultReader().Close()
		if err != nil {
			break
		}
		if at < len(items) && broken == nil {
			if broken = rolledBack(items[at].SQL, tag, first+at); broken == nil {
				done(first+at, affected(tag))
				at++
			}
		}
	}
	if err := results.Close(); err != nil {
		return c.located(ctx, err, items, starts, text, min(at, len(items)-1), first)
	}
	return broken
}

// join puts the statements into one text, each ended by a newline first, so that
// a comment at the end of one cannot hide its end. starts are their offsets.
func join(items []db.Item) (string, []int) {
	if len(items) == 1 {
		return items[0].SQL, []int{0}
	}
	var b strings.Builder
	starts := make([]int, len(items))
	for i, item := range items {
		if i > 0 {
			b.WriteString("\n;\n")
		}
		starts[i] = b.Len()
		b.WriteString(item.SQL)
	}
	return b.String(), starts
}

// located makes an error of a message one of an item. A position in the message
// tells the item, also for text that cannot be parsed, where nothing has run;
// without one it is the item whose answer was awaited.
func (c *conn) located(ctx context.Context, err error, items []db.Item, starts []int, text string, at, first int) error {
	failure := c.fail(ctx, "", err)
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Position > 0 {
		offset := c.byteOffset(text, int(server.Position))
		for at = len(starts) - 1; at > 0 && starts[at] > offset; at-- {
		}
		failure.Offset = min(offset-starts[at], len(items[at].SQL))
	}
	if failure.Offset < 0 && server != nil {
		if offset, ok := c.inBody(items[at].SQL, server); ok {
			failure.Offset, failure.Detail = offset, fault.Redact(server.Detail)
		}
	}
	failure.Item = first + at
	return failure
}

// inBody finds the place of an error in the body of a routine that the statement
// holds: the server counts from the body's beginning.
func (c *conn) inBody(sql string, server *pgconn.PgError) (int, bool) {
	if server.InternalPosition <= 0 || server.InternalQuery == "" {
		return 0, false
	}
	start := strings.Index(sql, server.InternalQuery)
	if start < 0 || strings.Contains(sql[start+1:], server.InternalQuery) {
		return 0, false
	}
	return start + c.byteOffset(server.InternalQuery, int(server.InternalPosition)), true
}

// byteOffset makes a byte offset of a position that counts characters from 1.
// A database without an encoding counts bytes.
func (c *conn) byteOffset(text string, position int) int {
	if c.pg.ParameterStatus("server_encoding") == "SQL_ASCII" {
		return min(position-1, len(text))
	}
	offset := 0
	for ; position > 1 && offset < len(text); position-- {
		_, size := utf8.DecodeRuneInString(text[offset:])
		offset += size
	}
	return offset
}

// rolledBack notices a COMMIT that the server answered with ROLLBACK, which it
// does, without an error, when the transaction had failed.
func rolledBack(sql string, tag pgconn.CommandTag, item int) error {
	if tag.String() != "ROLLBACK" {
		return nil
	}
	switch word := strings.ToUpper(sql[skipBlank(sql):]); {
	case strings.HasPrefix(word, "COMMIT"), strings.HasPrefix(word, "END"):
		return &db.Error{
			Class: db.Bad, Code: "postgres.25P02", Item: item, Offset: -1,
			Message: "the transaction had failed before: COMMIT rolled it back",
		}
	}
	return nil
}

// blank tells whether the server sees no statement in a text.
func blank(sql string) bool { return skipBlank(sql) == len(sql) }

// skipBlank is the offset of the first byte that is neither blank, comment nor ";".
func skipBlank(sql string) int {
	i := 0
	for i < len(sql) {
		switch {
		case strings.IndexByte(" \t\r\n\f\v;", sql[i]) >= 0:
			i++
		case strings.HasPrefix(sql[i:], "--"):
			n := strings.IndexAny(sql[i:], "\n\r")
			if n < 0 {
				return len(sql)
			}
			i += n
		case strings.HasPrefix(sql[i:], "/*"):
			i = afterComment(sql, i)
		default:
			return i
		}
	}
	return i
}

// afterComment is the end of the comment at i; comments nest.
func afterComment(sql string, i int) int {
	for depth := 0; i < len(sql); {
		switch {
		case strings.HasPrefix(sql[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(sql[i:], "*/"):
			depth--
			i += 2
		default:
			i++
		}
		if depth == 0 {
			return i
		}
	}
	return len(sql)
}
