package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// yesterday are the migrations as they were before the change.
func yesterday(t *testing.T) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	for _, dir := range []string{"migrations", "location"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			text, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			all[e.Name()] = &fstest.MapFile{Data: text}
		}
	}
	return all
}

// databases are those the application runs on, with the type of the column loc.
var databases = map[string]struct {
	open func(testing.TB) string
	kind string
}{
	"sqlite":   {testdb.SQLite, "text"},
	"postgres": {testdb.Postgres, "point"},
}

// TestEveryCode writes, moves and reads posts with every version of the code, at
// a time when both sides are there, so that each finds what the old code can see.
func TestEveryCode(t *testing.T) {
	for name, d := range databases {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			address := d.open(t)
			m, err := bellows.Open(ctx, address, bellows.Options{Files: yesterday(t)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.Up(ctx, bellows.Head)
			m.Close()
			if err != nil {
				t.Fatal(err)
			}
			db, err := open(address, "posts-test")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.introduce(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("ALTER TABLE posts ADD COLUMN loc " + d.kind); err != nil {
				t.Fatal(err)
			}
			for i, code := range []string{"old", "dual", "new"} {
				writesAndMoves(t, db, code, i+1)
			}
		})
	}
}

// writesAndMoves is the life of one post under one version of the code.
func writesAndMoves(t *testing.T, db *database, code string, id int) {
	t.Helper()
	store, err := storeOf(code, db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("DELETE FROM posts"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages(store))
	defer server.Close()
	send(t, server.URL+"/posts", url.Values{"id": {fmt.Sprint(id)}, "title": {"<" + code + ">"}, "body": {"b"}, "lat": {"52.5"}, "lng": {"13.25"}}, http.StatusOK)
	send(t, fmt.Sprintf("%s/posts/%d/move", server.URL, id), url.Values{"lat": {"-33.865143"}, "lng": {"151.2099"}}, http.StatusOK)
	want := Post{ID: int64(id), Title: "<" + code + ">", Body: "b", Lat: -33.865143, Lng: 151.2099}
	var got []Post
	if err := json.Unmarshal([]byte(get(t, server.URL+"/posts.json")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != want {
		t.Errorf("%s code: %+v, want %+v", code, got, want)
	}
	if page := get(t, server.URL+"/"); !strings.Contains(page, "&lt;"+code+"&gt;") || !strings.Contains(page, "-33.865143, 151.209900") {
		t.Errorf("%s code shows\n%s", code, page)
	}
	for _, bad := range []url.Values{{"title": {"x"}}, {"title": {"x"}, "lat": {"91"}, "lng": {"0"}}, {"lat": {"1"}, "lng": {"2"}}} {
		send(t, server.URL+"/posts", bad, http.StatusBadRequest)
	}
}

func send(t *testing.T, address string, form url.Values, want int) {
	t.Helper()
	resp, err := http.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		t.Errorf("%s %v: %s", address, form, resp.Status)
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	return body
}

func TestAddresses(t *testing.T) {
	if _, err := open("mysql://x", "n"); err == nil {
		t.Error("a database that the application cannot use is taken")
	}
	if _, err := storeOf("newest", nil); err == nil {
		t.Error("a version that is not there is taken")
	}
}
