package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/schema"
)

// Kinds that only this database has.
const (
	baseTypeKind      schema.Kind = "base type"
	shellType         schema.Kind = "shell type"
	defaultPrivileges schema.Kind = "default privileges"
	replicaIdentity   schema.Kind = "replica identity"
	clusterOn         schema.Kind = "cluster"
	operatorKind      schema.Kind = "operator"
	operatorClass     schema.Kind = "operator class"
	operatorFamily    schema.Kind = "operator family"
	castKind          schema.Kind = "cast"
	publicationKind   schema.Kind = "publication"
	eventTrigger      schema.Kind = "event trigger"
)

// NormalFact brings a fact from the catalog into the form in which facts are
// compared. Hidden holds what the catalog query told beside the attributes. It
// gives the facts that tie it to others, which it takes out of the attributes.
func NormalFact(f *schema.Fact, hidden map[string]string) []schema.Fact {
	switch f.ID.Kind {
	case schema.Column:
		normalIdentity(f, hidden["_identity"])
	case schema.Sequence:
		normalSequence(f)
	case schema.Constraint:
		normalConstraint(f)
	case schema.Index:
		set(f, "definition", withoutOptions(f.Get("definition"), f.Get("options")))
	case schema.View, schema.MatView:
		set(f, "definition", strings.TrimSuffix(strings.TrimSpace(f.Get("definition")), ";"))
	case schema.Function, schema.Procedure:
		set(f, "definition", strings.TrimRight(f.Get("definition"), "\n"))
	case schema.Rule:
		set(f, "definition", strings.TrimSuffix(strings.TrimSpace(f.Get("definition")), ";"))
	case schema.Table:
		return ties(f)
	}
	if f.ID.Kind == schema.MatView {
		return ties(f)
	}
	return nil
}

func set(f *schema.Fact, key, value string) { f.Attrs = f.Attrs.With(key, value) }

// ties are what a table says of one of its indexes, as facts of their own: the
// index needs the table.
func ties(f *schema.Fact) []schema.Fact {
	var all []schema.Fact
	tie := func(kind schema.Kind, index string) {
		if index == "" {
			return
		}
		all = append(all, schema.Fact{ID: schema.ID{Kind: kind, Schema: f.ID.Schema, On: f.ID.Name}, Of: f.ID.Kind, Attrs: schema.NewAttrs("index", index)})
		set(f, string(kind), "")
	}
	if index, ok := strings.CutPrefix(f.Get("replica identity"), "index "); ok {
		tie(replicaIdentity, index)
	}
	tie(clusterOn, f.Get("cluster"))
	return all
}

// limits are the largest and smallest numbers of an integer type.
func limits(kind string) (least, most string) {
	switch kind {
	case "smallint":
		return "-32768", "32767"
	case "integer":
		return "-2147483648", "2147483647"
	}
	return "-9223372036854775808", "9223372036854775807"
}

// usualRange is where a sequence of that type and direction begins and ends.
func usualRange(kind, increment string) (minimum, maximum, start string) {
	least, most := limits(kind)
	if strings.HasPrefix(increment, "-") {
		return least, "-1", "-1"
	}
	return "1", most, "1"
}

// normalSequence leaves out what is usual.
func normalSequence(f *schema.Fact) {
	minimum, maximum, start := usualRange(f.Get("type"), f.Get("increment"))
	if f.Get("minimum") != minimum || f.Get("maximum") != maximum {
		start = f.Get("minimum")
		if strings.HasPrefix(f.Get("increment"), "-") {
			start = f.Get("maximum")
		}
	}
	for key, usual := range map[string]string{"type": "bigint", "increment": "1", "cache": "1", "start": start, "minimum": minimum, "maximum": maximum} {
		if f.Get(key) == usual {
			set(f, key, "")
		}
	}
}

// normalIdentity spells the sequence of an identity column as its options.
func normalIdentity(f *schema.Fact, lines string) {
	v := strings.Split(lines, "\n")
	if lines == "" || len(v) < 8 {
		return
	}
	s := schema.Fact{Attrs: schema.NewAttrs("start", v[0], "increment", v[1], "minimum", v[2], "maximum", v[3], "cache", v[4], "type", v[6])}
	if v[5] == "t" {
		set(&s, "cycle", "yes")
	}
	normalSequence(&s)
	set(&s, "type", "")
	set(f, "identity options", sequenceOptions(&s))
	set(f, "identity sequence", v[7])
}

// sequenceOptions are a sequence's options but its type, as SQL.
func sequenceOptions(f *schema.Fact) string {
	var words []string
	for _, o := range [...][2]string{{"start", "START WITH"}, {"increment", "INCREMENT BY"}, {"minimum", "MINVALUE"}, {"maximum", "MAXVALUE"}, {"cache", "CACHE"}} {
		if v := f.Get(o[0]); v != "" {
			words = append(words, o[1]+" "+v)
		}
	}
	if f.Get("cycle") != "" {
		words = append(words, "CYCLE")
	}
	return strings.Join(words, " ")
}

// normalConstraint makes attributes of what the definition says at its end.
func normalConstraint(f *schema.Fact) {
	def := f.Get("definition")
	for _, tail := range [...][2]string{{" NOT VALID", "not valid"}, {" NOT ENFORCED", "not enforced"}} {
		if cut, ok := strings.CutSuffix(def, tail[0]); ok {
			def = cut
			set(f, tail[1], "yes")
		}
	}
	if f.Get("type") == "exclude" {
		def = withoutOptions(def, f.Get("options"))
	}
	if f.Get("type") == "foreign key" {
		for _, tail := range [...][2]string{{" INITIALLY DEFERRED", "initially deferred"}, {" DEFERRABLE", "deferrable"}} {
			if cut, ok := strings.CutSuffix(def, tail[0]); ok {
				def = cut
				set(f, tail[1], "yes")
			}
		}
	}
	set(f, "definition", def)
}

// withoutOptions takes the storage options out of a definition.
func withoutOptions(def, options string) string {
	if options == "" {
		return def
	}
	clause := " WITH (" + optionList(strings.Split(options, "\n")) + ")"
	if at := strings.LastIndex(def, clause); at >= 0 {
		return def[:at] + def[at+len(clause):]
	}
	return def
}

// optionList spells storage options.
func optionList(options []string) string {
	var list []string
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		list = append(list, optionName(name)+"="+optionValue(value))
	}
	return strings.Join(list, ", ")
}

func optionName(name string) string {
	if space, rest, ok := strings.Cut(name, "."); ok {
		return Ident(space) + "." + Ident(rest)
	}
	return Ident(name)
}

func optionValue(value string) string {
	if Ident(value) == value {
		return value
	}
	return text(value)
}
