package draw

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/schema"
)

// table is a table with columns, each "name type" and, behind it, "!" when it is
// never null; the first is the primary key.
func table(namespace, name string, columns ...string) []schema.Fact {
	facts := []schema.Fact{{ID: schema.ID{Kind: schema.Table, Schema: namespace, Name: name}}}
	for i, c := range columns {
		column, kind, _ := strings.Cut(c, " ")
		kind, filled := strings.CutSuffix(kind, "!")
		attrs := schema.NewAttrs("type", kind)
		if filled {
			attrs = attrs.With("not null", "yes")
		}
		facts = append(facts, schema.Fact{ID: schema.ID{Kind: schema.Column, Schema: namespace, On: name, Name: column}, Of: schema.Table, Order: i + 1, Attrs: attrs})
		if i == 0 {
			facts = append(facts, key(namespace, name, "pk", "primary key", "", column))
		}
	}
	return facts
}

func key(namespace, on, name, kind, to string, columns ...string) schema.Fact {
	f := schema.Fact{ID: schema.ID{Kind: schema.Constraint, Schema: namespace, On: on, Name: name}, Of: schema.Table,
		Attrs: schema.NewAttrs("type", kind, "definition", strings.ToUpper(kind)+" ("+strings.Join(columns, ", ")+")")}
	if to != "" {
		f.Needs = []schema.ID{{Kind: schema.Column, Schema: namespace, On: to, Name: "id"}}
	}
	return f
}

func shop() schema.Schema {
	var facts []schema.Fact
	for _, part := range [][]schema.Fact{
		table("public", "people", "id integer", "boss integer", "email text!", "<odd> \"name\" text"),
		table("public", "orders", "id integer", "buyer integer!", "seller integer"),
		table("public", "address", "person integer", "line text"),
		table("log", "lines", "at timestamp", "text text"),
		{key("public", "people", "boss_key", "foreign key", "people", "boss"), key("public", "orders", "buyer_key", "foreign key", "people", "buyer"),
			key("public", "orders", "seller_key", "foreign key", "people", "seller"), key("public", "address", "person_key", "foreign key", "people", "person"),
			{ID: schema.ID{Kind: schema.View, Schema: "public", Name: "no_table"}}},
	} {
		facts = append(facts, part...)
	}
	return schema.New("any", 1, facts)
}

func TestEntities(t *testing.T) {
	golden(t, "entities.mmd", EntityMermaid(shop()))
	golden(t, "entities.svg", EntitySVG(shop()))
	golden(t, "no_entities.svg", EntitySVG(schema.Schema{}))
}

// Whatever tables are called, and whatever refers to what, the picture is XML
// with a box for each, and no box lies on another.
func TestAnyEntities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var facts []schema.Fact
		n := rapid.IntRange(0, 12).Draw(t, "tables")
		for i := range n {
			name := rapid.String().Draw(t, "name") + fmt.Sprint(i)
			facts = append(facts, table("s", name, "id int", rapid.String().Draw(t, "column")+" text")...)
		}
		s := schema.New("any", 1, facts)
		all, _ := entities(s)
		for i := range rapid.IntRange(0, 2*n).Draw(t, "keys") {
			from, to := rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to")
			facts = append(facts, key("s", all[from].id.Name, fmt.Sprint("k", i), "foreign key", all[to].id.Name, "id"))
		}
		s = schema.New("any", 1, facts)
		picture := EntitySVG(s)
		boxes := 0
		for d := xml.NewDecoder(strings.NewReader(picture)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in\n%s", err, picture)
			}
			if e, ok := token.(xml.StartElement); ok && len(e.Attr) > 0 && e.Attr[0].Value == "box" {
				boxes++
			}
		}
		if boxes != n {
			t.Fatalf("%d boxes for %d tables", boxes, n)
		}
		if got := strings.Count(EntityMermaid(s), "\n"); got < n {
			t.Fatalf("%d lines for %d tables", got, n)
		}
		apart(t, s)
	})
}

func apart(t *rapid.T, s schema.Schema) {
	all, refs := entities(s)
	boxes := make([]box, len(all))
	for i, e := range all {
		boxes[i] = measured(e)
	}
	rankAll(boxes, refs)
	width, height := place(boxes, refs)
	for i, a := range boxes {
		if a.x < 0 || a.y < 0 || a.x+a.width > width || a.y+a.height > height {
			t.Fatalf("%s is outside the picture", a.title)
		}
		for _, b := range boxes[:i] {
			if a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+b.height && b.y < a.y+a.height {
				t.Fatalf("%s lies on %s", a.title, b.title)
			}
		}
	}
}
