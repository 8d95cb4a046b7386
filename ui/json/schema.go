package json

import (
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/ui/answer"
)

type schemaResult struct {
	result
	URL        string       `json:"url"`
	Dialect    string       `json:"dialect"`
	Version    int          `json:"version"`
	Hash       string       `json:"hash"`
	Form       string       `json:"form"`
	Text       string       `json:"text"`
	Unmodelled []unmodelled `json:"unmodelled"`
	Facts      []fact       `json:"facts"`
}

// unmodelled is something that no fact describes.
type unmodelled struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// fact is spelled as in a snapshot: what is empty is left out.
type fact = schema.Fact

// shapeOf is resultOf for the verbs about schemas.
func shapeOf(h result, o answer.Outcome) any {
	switch a := o.Answer.(type) {
	case answer.Schema:
		s := a.Shape
		return schemaResult{h, clean(a.On), s.Dialect, s.Version, s.Hash().String(), a.Form, a.Text,
			convert(s.Unmodelled, func(u schema.Unmodelled) unmodelled { return unmodelled(u) }), list(s.Facts())}
	}
	return upkeepOf(h, o)
}
