//go:build !linux

package fill_test

import (
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// smallDisk: where this is not Linux none is mounted.
func smallDisk(*testing.T, *testdb.Private) (dir string, ok bool) { return "", false }
