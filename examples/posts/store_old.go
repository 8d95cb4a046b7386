package main

import "context"

// oldStore keeps a place in two columns.
type oldStore struct{ db *database }

func (s oldStore) Latest(ctx context.Context, n int) ([]Post, error) {
	return read(s.db.QueryContext(ctx, s.db.sql(
		`SELECT id, title, body, lat, lng FROM posts WHERE published_at IS NOT NULL ORDER BY published_at DESC, id DESC LIMIT ?`), n))
}

func (s oldStore) Write(ctx context.Context, p Post) error {
	_, err := s.db.ExecContext(ctx, s.db.sql(
		`INSERT INTO posts (id, author_id, title, body, published_at, lat, lng) VALUES (?, 1, ?, ?, CURRENT_TIMESTAMP, ?, ?)`), p.ID, p.Title, p.Body, p.Lat, p.Lng)
	return err
}

func (s oldStore) Move(ctx context.Context, id int64, lat, lng float64) error {
	_, err := s.db.ExecContext(ctx, s.db.sql(
		`UPDATE posts SET lat = ?, lng = ? WHERE id = ?`), lat, lng, id)
	return err
}
