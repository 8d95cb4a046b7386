package mysql_test

import (
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
)

// A MariaDB stands in for a MariaDB only, and a MySQL for a MySQL; the nearest first.
func TestTheNearestServerOfTheSameKindComesFirst(t *testing.T) {
	m := db.Machine{
		Path: []string{"/a", "/b", "/c"},
		Find: func(string) []string { return nil },
		Runs: func(path string) bool { return path != "/c/mariadbd" && path != "/a/mysqld" && path != "/b/mysqld" },
		Tells: func(program string, _ ...string) (string, error) {
			return map[string]string{"/a/mariadbd": "mariadbd  Ver 10.6.1-MariaDB for Linux", "/b/mariadbd": "mariadbd  Ver 11.4.2-MariaDB-log for Linux", "/c/mysqld": "/c/mysqld  Ver 8.0.36 for Linux"}[program], nil
		},
	}
	for version, want := range map[int]string{0: "mariadb11.4 mariadb10.6 mysql8.0", 101103: "mariadb10.6 mariadb11.4", 110402: "mariadb11.4 mariadb10.6", 80400: "mysql8.0"} {
		found, _ := mysql.Driver{}.Installed(m, "", version)
		var got []string
		for _, s := range found {
			got = append(got, s.Key)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d: %v, not %s", version, got, want)
		}
	}
	for version, want := range map[int]string{0: "docker.io/library/mysql:latest", 101103: "docker.io/library/mariadb:10.11", 80036: "docker.io/library/mysql:8.0"} {
		if c := (mysql.Driver{}).Container("", version); c.Image != want {
			t.Errorf("%d: the image is %s, not %s", version, c.Image, want)
		}
	}
	if c := (mysql.Driver{}).Container("mariadb://x/y", 0); c.Image != "docker.io/library/mariadb:latest" {
		t.Errorf("the image is %s", c.Image)
	}
}
