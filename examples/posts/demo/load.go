package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// load sends requests, and remembers what it has submitted and how it went.
type load struct {
	fleet *fleet

	mu     sync.Mutex
	posts  map[int64]post // as they must be
	ids    []int64
	busy   map[int64]bool // a request about it is under way
	stages []*stage
}

// stage is how requests went during a part of the story.
type stage struct {
	name   string
	took   []time.Duration
	failed int
	why    string
}

func newLoad(f *fleet) *load {
	return &load{fleet: f, posts: map[int64]post{}, busy: map[int64]bool{}}
}

// stage begins another part of the story.
func (l *load) stage(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stages = append(l.stages, &stage{name: name})
}

// begin sends so many requests per second until end is called, which waits for
// all answers. A request is sent when its time has come, whether those before it
// were answered or not, and the time it takes counts from then.
func (l *load) begin(rate int) (end func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var under sync.WaitGroup
		defer under.Wait()
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case at := <-tick.C:
				under.Go(func() { l.one(context.Background(), at) })
			}
		}
	}()
	return sync.OnceFunc(func() { close(stop); <-stopped })
}

// seed submits the first posts.
func (l *load) seed(ctx context.Context, n int) error {
	var under sync.WaitGroup
	for range 4 {
		under.Go(func() {
			for range n / 4 {
				if ctx.Err() == nil {
					l.write(ctx, time.Now())
				}
			}
		})
	}
	under.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.stages[0]; first.failed > 0 {
		return fmt.Errorf("the first posts cannot be written: %s", first.why)
	}
	return ctx.Err()
}

// one is one request of some kind.
func (l *load) one(ctx context.Context, at time.Time) {
	switch n := rand.IntN(10); {
	case n < 4:
		l.note(at, l.ask(ctx, http.MethodGet, "/", nil))
	case n < 7:
		l.write(ctx, at)
	default:
		l.move(ctx, at)
	}
}

// write submits a post.
func (l *load) write(ctx context.Context, at time.Time) {
	p := somewhere()
	l.mu.Lock()
	for p.ID = 1 + rand.Int64N(1<<31-1); l.busy[p.ID] || l.posts[p.ID].ID != 0; p.ID++ {
	}
	p.Title = "Post " + strconv.FormatInt(p.ID, 36)
	l.busy[p.ID] = true
	l.mu.Unlock()
	form := url.Values{"id": {strconv.FormatInt(p.ID, 10)}, "title": {p.Title}, "body": {"written under way"}, "lat": {degrees(p.Lat)}, "lng": {degrees(p.Lng)}}
	err := l.ask(ctx, http.MethodPost, "/posts", form)
	l.note(at, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, p.ID)
	if err == nil {
		l.posts[p.ID] = p
		l.ids = append(l.ids, p.ID)
	}
}

// move gives a post another place.
func (l *load) move(ctx context.Context, at time.Time) {
	l.mu.Lock()
	id := int64(0)
	if len(l.ids) > 0 {
		id = l.ids[rand.IntN(len(l.ids))]
	}
	p := l.posts[id]
	if id == 0 || l.busy[id] {
		l.mu.Unlock()
		return
	}
	l.busy[id] = true
	l.mu.Unlock()
	to := somewhere()
	p.Lat, p.Lng = to.Lat, to.Lng
	err := l.ask(ctx, http.MethodPost, "/posts/"+strconv.FormatInt(id, 10)+"/move", url.Values{"lat": {degrees(p.Lat)}, "lng": {degrees(p.Lng)}})
	l.note(at, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, id)
	if err == nil {
		l.posts[id] = p
	}
}

// somewhere is a place, to a millionth of a degree.
func somewhere() post {
	return post{Lat: float64(rand.IntN(180e6)-90e6) / 1e6, Lng: float64(rand.IntN(360e6)-180e6) / 1e6}
}

func degrees(d float64) string { return strconv.FormatFloat(d, 'f', 6, 64) }

// ask sends a request to some instance.
func (l *load) ask(ctx context.Context, method, path string, form url.Values) error {
	in, done, err := l.fleet.pick()
	if err != nil {
		return err
	}
	defer done()
	req, err := http.NewRequestWithContext(ctx, method, in.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := l.fleet.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s %s: %s code answers %s", method, path, in.code, resp.Status)
	}
	return err
}

// note remembers how a request went.
func (l *load) note(at time.Time, err error) {
	took := time.Since(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stages[len(l.stages)-1]
	s.took = append(s.took, took)
	if err != nil {
		s.failed++
		s.why = err.Error()
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posts)
}

// compare counts the posts that are not there, and those that are not as submitted.
func (l *load) compare(got []post) (lost, wrong int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	there := map[int64]post{}
	for _, p := range got {
		there[p.ID] = p
	}
	for id, want := range l.posts {
		switch p, ok := there[id]; {
		case !ok:
			lost++
		case p != want:
			wrong++
		}
	}
	return lost, wrong + max(len(there)-len(l.posts)+lost, 0)
}

// seeding is the stage in which the posts are made that are there before.
const seeding = "seed"

// report prints how requests went, stage by stage.
func (l *load) report(w io.Writer) figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all figures
	for _, s := range l.stages {
		if s.name == seeding { // nobody else is there yet
			continue
		}
		slices.Sort(s.took)
		all = append(all, figure{s.name, len(s.took), s.failed, at(s.took, 50), at(s.took, 99), at(s.took, 100), s.why})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "stage\trequests\tfailed\tmedian\tp99\tlongest\t")
	for _, f := range all {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", f.stage, f.requests, f.failed, millis(f.median), millis(f.p99), millis(f.longest), f.why)
	}
	_ = t.Flush()
	return all
}

// at is the time within which so many of a hundred were answered; sorted.
func at(took []time.Duration, percent int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	return took[(len(took)-1)*percent/100]
}
