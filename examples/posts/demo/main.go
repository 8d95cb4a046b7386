// Program demo carries a change through all its phases while people use the
// application: old and new code at once, and a load generator that remembers
// what it has submitted.
//
// Charter: run the commands a team would run, in the order it would, and show
// what the application's users notice of it.
// Invariant: it ends with success only when no request failed and every post is
// as it was submitted.
// Example: go run ./examples/posts/demo -bellows ./bellows -app ./posts
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// options are what the demo is told.
type options struct {
	bellows, app string        // the programs
	dir          string        // the example's folder
	url          string        // the database; "" an SQLite file that is thrown away
	seed         int           // posts that are there before the change
	rate         int           // requests per second
	calm         time.Duration // how long each stage is watched after its command
	page         string        // a page to put the figures into; "" none
	out          io.Writer
}

func main() {
	log.SetFlags(0)
	o := options{out: os.Stdout}
	flag.StringVar(&o.bellows, "bellows", "bellows", "the program bellows")
	flag.StringVar(&o.app, "app", "posts", "the example's web application, built")
	flag.StringVar(&o.dir, "dir", "examples/posts", "the example's folder")
	flag.StringVar(&o.url, "url", "", "an empty database: sqlite:FILE or postgres://…; by default an SQLite file that is thrown away")
	flag.IntVar(&o.seed, "seed", 2000, "posts that are there before the change")
	flag.IntVar(&o.rate, "rate", 200, "requests per second")
	flag.DurationVar(&o.calm, "calm", 2*time.Second, "how long each stage is watched")
	flag.StringVar(&o.page, "page", "", "a page with a place for the figures, such as docs/change.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatal("demo: ", err)
	}
}

// run is the whole demonstration.
func run(ctx context.Context, o options) error {
	work, err := os.MkdirTemp("", "bellows-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if o.bellows, err = exec.LookPath(o.bellows); err != nil {
		return err
	}
	if o.bellows, err = filepath.Abs(o.bellows); err != nil { // it runs in another folder
		return err
	}
	if o.url == "" {
		o.url = "sqlite:" + filepath.Join(work, "posts.db")
	}
	s := &story{options: o, work: work, migrations: filepath.Join(work, "migrations"), fleet: newFleet(o)}
	defer s.fleet.stopAll()
	s.load = newLoad(s.fleet)
	if err := s.tell(ctx); err != nil {
		return err
	}
	return s.verdict(ctx)
}

// story is one change from its first command to its last.
type story struct {
	options
	work, migrations string
	fleet            *fleet
	load             *load
}

// database is the kind of database, which is a folder's name, too.
func (s *story) database() string {
	kind, _, _ := strings.Cut(s.url, ":")
	if kind == "postgresql" {
		return "postgres"
	}
	return kind
}

// tell goes through the stages.
func (s *story) tell(ctx context.Context) error {
	if err := s.before(ctx); err != nil {
		return err
	}
	end := s.load.begin(s.rate)
	defer end()
	for _, stage := range []func(context.Context) error{s.calmly, s.expand, s.mix, s.fill, s.roll, s.contract} {
		if err := stage(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// before makes the database as it was, and fills it.
func (s *story) before(ctx context.Context) error {
	s.say("Yesterday: a table of posts, each with a latitude and a longitude.")
	if err := s.take("migrations", "location"); err != nil {
		return err
	}
	if err := s.bellows(ctx, 0, "up", "--quiet"); err != nil {
		return err
	}
	for range 2 {
		if err := s.fleet.start(ctx, "old"); err != nil {
			return err
		}
	}
	s.load.stage(seeding)
	return s.load.seed(ctx, s.seed)
}

func (s *story) calmly(ctx context.Context) error {
	s.say("Two instances of the old code serve %d requests a second.", s.rate)
	s.load.stage("idle: old code only")
	s.watch(ctx)
	return nil
}

// expand brings the pull request with the change.
func (s *story) expand(ctx context.Context) error {
	s.say("Today: one column for the place. The change is one file; nothing is deployed yet.")
	if err := s.take("location/" + s.database()); err != nil {
		return err
	}
	s.load.stage("expand and sync")
	if err := s.bellows(ctx, 0, "up"); err != nil {
		return err
	}
	s.watch(ctx)
	return nil
}

// mix deploys the code that writes both sides, on one machine of two.
func (s *story) mix(ctx context.Context) error {
	s.say("The code that writes both sides comes to one machine; the other one still runs the old code.")
	s.load.stage("old and dual code")
	if err := s.fleet.start(ctx, "dual"); err != nil {
		return err
	}
	if err := s.fleet.stopOne("old"); err != nil {
		return err
	}
	s.watch(ctx)
	return nil
}

func (s *story) fill(ctx context.Context) error {
	s.say("The old rows are filled, chunk by chunk.")
	s.load.stage("backfill and verify")
	if err := s.bellows(ctx, 0, "backfill", "run"); err != nil {
		return err
	}
	if err := s.bellows(ctx, 0, "change", "status"); err != nil {
		return err
	}
	s.watch(ctx)
	return nil
}

// roll deploys the new code while the old one is still there, and then takes the
// old one away.
func (s *story) roll(ctx context.Context) error {
	s.say("The new code is deployed; the old code still runs beside it.")
	s.load.stage("old, dual and new code")
	for range 2 {
		if err := s.fleet.start(ctx, "new"); err != nil {
			return err
		}
	}
	s.watch(ctx)
	s.say("Too early: nobody has said yet that the old code is gone.")
	if err := s.bellows(ctx, exitWaits, "change", "contract", changeID); err != nil {
		return err
	}
	s.load.stage("new code only")
	for _, code := range []string{"old", "dual"} {
		if err := s.fleet.stopOne(code); err != nil {
			return err
		}
	}
	s.watch(ctx)
	return nil
}

func (s *story) contract(ctx context.Context) error {
	s.say("The old code is gone. Somebody says so, and the old columns go.")
	s.load.stage("contract")
	if err := s.bellows(ctx, 0, "change", "approve", changeID, "every instance reads and writes only loc", "--why", "the old code was stopped"); err != nil {
		return err
	}
	if err := s.bellows(ctx, 0, "change", "contract", changeID); err != nil {
		return err
	}
	s.watch(ctx)
	return nil
}

// changeID is the revision of the change.
const changeID = "20261120101500"

// exitWaits is the exit code of a command that waits for a person.
const exitWaits = 8

// verdict stops the load, and compares every post with what was submitted.
func (s *story) verdict(ctx context.Context) error {
	posts, err := s.fleet.export(ctx)
	if err != nil {
		return err
	}
	lost, wrong := s.load.compare(posts)
	s.say("What the users noticed:")
	all := s.load.report(s.out)
	told := all.verdict(lost, wrong)
	fmt.Fprintf(s.out, "\n%d posts submitted, %d lost, %d wrong; %d requests failed\n%s\n", s.load.count(), lost, wrong, all.failed(), told)
	if lost+wrong+all.failed() > 0 {
		return fmt.Errorf("something was lost; this must not happen")
	}
	if s.page != "" {
		return refresh(s.page, s.database(), all.markdown(s.rate, told))
	}
	return nil
}

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n# "+format+"\n", args...)
}

// watch lets the load go on for a while.
func (s *story) watch(ctx context.Context) {
	select {
	case <-time.After(s.calm):
	case <-ctx.Done():
	}
}

// take copies the migrations of some of the example's folders into ours, as a
// pull request would bring them.
func (s *story) take(folders ...string) error {
	if err := os.MkdirAll(s.migrations, 0o755); err != nil {
		return err
	}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(s.dir, filepath.FromSlash(folder), "*.sql"))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("there are no migrations in %s; name the example's folder with -dir", filepath.Join(s.dir, folder))
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(s.migrations, filepath.Base(file)), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// bellows runs a command as a person would, and wants that exit code.
func (s *story) bellows(ctx context.Context, want int, args ...string) error {
	shown := make([]string, len(args))
	for i, a := range args {
		shown[i] = a
		if strings.Contains(a, " ") {
			shown[i] = `"` + a + `"`
		}
	}
	fmt.Fprintf(s.out, "$ bellows %s\n", strings.Join(shown, " "))
	cmd := exec.CommandContext(ctx, s.options.bellows, args...)
	cmd.Dir = s.work
	cmd.Env = append(os.Environ(), "BELLOWS_URL="+s.url, "BELLOWS_DIR="+s.migrations)
	cmd.Stdout, cmd.Stderr = s.out, s.out
	err := cmd.Run()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == want {
		return nil
	}
	if err == nil {
		return fmt.Errorf("bellows %s should have ended with exit code %d", args[0], want)
	}
	return fmt.Errorf("bellows %s: %w", strings.Join(args, " "), err)
}
