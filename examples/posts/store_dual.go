package main

import (
	"context"
	"fmt"
)

// dualStore writes both sides and still reads the old one: what one deploys
// between the old code and the new when nothing else keeps the sides in step.
// With a change under way it may come late, run on some machines only, or be
// left out.
type dualStore struct{ oldStore }

func (s dualStore) Write(ctx context.Context, p Post) error {
	_, err := s.db.ExecContext(ctx, s.db.sql(fmt.Sprintf(
		`INSERT INTO posts (id, author_id, title, body, published_at, lat, lng, loc) VALUES (?, 1, ?, ?, CURRENT_TIMESTAMP, ?, ?, %s)`, s.db.point)),
		p.ID, p.Title, p.Body, p.Lat, p.Lng, p.Lat, p.Lng)
	return err
}

func (s dualStore) Move(ctx context.Context, id int64, lat, lng float64) error {
	_, err := s.db.ExecContext(ctx, s.db.sql(fmt.Sprintf(
		`UPDATE posts SET lat = ?, lng = ?, loc = %s WHERE id = ?`, s.db.point)), lat, lng, lat, lng, id)
	return err
}
