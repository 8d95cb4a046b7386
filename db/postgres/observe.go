package postgres

import (
	"context"
	"errors"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

var (
	_ db.Observer = (*conn)(nil)
	_ db.Dumper   = Driver{}
)

// observed lists tables with the locks of this session, one row for each lock.
const observed = `SELECT c.oid, pg_catalog.pg_relation_filenode(c.oid), n.nspname, c.relname,
		(SELECT pg_catalog.string_agg(h.inhparent::text, ' ') FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid), l.mode
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = c.oid AND l.pid = pg_catalog.pg_backend_pid() AND l.granted
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
	WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY c.oid`

// Observe reads pg_locks.
func (c *conn) Observe(ctx context.Context) ([]db.Observed, error) {
	rows, err := db.Texts(ctx, c, observed)
	if err != nil {
		return nil, err
	}
	var all []db.Observed
	for _, v := range rows {
		if len(all) == 0 || all[len(all)-1].ID != v[0] {
			all = append(all, db.Observed{ID: v[0], File: v[1], Name: plan.Name{Schema: v[2], Name: v[3]}, Parents: strings.Fields(v[4])})
		}
		if o, lock := &all[len(all)-1], own.LockOf(v[5]); c.Stronger(lock, o.Lock) && own.Strength(lock) > own.Strength("ROW EXCLUSIVE") {
			o.Lock = lock
		}
	}
	return all, nil
}

// Stronger tells by the order of the modes.
func (c *conn) Stronger(a, b plan.Lock) bool { return own.Strength(a) > own.Strength(b) }

var differs = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(\\(un)?restrict .*|-- Dumped .*)\n`)
})

// Dump asks pg_dump. The password travels in the environment, where others do not
// see it.
func (Driver) Dump(ctx context.Context, rawURL string, o db.DumpOptions) (text string, ok bool, err error) {
	program, err := exec.LookPath("pg_dump")
	if err != nil {
		return "", false, nil
	}
	target, password, err := clientURL(rawURL)
	if err != nil {
		return "", false, err
	}
	cmd := exec.CommandContext(ctx, program, append(dumped(o), target)...)
	if password != "" {
		cmd.Env = append(cmd.Environ(), "PGPASSWORD="+password)
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case errors.As(err, &exit) && strings.Contains(string(exit.Stderr), "server version mismatch"):
		return "", false, nil
	case errors.As(err, &exit):
		return "", false, errors.New("pg_dump: " + strings.TrimSpace(string(exit.Stderr)))
	case err != nil:
		return "", false, err
	}
	return differs().ReplaceAllString(string(out), ""), true, nil
}

// dumped are the flags that say what is dumped.
func dumped(o db.DumpOptions) []string {
	args := []string{"--schema-only"}
	for _, word := range o.Ignore {
		switch word {
		case schema.Owner:
			args = append(args, "--no-owner")
		case schema.ACL:
			args = append(args, "--no-acl")
		case schema.Comment:
			args = append(args, "--no-comments")
		}
	}
	for _, table := range o.Leave {
		args = append(args, "--exclude-table="+table)
		own, _, ok := strings.Cut(table, ".")
		if flag := "--exclude-schema=" + own; ok && own != `"public"` && !slices.Contains(args, flag) {
			args = append(args, flag)
		}
	}
	return args
}

// ofClients are the settings in a URL that the database's own clients know too.
var ofClients = []string{"host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "connect_timeout", "options", "target_session_attrs", "passfile", "service"}

// clientURL is a URL as the database's own clients read it, and its password.
func clientURL(rawURL string) (target, password string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", "", badURL("it cannot be taken apart")
	}
	settings := u.Query()
	password = settings.Get("password")
	if own, set := u.User.Password(); set {
		u.User, password = url.User(u.User.Username()), own
	}
	for name := range settings {
		if !slices.Contains(ofClients, name) {
			settings.Del(name)
		}
	}
	u.RawQuery = settings.Encode()
	return u.String(), password, nil
}
