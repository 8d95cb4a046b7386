package mysql

import (
	"context"
	"errors"
	"fmt"

	"github.com/bellowsdb/bellows/db"
	"github.com/go-sql-driver/mysql"
)

// Create makes the database the URL names, with the server's default character
// set. That it is there is no error.
func (Driver) Create(ctx context.Context, rawURL string) (bool, error) {
	c, name, err := besides(ctx, rawURL)
	if err != nil {
		return false, err
	}
	defer c.Close()
	return c.create(ctx, "CREATE DATABASE "+c.dialect.Quote(name))
}

// create makes a database and tells whether it was not there before.
func (c *conn) create(ctx context.Context, sql string) (bool, error) {
	_, err := c.Exec(ctx, sql)
	var server *mysql.MySQLError
	if errors.As(err, &server) && server.Number == 1007 {
		return false, nil
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
	there, err := c.number(ctx, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", name)
	if err != nil || there == 0 {
		return false, err
	}
	sessions, err := c.numbers(ctx, "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()", name)
	if err != nil {
		return false, err
	}
	for _, id := range sessions {
		c.exec(ctx, fmt.Sprintf("KILL %d", id)) // it may be gone by itself, or not ours to end
	}
	_, err = c.Exec(ctx, "DROP DATABASE IF EXISTS "+c.dialect.Quote(name))
	return err == nil, err
}

// besides opens a session beside the database the URL names, and gives its name.
func besides(ctx context.Context, rawURL string) (*conn, string, error) {
	config, err := parse(rawURL)
	if err != nil {
		return nil, "", err
	}
	name := config.DBName
	if name == "" {
		return nil, "", badURL("it names no database")
	}
	config.DBName = ""
	c, err := open(ctx, config, db.Options{})
	return c, name, err
}

func (c *conn) numbers(ctx context.Context, query string, args ...any) ([]int64, error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, c.fail(ctx, query, err)
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
