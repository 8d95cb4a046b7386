package main

import (
	"context"
	"fmt"
)

// newStore keeps a place in one column.
type newStore struct{ db *database }

func (s newStore) Latest(ctx context.Context, n int) ([]Post, error) {
	return read(s.db.QueryContext(ctx, s.db.sql(fmt.Sprintf(
		`SELECT id, title, body, %s, %s FROM posts WHERE published_at IS NOT NULL ORDER BY published_at DESC, id DESC LIMIT ?`, s.db.lat, s.db.lng)), n))
}

func (s newStore) Write(ctx context.Context, p Post) error {
	_, err := s.db.ExecContext(ctx, s.db.sql(fmt.Sprintf(
		`INSERT INTO posts (id, author_id, title, body, published_at, loc) VALUES (?, 1, ?, ?, CURRENT_TIMESTAMP, %s)`, s.db.point)), p.ID, p.Title, p.Body, p.Lat, p.Lng)
	return err
}

func (s newStore) Move(ctx context.Context, id int64, lat, lng float64) error {
	_, err := s.db.ExecContext(ctx, s.db.sql(fmt.Sprintf(
		`UPDATE posts SET loc = %s WHERE id = ?`, s.db.point)), lat, lng, id)
	return err
}
