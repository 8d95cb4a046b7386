package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// database is an open database, and how it writes what is not the same everywhere.
type database struct {
	*sql.DB
	// point makes a place of the parameters for latitude and longitude, lat and lng
	// read them from the column loc.
	point, lat, lng string
	dollar          bool
}

// open opens the database of a URL as bellows writes it.
func open(address, name string) (*database, error) {
	kind, rest, _ := strings.Cut(address, ":")
	switch kind {
	case "sqlite":
		db, err := sql.Open("sqlite", "file:"+rest+"?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate")
		return &database{DB: db,
			point: "? || ',' || ?",
			lat:   "CAST(substr(loc, 1, instr(loc, ',') - 1) AS real)",
			lng:   "CAST(substr(loc, instr(loc, ',') + 1) AS real)"}, err
	case "postgres", "postgresql":
		u, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("the URL of the database cannot be read")
		}
		q := u.Query()
		q.Set("application_name", name)
		u.RawQuery = q.Encode()
		db, err := sql.Open("pgx", u.String())
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(8)
		db.SetMaxIdleConns(8)
		return &database{DB: db, point: "point(? , ?)", lat: "loc[0]", lng: "loc[1]", dollar: true}, nil
	}
	return nil, fmt.Errorf("no database for %q; write sqlite:FILE or postgres://…", kind+":")
}

// introduce makes the author that all posts of this example are by.
func (d *database) introduce(ctx context.Context) error {
	_, err := d.ExecContext(ctx, `INSERT INTO authors (id, name, email) VALUES (1, 'Ada', 'ada@example.org') ON CONFLICT (id) DO NOTHING`)
	return err
}

// sql is a statement with its parameters as this database marks them.
func (d *database) sql(text string) string {
	if !d.dollar {
		return text
	}
	var b strings.Builder
	n := 0
	for _, c := range text {
		if c != '?' {
			b.WriteRune(c)
			continue
		}
		n++
		fmt.Fprintf(&b, "$%d", n)
	}
	return b.String()
}

func storeOf(code string, db *database) (Store, error) {
	switch code {
	case "old":
		return oldStore{db}, nil
	case "dual":
		return dualStore{oldStore{db}}, nil
	case "new":
		return newStore{db}, nil
	}
	return nil, fmt.Errorf("no version %q of the code; there are old, dual and new", code)
}

// read reads posts from a query of number, title, body, latitude and longitude.
func read(rows *sql.Rows, err error) ([]Post, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var posts []Post
	for rows.Next() {
		var p Post
		if err := rows.Scan(&p.ID, &p.Title, &p.Body, &p.Lat, &p.Lng); err != nil {
			return nil, err
		}
		posts = append(posts, p)
	}
	return posts, rows.Err()
}
