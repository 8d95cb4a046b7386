package config

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/bellowsdb/bellows/fault"
)

// File is the content of bellows.toml. The zero value is that of an empty file.
type File struct {
	name   string
	choice raw // the key "default"
	top    map[string]raw
	envs   map[string]map[string]raw
	limits map[string]map[string]raw // of [backfill], under "", and of [env.NAME.backfill]
	places map[string]fault.Pos      // of the tables [env.NAME]
}

// raw is a value as written, before variables are put in.
type raw struct {
	text string
	pos  fault.Pos
}

// Parse reads the text of a configuration file. All keys of all environments
// are checked; variables in values are not looked up yet. name is the file's
// name in errors.
func Parse(name, text string) (File, error) {
	f := File{name: name, top: map[string]raw{}, envs: map[string]map[string]raw{}, limits: map[string]map[string]raw{}, places: map[string]fault.Pos{}}
	var tree map[string]any
	if _, err := toml.Decode(strings.TrimPrefix(text, "\ufeff"), &tree); err != nil {
		return File{}, syntax(name, text, err)
	}
	r := reader{file: &f, places: locate(name, text)}
	r.top(tree)
	if len(r.problems) > 0 {
		return File{}, join(r.problems)
	}
	return f, nil
}

// syntax words an error of the TOML library without the text it quotes, which
// may be part of a password.
func syntax(name, text string, err error) error {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return fault.At(fault.Pos{File: name}, fault.Config, "this is not TOML").Try("see https://toml.io for the form of the file")
	}
	pos := fault.Pos{File: name, Line: pe.Position.Line}
	if lines := strings.Split(text, "\n"); pos.Line >= 1 && pos.Line <= len(lines) {
		pos.Text = shown(strings.TrimRight(lines[pos.Line-1], "\r"))
	}
	message, _, _ := strings.Cut(pe.Message, " but ")
	if i := strings.IndexAny(message, "\"`:"); i > 0 {
		message = strings.TrimSpace(message[:i])
	}
	return fault.At(pos, fault.Config, "this is not TOML: %s", strings.TrimRight(message, ".,")).Try("%s", cure(message))
}

// cure is what to do about a message of the TOML library.
func cure(message string) string {
	switch {
	case strings.Contains(message, "already been defined"):
		return "keep one of the two"
	case strings.Contains(message, "newlines"):
		return "close the quote on the line where it opens"
	case strings.Contains(message, "UTF"), strings.Contains(message, "control characters"):
		return "save the file as plain UTF-8 text"
	}
	return "texts stand in quotes: dir = \"migrations\"; see https://toml.io"
}

// Envs are the names of the environments, sorted.
func (f File) Envs() []string {
	all := make([]string, 0, len(f.envs))
	for name := range f.envs {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

// reader turns the tree of a file into its values.
type reader struct {
	file     *File
	places   map[string]fault.Pos
	problems []*fault.Error
}

func (r *reader) fail(path []string, format string, args ...any) *fault.Error {
	problem := fault.At(r.place(path), fault.Config, format, args...)
	r.problems = append(r.problems, problem)
	return problem
}

// place is that of the longest part of path whose place is known.
func (r *reader) place(path []string) fault.Pos {
	for n := len(path); n > 0; n-- {
		if pos, ok := r.places[pathKey(path[:n])]; ok {
			return pos
		}
	}
	return fault.Pos{File: r.file.name}
}

func pathKey(path []string) string { return strings.Join(path, "\x00") }

func sorted(m map[string]any) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	sort.Strings(all)
	return all
}

func (r *reader) top(tree map[string]any) {
	for _, name := range sorted(tree) {
		switch name {
		case "default":
			r.file.choice = r.value(&key{name: name}, []string{name}, tree[name])
		case "env":
			r.envTables(tree[name])
		case limits:
			r.limits("", []string{name}, tree[name])
		default:
			r.key(r.file.top, []string{name}, tree[name], names("default", "env"))
		}
	}
	slices.SortStableFunc(r.problems, func(a, b *fault.Error) int { return a.Pos.Line - b.Pos.Line })
}

func (r *reader) envTables(v any) {
	envs, ok := v.(map[string]any)
	if !ok {
		r.fail([]string{"env"}, "env is a table of environments").Try("write [env.dev] on a line of its own, and its keys below")
		return
	}
	for _, name := range sorted(envs) {
		path := []string{"env", name}
		table, ok := envs[name].(map[string]any)
		if name == "" {
			r.fail(path, "an environment has a name").Try("write for example [env.dev]")
			continue
		}
		if !ok {
			r.fail(path, "env.%s is a table", name).Try("write [env.%s] on a line of its own, and its keys below", name)
			continue
		}
		r.file.places[name] = r.place(path)
		r.file.envs[name] = map[string]raw{}
		for _, k := range sorted(table) {
			if k == limits {
				r.limits(name, append(path[:2:2], k), table[k])
				continue
			}
			r.key(r.file.envs[name], append(path[:2:2], k), table[k], names())
		}
	}
}

// key reads one key into a table, or says that there is none of that name.
func (r *reader) key(into map[string]raw, path []string, v any, known []string) {
	name := path[len(path)-1]
	k := keyOf(name)
	if k != nil {
		into[name] = r.value(k, path, v)
		return
	}
	if _, ok := v.(map[string]any); ok && len(path) == 1 {
		r.fail(path, "there is no table [%s]", name).Try("environments are written [env.%s]", name)
		return
	}
	problem := r.fail(path, "there is no key %q", name)
	if near := fault.Nearest(name, known); near != "" {
		problem.Try("did you mean %q?", near)
		return
	}
	problem.Try("the keys are %s", strings.Join(known, ", "))
}

// value is a value as text; a wrong form is said.
func (r *reader) value(k *key, path []string, v any) raw {
	out := raw{pos: r.place(path)}
	switch v := v.(type) {
	case string:
		if k.form == truth {
			r.fail(path, "%s is true or false", k.name).Try("write %s = true or %s = false, without quotes", k.name, k.name)
		}
		out.text = v
		return out
	case bool:
		if k.form == truth {
			out.text = fmt.Sprint(v)
			return out
		}
	case map[string]any:
		if command, ok := v["exec"].(string); ok && k.form == schema && len(v) == 1 {
			out.text = execMark + command
			return out
		}
	}
	switch k.form {
	case truth:
		r.fail(path, "%s is true or false", k.name).Try("write %s = true or %s = false, without quotes", k.name, k.name)
	case span:
		r.fail(path, "%s is a duration in quotes", k.name).Try("write for example %s = \"500ms\" or %s = \"30s\"", k.name, k.name)
	case schema:
		r.fail(path, "schema is a path or URL in quotes, or { exec = \"COMMAND\" }").Try("write schema = \"schema.sql\"")
	default:
		r.fail(path, "%s is a text in quotes", k.name).Try("write %s = \"…\"", k.name)
	}
	return out
}

// join makes one error of several.
func join(problems []*fault.Error) error {
	if len(problems) == 1 {
		return problems[0]
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
