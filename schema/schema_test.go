package schema_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/schema"
)

func posts() schema.Schema {
	return table("posts", "author")
}

func table(name, column string) schema.Schema {
	return schema.New("x", 1, []schema.Fact{
		{ID: schema.ID{Kind: schema.Table, Schema: "public", Name: name}, Attrs: schema.NewAttrs("comment", "a < b & c", "owner", "app")},
		{ID: schema.ID{Kind: schema.Column, Schema: "public", On: name, Name: column}, Of: schema.Table, Order: 2, Attrs: schema.NewAttrs("type", "text")},
		{ID: schema.ID{Kind: schema.Column, Schema: "public", On: name, Name: "id"}, Of: schema.Table, Order: 1, Attrs: schema.NewAttrs("type", "bigint")},
		{ID: schema.ID{Kind: schema.Default, Schema: "public", On: name, Name: "id"}, Of: schema.Table, Attrs: schema.NewAttrs("expr", "1"),
			Needs: []schema.ID{{Kind: schema.Function, Schema: "public", Name: "f", Args: "integer"}}},
		{ID: schema.ID{Kind: schema.Namespace, Name: "public"}},
	}, schema.Unmodelled{Kind: "large object", Name: "17"})
}

func TestFactsAreFoundAndOrdered(t *testing.T) {
	s := posts()
	var names []string
	for _, f := range s.On(schema.Column, "public", "posts") {
		names = append(names, f.ID.Name)
	}
	if got := strings.Join(names, " "); got != "id author" {
		t.Errorf("columns in the order %q", got)
	}
	f, ok := s.Find(schema.ID{Kind: schema.Default, Schema: "public", On: "posts", Name: "id"})
	if !ok {
		t.Fatal("the default is not found")
	}
	if got := f.Parent().String(); got != "column public.posts.id" {
		t.Errorf("its parent is %s", got)
	}
	column, _ := s.Find(f.Parent())
	if got := column.Parent().String(); got != "table public.posts" {
		t.Errorf("the column's parent is %s", got)
	}
	if _, ok := s.Find(schema.ID{Kind: schema.Table, Name: "posts"}); ok {
		t.Error("a table of another schema is found")
	}
	if got := f.Needs[0].String(); got != "function public.f(integer)" {
		t.Errorf("it needs %s", got)
	}
}

func TestSnapshotIsReadBack(t *testing.T) {
	s := posts()
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("%d of %d bytes, %v", n, b.Len(), err)
	}
	if !strings.Contains(b.String(), "a < b & c") {
		t.Error("the comment is not readable in the file")
	}
	got, err := schema.Read(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s.Facts(), got.Facts()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(s.Unmodelled, got.Unmodelled); d != "" {
		t.Error(d)
	}
	for name, text := range map[string]string{
		"changed": strings.Replace(b.String(), `"type":"text"`, `"type":"char"`, 1),
		"newer":   strings.Replace(b.String(), `"bellows_schema":1`, `"bellows_schema":9`, 1),
		"other":   `{"a":1}`,
		"no JSON": "CREATE TABLE",
	} {
		if _, err := schema.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: a file that is no good snapshot was read", name)
		}
	}
}

func TestHashesKnowWhatIsAName(t *testing.T) {
	a, b := posts(), table("articles", "author")
	if a.Hash() == b.Hash() {
		t.Error("the fingerprint does not see the name")
	}
	at := func(s schema.Schema, name string) schema.Hash {
		return s.RollUps()[schema.ID{Kind: schema.Table, Schema: "public", Name: name}]
	}
	if at(a, "posts") != at(b, "articles") {
		t.Error("a renamed table has another roll-up")
	}
	if at(a, "posts") == at(table("posts", "writer"), "posts") {
		t.Error("a renamed column gives the same roll-up")
	}
	if a.Hash() == a.Without("comment").Hash() {
		t.Error("the fingerprint does not see the comment")
	}
	if got := a.Without("comment", "owner").Facts(); len(got) != a.Len() || a.Facts()[4].Get("comment") == "" {
		t.Error("Without changed the original")
	}
}

func TestListsAreTakenApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.StringMatching(`[a\\n\n]{1,4}`), 1, 4).Draw(t, "items")
		if d := cmp.Diff(items, schema.Items(schema.List(items))); d != "" {
			t.Fatal(d)
		}
	})
	if schema.Items("") != nil {
		t.Error("an empty list has items")
	}
}

func TestAttrs(t *testing.T) {
	a := schema.NewAttrs("b", "2", "a", "1", "c", "")
	if a.Has("c") || a.Get("a") != "1" || a[0].Key != "a" {
		t.Errorf("%v", a)
	}
	if got := a.With("b", "").With("z", "9"); cmp.Diff(schema.NewAttrs("a", "1", "z", "9"), got) != "" {
		t.Errorf("%v", got)
	}
}
