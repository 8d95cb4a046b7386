package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The password that no error and no listing may contain.
const password = "hunter2"

// TestGolden reads the cases of testdata/config.txtar: for each a bellows.toml,
// what is asked for (lines "env X", "flag K=V", "var K=V", "dotenv K=V"), and
// the settings that do not have their default, or what is said.
func TestGolden(t *testing.T) {
	const golden = "testdata/config.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	var out []txtar.File
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, "/bellows.toml")
		if !ok {
			continue
		}
		got := run(t, string(f.Data), files[name+"/request"])
		if strings.Contains(got, password) {
			t.Errorf("%s: the password is shown:\n%s", name, got)
		}
		if diff := cmp.Diff(files[name+"/want"], got); diff != "" && !*update {
			t.Errorf("%s:\n%s", name, diff)
		}
		out = append(out, f, txtar.File{Name: name + "/request", Data: []byte(files[name+"/request"])},
			txtar.File{Name: name + "/want", Data: []byte(got)})
	}
	if *update {
		archive.Files = out
		if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, text, request string) string {
	file, err := Parse("bellows.toml", text)
	if err != nil {
		return problems(t, err)
	}
	s, err := file.Settings(asked(request))
	if err != nil {
		return problems(t, err)
	}
	var b strings.Builder
	if s.Env != "" {
		fmt.Fprintf(&b, "env: %s\n", s.Env)
	}
	for _, v := range s.Values() {
		if v.From.Source != Default {
			fmt.Fprintf(&b, "%s = %s (%s)\n", v.Key, v.Text, v.From)
		}
	}
	return b.String()
}

func asked(request string) Request {
	r := Request{Flags: map[string]string{}, DotEnv: map[string]string{}}
	vars := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(request), "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		k, v, _ := strings.Cut(rest, "=")
		switch kind {
		case "env":
			r.Env = k
		case "flag":
			r.Flags[k] = v
		case "var":
			vars[k] = v
		case "dotenv":
			r.DotEnv[k] = v
		}
	}
	r.Lookup = func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	return r
}

func problems(t *testing.T, err error) string {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		var b strings.Builder
		for _, e := range many.Unwrap() {
			b.WriteString(problems(t, e))
		}
		return b.String()
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.Config || e.Hint == "" {
		t.Errorf("no code or no hint: %v", err)
		return ""
	}
	out := "error: " + e.Error() + "\n"
	if e.Pos != nil && e.Pos.Text != "" {
		out += "    " + e.Pos.Text + "\n"
	}
	return out + "  hint: " + e.Hint + "\n"
}

func TestDefaults(t *testing.T) {
	s, err := File{}.Settings(Request{})
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{Dir: "migrations", Recursive: true, Repeatable: "repeatable", LedgerSchema: "bellows", LedgerPrefix: "bellows_",
		LockTimeout: 500 * time.Millisecond, LockBudget: 5 * time.Minute, LockWait: 30 * time.Second, Grace: 10 * time.Second, Holds: Ask}
	s.values = nil
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(Settings{})); diff != "" {
		t.Error(diff)
	}
}

func TestTyped(t *testing.T) {
	f, err := Parse("b.toml", "schema = { exec = 'print ddl' }\n[env.\"a b\"]\nprotected = true\nlock_wait = \"0s\"\nholds = \"auto\"\n")
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Settings(Request{Env: "a b", Flags: map[string]string{"strict": "true", "url": "sqlite:x"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Schema.Exec != "print ddl" || !s.Protected || s.LockWait != 0 || s.Holds != Auto || !s.Strict || s.URL != "sqlite:x" || s.Env != "a b" {
		t.Errorf("%+v", s)
	}
	if o := s.Origin("protected"); o.Pos.Line != 3 || !o.InFile() || o.Source != EnvTable {
		t.Errorf("%+v", o)
	}
	if o := s.Origin("strict"); o.Name != "--strict" || o.InFile() {
		t.Errorf("%+v", o)
	}
}

func TestDotEnv(t *testing.T) {
	got, err := ParseDotEnv(".env", "\ufeff# note\r\nexport A=1\r\nB='two words' # why\nC=\"x\ny\"\n\nD=\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "two words", "C": "x\ny", "D": ""}, got); diff != "" {
		t.Error(diff)
	}
	for text, line := range map[string]int{
		"A=1\nthis is " + password + "\nB=2\n":          2,
		"A=1\nB=\"" + password + "\nC=3\n":              2,
		"A=1\n" + strings.Repeat("B=1\n", 90) + "x y\n": 92,
	} {
		_, err := ParseDotEnv(".env", text)
		var e *fault.Error
		if !errors.As(err, &e) || e.Pos.Line != line || e.Hint == "" || strings.Contains(err.Error(), password) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// TestFormats: the formats are those that folders are read in.
func TestFormats(t *testing.T) {
	if diff := cmp.Diff(source.Formats(), formats[:]); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[env.dev]\nurl = \"${X:-y}\"\n", "X=1")
	f.Add("a.b.c = '''\nx\n'''\n\"q\".d = 1 # c", "export A=\"\n")
	f.Add("url = { a = 1, }\n[[env]]\n", "A=${A}")
	f.Fuzz(func(t *testing.T, text, dotenv string) {
		vars, err := ParseDotEnv(".env", dotenv)
		if err != nil {
			problems(t, err)
		}
		file, err := Parse("b.toml", text)
		if err != nil {
			problems(t, err)
			return
		}
		for _, env := range append(file.Envs(), "") {
			if s, err := file.Settings(Request{Env: env, DotEnv: vars}); err != nil {
				problems(t, err)
			} else if len(s.Values()) != len(keys) {
				t.Errorf("%d values", len(s.Values()))
			}
		}
	})
}

// TestNamedEnvironmentBeatsDatabaseURL: who names an environment gets its
// database, whatever DATABASE_URL his shell holds; BELLOWS_URL still wins.
func TestNamedEnvironmentBeatsDatabaseURL(t *testing.T) {
	f, err := Parse("bellows.toml", "default = \"dev\"\n[env.dev]\nurl = \"sqlite:dev.db\"\n[env.production]\nurl = \"sqlite:production.db\"\n")
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"DATABASE_URL": "sqlite:shell.db"}
	lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	check := func(env, want string) {
		t.Helper()
		s, err := f.Settings(Request{Env: env, Lookup: lookup})
		if err != nil {
			t.Fatal(err)
		}
		if s.URL != want {
			t.Errorf("--env %q: %s, want %s", env, s.URL, want)
		}
	}
	check("", "sqlite:shell.db")
	check("production", "sqlite:production.db")
	vars["BELLOWS_ENV"] = "production"
	check("", "sqlite:production.db")
	vars["BELLOWS_URL"] = "sqlite:asked.db"
	check("production", "sqlite:asked.db")
}
