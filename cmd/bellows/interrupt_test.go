package main

import (
	"context"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

// Whatever was under way when a person stopped the program, that is what he is told,
// and not how the database calls it; what failed for a reason of its own keeps it.
func TestInterrupted(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	server := func(code fault.Code, class db.Class, cause error) error {
		return fault.New(code, "reading the ledger").Because(&db.Error{Code: code, Class: class, Err: cause})
	}
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want fault.Code
	}{
		{stopped, context.Canceled, fault.Interrupted},
		{stopped, server("postgres.57014", db.Canceled, context.Canceled), fault.Interrupted},
		{stopped, server("mysql.1317", db.Canceled, context.Canceled), fault.Interrupted},
		{stopped, server("postgres.42601", db.Bad, nil), "postgres.42601"},
		{stopped, fault.New(fault.Partial, "2 of 3").Because(context.Canceled), fault.Partial},
		{t.Context(), server("postgres.57014", db.Canceled, nil), "postgres.57014"},
	} {
		if got := fault.CodeOf(interrupted(c.ctx, c.err)); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}
