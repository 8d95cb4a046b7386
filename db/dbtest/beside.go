package dbtest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

// beside: databases are made, found, copied and dropped beside another.
func (s suite) beside(t *testing.T) {
	near, ok := s.Driver.(db.Neighbour)
	if !ok {
		t.Fatal("the driver is no neighbour")
	}
	ctx := context.Background()
	url := s.URL(t)
	prefix := fmt.Sprintf("bellows_test_%d_", os.Getpid())
	first, second := prefix+"first", prefix+"second"
	drop := func(name string) {
		beside, err := near.Beside(url, name)
		if err == nil {
			_, err = s.Driver.Drop(ctx, beside)
		}
		if err != nil {
			t.Error(err)
		}
	}
	defer drop(first)
	for i, want := range []bool{true, false} {
		if made, err := near.Make(ctx, url, first); err != nil || made != want {
			t.Fatalf("time %d: made %v, %v", i+1, made, err)
		}
	}
	at, err := near.Beside(url, first)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Driver.Open(ctx, at, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "CREATE TABLE t (a INT)"); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	want := []string{first}
	defer drop(second)
	switch err := near.Clone(ctx, at, second); {
	case err == nil:
		want = append(want, second)
		copied, err := near.Beside(url, second)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Driver.Open(ctx, copied, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Exec(ctx, "INSERT INTO t VALUES (1)"); err != nil {
			t.Error(err)
		}
	case fault.CodeOf(err) != fault.Unsupported:
		t.Error(err)
	}
	if got, err := near.Names(ctx, url, prefix); err != nil || !slices.Equal(got, want) {
		t.Errorf("the names are %v, %v", got, err)
	}
}
