// Program posts is a small web application: a list of posts, each written
// somewhere on Earth, and a form to write one.
//
// Charter: show what a change asks of an application. Three versions of its code
// stand side by side: store_old.go keeps a place in two columns, store_new.go in
// one, and store_dual.go is what teams deploy in between when they do it by hand.
// Invariant: every version serves the same pages, whatever phase the change is in.
// Example: go run ./examples/posts -code old -url sqlite:posts.db -listen localhost:8080
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		log.SetFlags(0)
		log.Fatal("posts: ", err)
	}
}

// serve runs the application until it is told to stop, and answers what was
// asked before that.
func serve(args []string) error {
	flags := flag.NewFlagSet("posts", flag.ExitOnError)
	code := flags.String("code", "old", "which version of the code runs: old, dual or new")
	url := flags.String("url", os.Getenv("DATABASE_URL"), "the database, as for bellows: sqlite:FILE or postgres://…")
	listen := flags.String("listen", "localhost:8080", "where to listen")
	if err := flags.Parse(args); err != nil {
		return err
	}
	db, err := open(*url, "posts-"+*code)
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := storeOf(*code, db)
	if err != nil {
		return err
	}
	if err := db.introduce(context.Background()); err != nil {
		return fmt.Errorf("%w; apply the migrations first", err)
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Printf("posts: %s code on http://%s\n", *code, l.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: pages(store), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Post is what somebody wrote, and where.
type Post struct {
	ID       int64
	Title    string
	Body     string
	Lat, Lng float64 // degrees
}

// Store is what the pages need of a database. The three versions of the code
// differ in nothing else.
type Store interface {
	// Latest are the newest posts, the newest first.
	Latest(ctx context.Context, n int) ([]Post, error)
	// Write adds a post.
	Write(ctx context.Context, p Post) error
	// Move changes where the post of that number was written.
	Move(ctx context.Context, id int64, lat, lng float64) error
}

//go:embed page.html
var files embed.FS

// pages are the application's pages.
func pages(store Store) http.Handler {
	page := template.Must(template.ParseFS(files, "page.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		posts, err := store.Latest(r.Context(), 20)
		if err != nil {
			fail(w, err)
			return
		}
		if err := page.Execute(w, posts); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("GET /posts.json", func(w http.ResponseWriter, r *http.Request) {
		posts, err := store.Latest(r.Context(), math.MaxInt32)
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(posts); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("POST /posts", func(w http.ResponseWriter, r *http.Request) {
		p := Post{ID: 1 + rand.Int64N(1<<31-1), Title: r.FormValue("title"), Body: r.FormValue("body")}
		if text := r.FormValue("id"); text != "" {
			p.ID, _ = strconv.ParseInt(text, 10, 32)
		}
		var err error
		if p.Lat, p.Lng, err = place(r); err != nil || p.Title == "" || p.ID < 1 {
			http.Error(w, "a post needs a title, and a place in degrees", http.StatusBadRequest)
			return
		}
		answer(w, r, store.Write(r.Context(), p))
	})
	mux.HandleFunc("POST /posts/{id}/move", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		lat, lng, bad := place(r)
		if err != nil || bad != nil {
			http.Error(w, "a place is given in degrees", http.StatusBadRequest)
			return
		}
		answer(w, r, store.Move(r.Context(), id, lat, lng))
	})
	return mux
}

func place(r *http.Request) (lat, lng float64, err error) {
	if lat, err = strconv.ParseFloat(r.FormValue("lat"), 64); err != nil || lat < -90 || lat > 90 {
		return 0, 0, errors.New("no latitude")
	}
	if lng, err = strconv.ParseFloat(r.FormValue("lng"), 64); err != nil || lng < -180 || lng > 180 {
		return 0, 0, errors.New("no longitude")
	}
	return lat, lng, nil
}

func answer(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "something went wrong", http.StatusInternalServerError)
}
