package keep_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb/keep"
)

// room makes a folder that was alive an hour ago.
func room(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	alive := filepath.Join(dir, keep.Alive)
	if err := os.WriteFile(alive, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(alive, then, then); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSweepRemovesOnlyWhatNobodyCaresFor(t *testing.T) {
	left, used, young, foreign := room(t), room(t), room(t), t.TempDir()
	users, err := keep.Join(filepath.Join(used, keep.Alive))
	if err != nil {
		t.Fatal(err)
	}
	defer users.Close()
	now := time.Now()
	if err := os.Chtimes(filepath.Join(young, keep.Alive), now, now); err != nil {
		t.Fatal(err)
	}
	if err := keep.Sweep([]string{left, used, young, foreign, filepath.Join(foreign, "nowhere")}); err != nil {
		t.Fatal(err)
	}
	for dir, stays := range map[string]bool{left: false, used: true, young: true, foreign: true} {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) == stays {
			t.Errorf("%s: stays is %v, but %v", dir, stays, err)
		}
	}
}

func TestOnlyWaitsForEveryUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	first, err := keep.Join(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := keep.Join(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := keep.Only(path)
		got <- err
	}()
	for _, f := range []*os.File{first, second} {
		select {
		case err := <-got:
			t.Fatalf("held alone beside a user (%v)", err)
		default:
		}
		if !keep.Free(path) {
			t.Error("not free, though only shared")
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if keep.Free(path) {
		t.Error("free, though somebody holds it alone")
	}
}
