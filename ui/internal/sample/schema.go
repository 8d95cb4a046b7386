package sample

import (
	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/schema"
)

func shape() bellows.Shape {
	posts := schema.ID{Kind: schema.Table, Schema: "public", Name: "posts"}
	id := schema.ID{Kind: schema.Column, Schema: "public", On: "posts", Name: "id"}
	return bellows.Shape{Schema: schema.New("postgres", 150004, []schema.Fact{
		{ID: posts, Attrs: schema.NewAttrs(schema.Comment, "what people write")},
		{ID: id, Of: schema.Table, Order: 1, Attrs: schema.NewAttrs("type", "integer", "not null", "yes")},
		{ID: schema.ID{Kind: schema.Function, Schema: "public", Name: "f", Args: "integer"}, Needs: []schema.ID{posts}},
	}, schema.Unmodelled{Kind: "subscription", Name: "s", Why: "its connection is secret"}, schema.Unmodelled{Kind: "language", Name: "plperlu"})}
}
