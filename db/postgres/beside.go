package postgres

import (
	"context"
	"net/url"
	"strconv"

	"github.com/bellowsdb/bellows/db"
)

var _ db.Neighbour = Driver{}

// Beside is the URL of another database of the same server.
func (Driver) Beside(rawURL, name string) (string, error) {
	if _, err := parse(rawURL); err != nil {
		return "", err
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", badURL("it cannot be taken apart")
	}
	u.Path, u.RawPath = "/"+name, ""
	query := u.Query()
	if query.Has("dbname") {
		query.Del("dbname")
		u.RawQuery = query.Encode()
	}
	return u.String(), nil
}

// Names are the databases of the server whose names begin so, sorted.
func (Driver) Names(ctx context.Context, rawURL, prefix string) ([]string, error) {
	c, _, err := besides(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	rows, err := db.Texts(ctx, c, "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, $1) ORDER BY 1", prefix)
	var names []string
	for _, r := range rows {
		names = append(names, r[0])
	}
	return names, err
}

// Make makes a database as the server makes them.
func (d Driver) Make(ctx context.Context, rawURL, name string) (bool, error) {
	beside, err := d.Beside(rawURL, name)
	if err != nil {
		return false, err
	}
	return d.Create(ctx, beside)
}

// cloneByFile is from which size on a database is copied file by file, which
// costs two checkpoints, and not block by block.
const cloneByFile = 64 << 20

// Clone copies a database, in the way that is the quicker one for its size where
// the server can choose.
func (Driver) Clone(ctx context.Context, rawURL, name string) error {
	c, original, err := besides(ctx, rawURL)
	if err != nil {
		return err
	}
	defer c.Close()
	sql := "CREATE DATABASE " + c.dialect.Quote(name) + " TEMPLATE " + c.dialect.Quote(original)
	size, err := c.text(ctx, "SELECT pg_catalog.pg_database_size($1::name)::text", original)
	if err != nil {
		return err
	}
	if bytes, _ := strconv.ParseInt(size, 10, 64); c.dialect.Version() >= 150000 && bytes > cloneByFile {
		sql += " STRATEGY file_copy"
	}
	_, err = c.Exec(ctx, sql)
	return err
}
