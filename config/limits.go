package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/fault"
)

// limits is the name of the tables of what holds backfills back.
const limits = "backfill"

// limits reads [backfill], or that of an environment.
func (r *reader) limits(env string, path []string, v any) {
	table, ok := v.(map[string]any)
	if !ok {
		r.fail(path, "backfill is a table of limits").Try("write [%s] on a line of its own, and for example replica_lag = \"10s\" below", strings.Join(path, "."))
		return
	}
	r.file.limits[env] = map[string]raw{}
	for _, name := range sorted(table) {
		at := append(path[:len(path):len(path)], name)
		value := raw{pos: r.place(at)}
		switch v := table[name].(type) {
		case string:
			value.text = v
		case int64:
			value.text = fmt.Sprint(v)
		default:
			r.fail(at, "the limit %s is a text in quotes", name).Try("write for example replica_lag = \"10s\"")
			continue
		}
		if !slices.Contains(limit.Names(), name) {
			_, hint := limit.Check(name, value.text)
			r.fail(at, "there is no limit %q", name).Try("%s", hint)
			continue
		}
		r.file.limits[env][name] = value
	}
}

// limitsOf are those that hold: of the environment, and of the top level where the
// environment says nothing.
func (f File) limitsOf(s *Settings, env string, r Request) (problems []*fault.Error) {
	said := map[string]raw{}
	maps.Copy(said, f.limits[""])
	from := map[string]Source{}
	if env != "" {
		for name, v := range f.limits[env] {
			said[name], from[name] = v, EnvTable
		}
	}
	for _, name := range limit.Names() {
		v, ok := said[name]
		if !ok {
			continue
		}
		text, problem := expand(v, r)
		origin := Origin{Source: TopLevel, Pos: v.pos}
		if from[name] == EnvTable {
			origin = Origin{Source: EnvTable, Name: "env." + env + "." + limits, Pos: v.pos}
		}
		if problem == nil {
			if wrong, hint := limit.Check(name, text); wrong != "" {
				problem = origin.fault("%s %s, but says %q", name, wrong, fault.Redact(text)).Try("%s", hint)
			}
		}
		if problem != nil {
			problems = append(problems, problem)
			continue
		}
		if s.Backfill == nil {
			s.Backfill = map[string]string{}
		}
		s.Backfill[name] = text
		s.values = append(s.values, Value{Key: limits + "." + name, Text: fault.Redact(text), From: origin})
	}
	return problems
}
