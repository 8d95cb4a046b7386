package postgres_test

import (
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
)

// The server nearest to the one it stands in for comes first.
func TestTheNearestServerComesFirst(t *testing.T) {
	m := db.Machine{
		Path: []string{"/odd"},
		Find: func(pattern string) []string {
			if pattern == "/usr/lib/postgresql/*/bin" {
				return []string{"/13", "/15", "/17", "/client"}
			}
			return nil
		},
		Runs: func(path string) bool { return path != "/client/postgres" },
		Tells: func(program string, _ ...string) (string, error) {
			if program == "/odd/postgres" {
				return "something else", nil
			}
			return "postgres (PostgreSQL) " + strings.Trim(program, "/postgre") + ".2 (Debian)", nil
		},
	}
	for version, want := range map[int]string{0: "17 15 13", 160004: "17 15 13", 150003: "15 17 13", 120001: "13 15 17", 180000: "17 15 13"} {
		found, looked := postgres.Driver{}.Installed(m, "", version)
		var got []string
		for _, s := range found {
			got = append(got, strings.TrimPrefix(s.Key, "postgres"))
		}
		if strings.Join(got, " ") != want || len(looked) < 2 {
			t.Errorf("%d: %v, not %s", version, got, want)
		}
	}
	if c := (postgres.Driver{}).Container("", 160004); c.Image != "docker.io/library/postgres:16" {
		t.Errorf("the image is %s", c.Image)
	}
}
