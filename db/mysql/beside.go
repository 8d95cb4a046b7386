package mysql

import (
	"context"
	"net/url"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

var _ db.Neighbour = Driver{}

// Beside is the URL of another database of the same server.
func (Driver) Beside(rawURL, name string) (string, error) {
	if _, err := parse(rawURL); err != nil {
		return "", err
	}
	name = url.PathEscape(name)
	if m := driverForm().FindStringSubmatchIndex(rawURL); m != nil {
		return rawURL[:m[10]] + name + rawURL[m[11]:], nil
	}
	rest, query, asked := strings.Cut(rawURL, "?")
	scheme, place, _ := strings.Cut(rest, "://")
	server, _, _ := strings.Cut(place, "/")
	beside := scheme + "://" + server + "/" + name
	if asked {
		beside += "?" + query
	}
	return beside, nil
}

// Names are the databases of the server whose names begin so, sorted.
func (Driver) Names(ctx context.Context, rawURL, prefix string) ([]string, error) {
	c, _, err := besides(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	rows, err := db.Texts(ctx, c, "SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, CHAR_LENGTH(?)) = ? ORDER BY 1", prefix, prefix)
	var names []string
	for _, r := range rows {
		names = append(names, r[0])
	}
	return names, err
}

// Make makes a database with the character set and the order of texts that the
// other one gives its tables.
func (Driver) Make(ctx context.Context, rawURL, name string) (bool, error) {
	c, original, err := besides(ctx, rawURL)
	if err != nil {
		return false, err
	}
	defer c.Close()
	rows, err := db.Texts(ctx, c, "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = ?", original)
	if err != nil {
		return false, err
	}
	sql := "CREATE DATABASE " + c.dialect.Quote(name)
	if len(rows) > 0 {
		sql += " CHARACTER SET " + rows[0][0] + " COLLATE " + rows[0][1]
	}
	return c.create(ctx, sql)
}

// Clone is what these servers cannot do.
func (Driver) Clone(context.Context, string, string) error {
	return fault.New(fault.Unsupported, "the server cannot copy a database").Try("fill a new one")
}
