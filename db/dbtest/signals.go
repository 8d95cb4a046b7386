package dbtest

import (
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/plan"
)

// signals: the server answers every question of its dialect, for tables that are
// there and that are not, and tells a role without rights what it hides.
func (s suite) signals(t *testing.T) {
	url := s.URL(t)
	c := s.open(t, url, db.Options{})
	must(t, c, "CREATE TABLE looked (id integer NOT NULL PRIMARY KEY)")
	tables := []plan.Name{{Name: "looked"}, {Name: "nowhere"}}
	signaller, ok := c.Dialect().(dialect.Signaller)
	if !ok {
		t.Fatal("the dialect has no signals")
	}
	all := signaller.Signals(tables)
	if len(all) == 0 {
		t.Error("nothing can be asked")
	}
	for _, signal := range all {
		readings, err := c.(db.Gauger).Gauge(background(t), signal)
		if err != nil {
			t.Errorf("%s: %v", signal.Limit, err)
		}
		for _, r := range readings {
			if r.Hidden || r.Amount < 0 || r.Most < 0 {
				t.Errorf("%s: %+v", signal.Limit, r)
			}
		}
		if signal.Grows && (len(readings) != 1 || readings[0].Amount == 0) {
			t.Errorf("%s counts nothing: %+v", signal.Limit, readings)
		}
	}
	if s.Serverless {
		return
	}
	if lag := signaller.Lag(); lag.Query == "" {
		t.Error("a replica cannot be asked")
	} else if _, err := c.(db.Gauger).Gauge(background(t), lag); err != nil {
		t.Errorf("%s: %v", lag.Query, err)
	}
	theirs := s.open(t, testdb.Restricted(t, url), db.Options{})
	for _, signal := range all {
		readings, err := theirs.(db.Gauger).Gauge(background(t), signal)
		if err != nil && signal.Vital {
			t.Errorf("%s: %v", signal.Limit, err)
		}
		if signal.Limit == "active_sessions" && c.Dialect().Name() == "postgres" && (len(readings) != 1 || !readings[0].Hidden) {
			t.Errorf("it is not told that sessions are hidden: %+v, %v", readings, err)
		}
	}
}
