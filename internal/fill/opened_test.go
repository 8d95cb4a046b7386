package fill_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
)

// TestOpeningIsTriedAgain: a session that cannot be opened because others are in
// the way, as while another writes the file, is tried again; any other failure is
// told at once.
func TestOpeningIsTriedAgain(t *testing.T) {
	e := engines()[0]
	url := e.place(t, 100)
	f := planned(t, url, script(double), options(url))
	o := options(url)
	open, tries := o.Open, map[string]int{}
	o.Open = func(ctx context.Context, app string) (db.Conn, error) {
		if tries[app]++; tries[app] < 3 {
			return nil, fault.New(fault.Connect, "it is locked").Because(&db.Error{Class: db.Wait, Code: "sqlite.5"})
		}
		return open(ctx, app)
	}
	o.Workers = 1
	if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
		t.Fatal(err)
	}
	once(t, url, 100)
	gone := errors.New("no such host")
	o.Open = func(context.Context, string) (db.Conn, error) { return nil, gone }
	if _, err := fill.Work(context.Background(), f.ID, o); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}
