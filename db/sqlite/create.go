package sqlite

import (
	"context"
	"errors"
	"os"

	"github.com/bellowsdb/bellows/db"
)

// Create makes the file, empty, when it is not there.
func (d Driver) Create(ctx context.Context, rawURL string) (bool, error) {
	f, err := parse(rawURL)
	if err != nil || f.path == memory {
		return false, err
	}
	made := !exists(f.path)
	c, err := d.Open(ctx, rawURL, db.Options{})
	if err != nil {
		return false, err
	}
	return made, c.Close()
}

// Drop removes the file and the journals beside it.
func (Driver) Drop(_ context.Context, rawURL string) (bool, error) {
	f, err := parse(rawURL)
	if err != nil || f.path == memory {
		return false, err
	}
	dropped := exists(f.path)
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(f.path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, wrap(err, "remove", f.path+end)
		}
	}
	return dropped, nil
}
