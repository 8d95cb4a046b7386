package config

import (
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/fault"
)

// Request is what holds besides the file. The zero value is no flag and an
// empty environment.
type Request struct {
	// Env is the wanted environment (--env); "" leaves the choice to BELLOWS_ENV
	// and the key "default".
	Env string
	// Flags are the settings given as flags, by key.
	Flags map[string]string
	// Lookup finds an environment variable. An empty one counts as not set.
	Lookup func(name string) (string, bool)
	// DotEnv are the variables of the file .env: see [ParseDotEnv]. They never
	// override the environment.
	DotEnv map[string]string
}

// variable finds an environment variable and where it is.
func (r Request) variable(name string) (string, Source, bool) {
	if r.Lookup != nil {
		if v, ok := r.Lookup(name); ok && v != "" {
			return v, Environment, true
		}
	}
	v := r.DotEnv[name]
	return v, DotEnv, v != ""
}

// Settings decides what holds: of flag, environment variable, .env, [env.NAME],
// top level and default the first that says something. Variables in values of
// the file are looked up only for the values that hold.
func (f File) Settings(r Request) (Settings, error) {
	s := Settings{}
	env, problem := f.choose(r)
	if problem != nil {
		return s, problem
	}
	s.Env = env
	var problems []*fault.Error
	for i := range keys {
		k := &keys[i]
		v, from, problem := f.find(k, env, r)
		if problem == nil {
			v, problem = k.put(&s, v, from)
		}
		if problem != nil {
			problems = append(problems, problem)
			continue
		}
		s.values = append(s.values, Value{Key: k.name, Text: fault.Redact(v), From: from})
	}
	problems = append(problems, f.limitsOf(&s, env, r)...)
	if len(problems) > 0 {
		return Settings{}, join(problems)
	}
	return s, nil
}

// choose gives the environment to use, "" for none.
func (f File) choose(r Request) (string, *fault.Error) {
	name, from := r.Env, Origin{Source: Flag, Name: "--env"}
	if name == "" {
		v, source, ok := r.variable("BELLOWS_ENV")
		if ok {
			name, from = v, Origin{Source: source, Name: "BELLOWS_ENV"}
		}
	}
	if name == "" && f.choice.text != "" {
		v, problem := expand(f.choice, r)
		if problem != nil {
			return "", problem
		}
		name, from = v, Origin{Source: TopLevel, Pos: f.choice.pos}
	}
	if _, ok := f.envs[name]; ok || name == "" {
		return name, nil
	}
	problem := from.fault("there is no environment %q", name)
	all := f.Envs()
	if near := fault.Nearest(name, all); near != "" {
		return "", problem.Try("did you mean %q?", near)
	}
	if len(all) == 0 {
		return "", problem.Try("write [env.%s] in bellows.toml, and its url below", name)
	}
	return "", problem.Try("the environments are %s", strings.Join(all, ", "))
}

// fault is a problem with a value of that origin.
func (o Origin) fault(format string, args ...any) *fault.Error {
	if o.InFile() {
		return fault.At(o.Pos, fault.Config, format, args...)
	}
	return fault.New(fault.Config, format, args...).While("%s", o)
}

// find gives the value that holds for a key, with its variables put in.
func (f File) find(k *key, env string, r Request) (string, Origin, *fault.Error) {
	if v, ok := r.Flags[k.name]; ok {
		return v, Origin{Source: Flag, Name: k.flag()}, nil
	}
	inEnv, said := f.envs[env][k.name]
	if k.name == "holds" && said && !r.names(env) && f.elsewhere(env, r) {
		said = false
	}
	for _, name := range k.variables() {
		if said && r.names(env) && slices.Contains(k.env, name) {
			continue
		}
		if v, source, ok := r.variable(name); ok {
			return v, Origin{Source: source, Name: name}, nil
		}
	}
	if v, ok := inEnv, said; ok {
		text, problem := expand(v, r)
		return text, Origin{Source: EnvTable, Name: "env." + env, Pos: v.pos}, problem
	}
	if v, ok := f.top[k.name]; ok {
		text, problem := expand(v, r)
		return text, Origin{Source: TopLevel, Pos: v.pos}, problem
	}
	return k.fallback, Origin{Source: Default}, nil
}

// elsewhere tells whether the database is another than the one that an environment
// names: a flag or a variable says so. What is approved by itself there is not here.
func (f File) elsewhere(env string, r Request) bool {
	if _, has := f.envs[env]["url"]; !has {
		return false
	}
	_, from, problem := f.find(keyOf("url"), env, r)
	return problem == nil && from.Source != EnvTable
}

// names tells whether the person named the environment. Then what that
// environment says comes before the variables that are not ours: somebody who
// says --env production must not be sent to the DATABASE_URL of his shell.
func (r Request) names(env string) bool {
	_, _, byVariable := r.variable("BELLOWS_ENV")
	return env != "" && (r.Env != "" || byVariable)
}

// put checks a value and stores it. It gives the value in its plainest form.
func (k *key) put(s *Settings, v string, from Origin) (string, *fault.Error) {
	var d time.Duration
	switch k.form {
	case truth:
		switch strings.ToLower(v) {
		case "true", "1":
			v = "true"
		case "false", "0":
			v = "false"
		default:
			return v, from.fault("%s is true or false, not %q", k.name, fault.Redact(v)).Try("write true or false")
		}
	case span:
		var err error
		if d, err = time.ParseDuration(v); err != nil || d < 0 {
			return v, from.fault("%s is a duration, not %q", k.name, fault.Redact(v)).Try("write a number that is not negative and a unit, for example 500ms, 30s or 5m")
		}
	}
	if k.check != nil {
		if wrong, hint := k.check(v, d); wrong != "" {
			return v, from.fault("%s %s, but says %q", k.name, wrong, fault.Redact(v)).Try("%s", hint)
		}
	}
	k.set(s, v, d)
	return v, nil
}
