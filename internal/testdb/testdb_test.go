package testdb_test

import (
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

func TestFirst(t *testing.T) {
	for range 3 {
		t.Log(testdb.Postgres(t))
		t.Log(testdb.MariaDB(t))
		t.Log(testdb.SQLite(t))
	}
}
