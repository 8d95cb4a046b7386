package sample

import (
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/ui/answer"
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

// difference is a change of each sort, and what is to be known of it.
func difference(form string) answer.Diff {
	column := func(name string) *schema.Fact {
		return &schema.Fact{ID: schema.ID{Kind: schema.Column, Schema: "public", On: "posts", Name: name}, Of: schema.Table, Attrs: schema.NewAttrs("type", "text")}
	}
	tags := schema.ID{Kind: schema.Table, Schema: "public", Name: "tags"}
	up := diff.Plan{
		Changes: []diff.Change{{After: &schema.Fact{ID: tags}}, {After: &schema.Fact{ID: schema.ID{Kind: schema.Column, Schema: "public", On: "tags", Name: "id"}, Of: schema.Table}},
			{Before: column("old")}, {Before: column("body"), After: column("body"), Keys: []string{"comment", "type"}}},
		Statements: []diff.Statement{{SQL: "CREATE TABLE public.tags (\n    id integer\n)"}, {SQL: "ALTER TABLE public.posts DROP COLUMN old",
			Effect:  plan.Effect{Touches: []plan.Touch{{Table: plan.Name{Schema: "public", Name: "posts"}, Lock: "ACCESS EXCLUSIVE"}}},
			Hazards: []diff.Hazard{{Code: diff.LosesColumn, Object: column("old").ID, Text: "its values are lost"}}}},
		Candidates: choice().Choice.Candidates,
	}
	return answer.Diff{Form: form, FromName: "the migrations", ToName: "postgres://ann:" + Password + "@db/app",
		Files: answer.Files{Written: []string{"migrations/20261120120000_tags.sql"}, ID: "20261120120000", Revises: []string{"20261119093000"}},
		Difference: bellows.Difference{From: shape(), To: bellows.Shape{}, Up: up, Down: diff.Plan{Unsolved: []string{"there is no way back"}}, Class: diff.Lossy,
			Renames: []diff.Rename{{From: schema.ID{Kind: schema.Table, Schema: "public", Name: "topics"}, To: schema.ID{Kind: schema.Table, Schema: "public", Name: "themes"}}}}}
}

func choice() answer.Choice {
	from := schema.ID{Kind: schema.Column, Schema: "public", On: "posts", Name: "titel"}
	to := from
	to.Name = "title"
	return answer.Choice{Choice: bellows.Choice{Candidates: []diff.Rename{{From: from, To: to}},
		Renamed: diff.Plan{Statements: []diff.Statement{{SQL: "ALTER TABLE public.posts RENAME COLUMN titel TO title"}}},
		Replaced: diff.Plan{Statements: []diff.Statement{{SQL: "ALTER TABLE public.posts ADD COLUMN title text"}, {SQL: "ALTER TABLE public.posts DROP COLUMN titel",
			Hazards: []diff.Hazard{{Code: diff.LosesColumn, Object: from, Text: "its values are lost"}}}}}}}
}

func archived(purged bool) answer.Archives {
	at := time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)
	return answer.Archives{Purged: purged, Archives: []bellows.Archived{
		{Tag: "20261120101500", Kind: "table", Name: "public.topics", Place: "bellows_archive_20261120101500_public.topics", Rows: 12, Revision: "20261120101500", RevisionName: "less", At: at},
		{Tag: "20261119101500", Kind: "column", Name: "posts.title", Place: "posts.bellows_archive_20261119101500_title", Rows: -1}}}
}

func verified() answer.Verified {
	changes := difference("").Difference.Up.Changes
	return answer.Verified{Verification: bellows.Verification{
		Revisions: []bellows.Verified{
			{ID: "20261119093000", Name: "create_posts", File: "migrations/20261119093000_create_posts.sql", State: "exact"},
			{ID: "20261119100000", Name: "merge", File: "migrations/20261119100000_merge.sql", State: "irreversible"},
			{ID: "20261120101500", Name: "add_tags", File: "migrations/20261120101500_add_tags.sql", State: "differs", Left: changes[:2], Again: changes[3:]},
			{ID: "20261120110000", Name: "worse", File: "migrations/20261120110000_worse.sql", State: "failed",
				Err: fault.At(fault.Pos{File: "migrations/20261120110000_worse.sql", Line: 4, Column: 1}, "postgres.42P01", "table \"other\" does not exist")}},
		Problems: []error{fault.At(fault.Pos{File: "migrations/20261119093000_create_posts.sql", Line: 1}, fault.Edited, "20261119093000 create_posts is applied, and its file was edited since").Try("bellows repair")}}}
}
