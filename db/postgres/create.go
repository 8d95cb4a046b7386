package postgres

import (
	"context"
	"errors"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/jackc/pgx/v5/pgconn"
)

// maintenance are the databases from which others are made and dropped.
var maintenance = [...]string{"postgres", "template1"}

// Create makes the database the URL names. That it is there is no error.
func (Driver) Create(ctx context.Context, rawURL string) (bool, error) {
	c, name, err := besides(ctx, rawURL)
	if err != nil {
		return false, err
	}
	defer c.Close()
	_, err = c.Exec(ctx, "CREATE DATABASE "+c.Dialect().Quote(name))
	var server *pgconn.PgError
	if errors.As(err, &server) && (server.Code == "42P04" || server.Code == "23505") {
		return false, nil // there, or made by somebody at the same moment
	}
	return err == nil, err
}

// Drop removes the database the URL names and ends the sessions in it.
func (Driver) Drop(ctx context.Context, rawURL string) (bool, error) {
	c, name, err := besides(ctx, rawURL)
	if err != nil {
		return false, err
	}
	defer c.Close()
	there, err := c.text(ctx, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", name)
	if err != nil || there == "" {
		return false, err
	}
	sql := "DROP DATABASE IF EXISTS " + c.Dialect().Quote(name)
	if c.dialect.Version() >= 130000 {
		sql += " WITH (FORCE)"
	} else if _, err := c.text(ctx, "SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()", name); err != nil {
		return false, err
	}
	_, err = c.Exec(ctx, sql)
	return err == nil, err
}

// besides opens a session beside the database the URL names, and gives its name.
func besides(ctx context.Context, rawURL string) (*conn, string, error) {
	config, err := parse(rawURL)
	if err != nil {
		return nil, "", err
	}
	name := config.Database
	if name == "" {
		name = config.User // as libpq has it
	}
	var first error
	for _, other := range maintenance {
		if other == name {
			continue
		}
		config, err := parse(rawURL)
		if err != nil {
			return nil, "", err
		}
		config.Database = other
		c, err := open(ctx, config, db.Options{})
		if err == nil {
			return c.(*conn), name, nil
		}
		if first == nil {
			first = err
		}
		if code := fault.CodeOf(err); code != fault.Connect && code != fault.Denied {
			break
		}
	}
	return nil, "", first
}
