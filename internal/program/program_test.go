package program_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/program"
)

// roleEnv makes this test binary a program that plays a role.
const roleEnv = "BELLOWS_PROGRAM_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is what the program of a test does.
func play(role string) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	switch role {
	case "echo":
		for in.Scan() {
			fmt.Println(in.Text())
		}
	case "talks first": // more than a pipe holds, before it reads anything
		fmt.Print(strings.Repeat("\n", 1<<20))
		for in.Scan() {
			fmt.Println(in.Text())
		}
	case "reads all": // and answers then
		var all []string
		for len(all) < 3 && in.Scan() {
			all = append(all, in.Text())
		}
		fmt.Println(strings.Join(all, "\n"))
		in.Scan()
	case "says":
		fmt.Fprint(os.Stderr, "one\n\n  postgres://ann:secret@db/app \n"+strings.Repeat("x", 1<<20)+"\nlast")
		os.Exit(4)
	case "parent": // of a program that would outlive it
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), roleEnv+"=sleeps")
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Println(os.Getpid(), child.Process.Pid)
		in.Scan()
		in.Scan()
		select {}
	case "sleeps":
		time.Sleep(time.Hour)
	case "starts": // another one, and is killed
		p, err := program.Start(program.Options{Command: os.Args[0], Env: []string{roleEnv + "=parent"}})
		if err != nil {
			panic(err)
		}
		_ = p.Ask(context.Background(), lines("x"), func(line []byte) (bool, error) {
			fmt.Println(string(line))
			_ = os.Stdout.Sync()
			return false, nil
		})
		select {}
	}
}

func lines(all ...string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, l := range all {
			if !yield([]byte(l)) {
				return
			}
		}
	}
}

func start(t *testing.T, role string, change ...func(*program.Options)) *program.Process {
	t.Helper()
	o := program.Options{Command: "'" + os.Args[0] + "'", Env: []string{roleEnv + "=" + role}}
	for _, f := range change {
		f(&o)
	}
	p, err := program.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// ask hands over lines and gives as many answers.
func ask(p *program.Process, all ...string) (answers []string, err error) {
	err = p.Ask(context.Background(), lines(all...), func(line []byte) (bool, error) {
		answers = append(answers, string(line))
		return len(answers) < len(all), nil
	})
	return answers, err
}

// TestAsk: lines are handed over and answered, time and again, also when neither
// side reads before it has written more than a pipe holds.
func TestAsk(t *testing.T) {
	for _, role := range []string{"echo", "talks first"} {
		p := start(t, role)
		var many []string
		for i := range 20000 {
			many = append(many, "line "+strconv.Itoa(i))
		}
		for range 2 {
			if got, err := ask(p, many...); err != nil || !slices.Equal(got, many) {
				t.Errorf("%s: %d answers, %v", role, len(got), err)
			}
		}
		p.Leave(time.Minute)
	}
	if got, err := ask(start(t, "reads all"), "a", "b", "c"); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got, err)
	}
}

// TestSaid: what it says is handed on line by line, without passwords and of
// bounded length; its last words are part of the error.
func TestSaid(t *testing.T) {
	var mu sync.Mutex
	var said []string
	p := start(t, "says", func(o *program.Options) {
		o.Said = func(line string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, line)
		}
	})
	_, err := ask(p, "x")
	if err == nil || !strings.Contains(err.Error(), "exit status 4; it said: one | postgres://ann:xxxxx@db/app | x") || len(err.Error()) > 1000 || !strings.HasSuffix(err.Error(), " | last") {
		t.Errorf("%.300v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(said) != 4 || said[0] != "one" || said[1] != "postgres://ann:xxxxx@db/app" || len(said[2]) > 4096 || said[3] != "last" {
		t.Errorf("%d lines: %.200q", len(said), said)
	}
}

// TestCancelled: a context that ends ends the program.
func TestCancelled(t *testing.T) {
	p := start(t, "sleeps")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	if err := p.Ask(ctx, lines("x"), func([]byte) (bool, error) { return false, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestRefused: an answer that is refused is the error, and the program is dead.
func TestRefused(t *testing.T) {
	p := start(t, "echo")
	no := fault.New(fault.Failed, "no")
	if err := p.Ask(context.Background(), lines("x"), func([]byte) (bool, error) { return true, no }); !errors.Is(err, no) {
		t.Error(err)
	}
	if _, err := ask(p, "x"); err == nil {
		t.Error("it goes on")
	}
}

// TestGroup: what a program has started goes with it.
func TestGroup(t *testing.T) {
	p := start(t, "parent")
	got, err := ask(p, "x")
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	for _, pid := range strings.Fields(got[0]) {
		waitFor(t, pid)
	}
}

// waitFor waits until a process is gone, or nothing but a name.
func waitFor(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	for alive(n) {
		time.Sleep(5 * time.Millisecond)
	}
}

func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || !bytes.Contains(stat, []byte(") Z "))
}

// TestWords: how a command is cut.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		command string
		words   []string
	}{
		{"node x.mjs", []string{"node", "x.mjs"}},
		{" python3\t'a b' \"it's\" '' x'y'z", []string{"python3", "a b", "it's", "", "xyz"}},
		{`C:\bin\x.exe $HOME *`, []string{`C:\bin\x.exe`, "$HOME", "*"}},
	} {
		if got, err := program.Words(tt.command); err != nil || !slices.Equal(got, tt.words) {
			text, _ := json.Marshal(got)
			t.Errorf("%s: %s %v", tt.command, text, err)
		}
	}
	for _, command := range []string{"", "  ", "a 'b", `"`} {
		if _, err := program.Words(command); !fault.Has(err, fault.Usage) {
			t.Errorf("%q: %v", command, err)
		}
	}
}
