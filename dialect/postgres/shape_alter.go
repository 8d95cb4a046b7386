package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// drop takes a fact away. What lives on it goes with it.
func (s *spelling) drop(f *schema.Fact) {
	id := f.ID
	switch id.Kind {
	case schema.Column:
		s.dropColumn(f)
	case schema.Default:
		if s.w.Stays(schema.ID{Kind: schema.Column, Schema: id.Schema, On: id.On, Name: id.Name}) {
			s.say("ALTER", s.tableWord(f), "ALTER COLUMN", Ident(id.Name), "DROP DEFAULT")
		}
	case schema.Ownership:
		if s.w.Stays(schema.ID{Kind: schema.Sequence, Schema: id.Schema, Name: id.On}) {
			s.say("ALTER SEQUENCE", on(f), "OWNED BY NONE")
		}
	case schema.Sequence:
		if !s.ownerGoes(f) {
			s.say("DROP SEQUENCE", name(f))
		}
	case schema.Partition:
		if f.Get("bound") != "" {
			s.say("ALTER TABLE", id.Name, "DETACH PARTITION", on(f))
			if again, ok := s.w.After.Find(id); ok && s.large(f) && s.boundAsCheck(again, again.Get("bound")) != "" {
				s.stage(diff.Validate) // it is attached again there
			}
			s.dropKept(f)
		} else {
			s.say("ALTER TABLE", on(f), "NO INHERIT", id.Name)
		}
	case schema.Constraint:
		s.dropConstraint(f)
	case schema.Index:
		s.dropIndex(f)
	case replicaIdentity:
		if table, ok := s.w.After.Find(schema.ID{Kind: f.Of, Schema: id.Schema, Name: id.On}); ok && table.Get("replica identity") == "" {
			s.say("ALTER TABLE ONLY", on(f), "REPLICA IDENTITY DEFAULT")
		}
	case clusterOn:
		s.say("ALTER", word(f.Of), on(f), "SET WITHOUT CLUSTER")
	case defaultPrivileges:
		s.defaults(f, granted(f, s.l.Dialect.Version()), usual(f, s.l.Dialect.Version()))
	case baseTypeKind:
		s.say("DROP", object(f), "CASCADE") // its functions need it too
	case shellType:
		if f.Get("of") == "" {
			s.say("DROP", object(f))
		}
	case schema.Function:
		if !slices.ContainsFunc(f.Needs, func(id schema.ID) bool { return id.Kind == shellType && s.w.Drops(id) }) {
			s.say("DROP", object(f))
		}
	default:
		s.say("DROP", object(f))
	}
}

// keptKeys are the foreign keys of a partitioned table that its former
// partition keeps as its own.
func keptKeys(w *diff.World, link *schema.Fact) (keys []*schema.Fact) {
	for _, id := range link.Needs {
		if id.Kind != schema.Table {
			continue
		}
		for _, key := range w.Before.On(schema.Constraint, id.Schema, id.Name) {
			if key.Get("type") == "foreign key" {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// dropKept drops those that the new shape has not.
func (s *spelling) dropKept(link *schema.Fact) {
	for _, key := range keptKeys(s.w, link) {
		own := key.ID
		own.Schema, own.On = link.ID.Schema, link.ID.On
		if _, ok := s.w.After.Find(own); !ok {
			s.say("ALTER TABLE", on(link), "DROP CONSTRAINT", Ident(own.Name))
		}
	}
}

// isKept tells whether a foreign key is there since its table was detached.
func (s *spelling) isKept(f *schema.Fact) bool {
	for _, link := range s.w.Before.On(schema.Partition, f.ID.Schema, f.ID.On) {
		for _, key := range keptKeys(s.w, link) {
			if s.w.Gone(link.ID) && key.ID.Name == f.ID.Name && key.Get("definition") == f.Get("definition") {
				return true
			}
		}
	}
	return false
}

// ownerGoes tells whether the column that owns a sequence goes, and takes it along.
func (s *spelling) ownerGoes(f *schema.Fact) bool {
	link, ok := s.w.Before.Find(schema.ID{Kind: schema.Ownership, Schema: f.ID.Schema, On: f.ID.Name})
	return ok && slices.ContainsFunc(link.Needs, s.w.Drops) && !s.w.Creates(f.ID)
}

// parentGoes tells whether the index that an index is attached to goes, and
// takes it along.
func (s *spelling) parentGoes(f *schema.Fact) bool {
	if f.Get("parent") == "" {
		return false
	}
	for _, id := range f.Needs {
		if id.Kind == f.ID.Kind && id.On != f.ID.On && s.w.Drops(id) {
			return true
		}
	}
	return false
}

func (s *spelling) dropColumn(f *schema.Fact) {
	if s.carried(f) {
		s.carryOff(f)
		return
	}
	switch f.Of {
	case schema.View, schema.MatView:
		return
	case schema.Composite:
		s.say("ALTER TYPE", on(f), "DROP ATTRIBUTE", Ident(f.ID.Name))
		return
	}
	if f.Get("inherited") != "" {
		for _, link := range s.w.Before.On(schema.Partition, f.ID.Schema, f.ID.On) {
			for _, id := range link.Needs {
				if s.w.Drops(schema.ID{Kind: schema.Column, Schema: id.Schema, On: id.Name, Name: f.ID.Name}) {
					return // it goes with the parent's
				}
			}
		}
	}
	s.say("ALTER", word(f.Of), on(f), "DROP COLUMN", Ident(f.ID.Name))
}

func (s *spelling) dropConstraint(f *schema.Fact) {
	switch {
	case f.Of == schema.Domain:
		s.say("ALTER DOMAIN", on(f), "DROP CONSTRAINT", Ident(f.ID.Name))
	case s.parentGoes(f), s.swaps(f):
	case f.Get("inherited") != "" && s.inheritedGoes(f):
	default:
		s.say("ALTER", word(f.Of), on(f), "DROP CONSTRAINT", Ident(f.ID.Name))
	}
}

// inheritedGoes tells whether the constraint of a parent table goes, and takes
// the child's along.
func (s *spelling) inheritedGoes(f *schema.Fact) bool {
	for _, link := range s.w.Before.On(schema.Partition, f.ID.Schema, f.ID.On) {
		for _, id := range link.Needs {
			if s.w.Drops(schema.ID{Kind: schema.Constraint, Schema: id.Schema, On: id.Name, Name: f.ID.Name}) {
				return true
			}
		}
	}
	return false
}

// alter changes a fact in place.
func (s *spelling) alter(c *diff.Change) {
	if c.Has(schema.Owner) && !s.followsOwner(c.After) {
		s.owner(c.After, c.After.Get(schema.Owner))
	}
	if c.Has(schema.ACL) {
		s.rights(c.After, c.Before)
	}
	if c.Has(schema.Comment) {
		s.comment(c.After, c.After.Get(schema.Comment))
	}
	switch c.After.ID.Kind {
	case schema.Column:
		s.alterColumn(c)
	case schema.Table, schema.MatView, schema.View, schema.ForeignTable:
		s.alterTable(c)
	case schema.Default:
		s.alterDefault(c)
	case schema.Ownership:
		s.say("ALTER SEQUENCE", on(c.After), "OWNED BY", c.After.Get("column"))
	case schema.Constraint:
		s.alterConstraint(c)
	case schema.Index:
		s.alterIndex(c, name(c.After))
	case schema.Sequence:
		s.alterSequence(c)
	case schema.Function, schema.Procedure:
		if c.Has("definition") || c.Has("arguments") {
			s.function(c.After)
		}
	case schema.Trigger, schema.Rule:
		s.alterTrigger(c)
	case schema.Policy:
		if c.Has("roles") || c.Has("using") || c.Has("check") {
			words := policyTail(c.After)
			if c.After.Get("roles") == "" {
				words = append([]string{"TO PUBLIC"}, words...)
			}
			s.say(append([]string{"ALTER", object(c.After)}, words...)...)
		}
	default:
		s.alterOther(c)
	}
}

func (s *spelling) alterDefault(c *diff.Change) {
	if c.Has("expression") {
		s.say("ALTER", s.tableWord(c.After), "ALTER COLUMN", Ident(c.After.ID.Name), "SET DEFAULT", c.After.Get("expression"))
	}
}

// followsOwner tells whether a sequence gets its owner from its table.
func (s *spelling) followsOwner(f *schema.Fact) bool {
	if f.ID.Kind != schema.Sequence {
		return false
	}
	link, ok := s.w.Before.Find(schema.ID{Kind: schema.Ownership, Schema: f.ID.Schema, On: f.ID.Name})
	return ok && s.w.Stays(link.ID)
}

func (s *spelling) alterTable(c *diff.Change) {
	f := c.After
	table := word(f.ID.Kind) + " " + name(f)
	if c.Has("definition") && f.ID.Kind == schema.View {
		s.say("CREATE OR REPLACE VIEW", name(f), clauses(storage(f)...), "AS\n"+f.Get("definition"))
	} else if c.Has("options") {
		s.setOptions(table, c.Before.Get("options"), f.Get("options"))
	}
	if c.Has("toast options") {
		s.setOptions(table, prefixed("toast.", c.Before.Get("toast options")), prefixed("toast.", f.Get("toast options")))
	}
	if c.Has("unlogged") {
		how := "SET LOGGED"
		if f.Get("unlogged") != "" {
			how = "SET UNLOGGED"
		}
		s.say("ALTER", table, how)
	}
	if c.Has("tablespace") {
		s.say("ALTER", table, "SET TABLESPACE", orElse(Ident(f.Get("tablespace")), f.Get("tablespace"), "pg_default"))
	}
	if c.Has("access method") {
		s.say("ALTER", table, "SET ACCESS METHOD", orElse(Ident(f.Get("access method")), f.Get("access method"), "heap"))
	}
	if c.Has("row security") {
		s.say("ALTER", table, onOff(f, "row security", "ENABLE", "DISABLE")+" ROW LEVEL SECURITY")
	}
	if c.Has("row security forced") {
		s.say("ALTER", table, onOff(f, "row security forced", "FORCE", "NO FORCE")+" ROW LEVEL SECURITY")
	}
	if c.Has("of type") {
		if t := f.Get("of type"); t != "" {
			s.say("ALTER", table, "OF", t)
		} else {
			s.say("ALTER", table, "NOT OF")
		}
	}
	if c.Has("replica identity") && !s.w.Creates(schema.ID{Kind: replicaIdentity, Schema: f.ID.Schema, On: f.ID.Name}) {
		s.say("ALTER", table, "REPLICA IDENTITY", orElse(strings.ToUpper(f.Get("replica identity")), f.Get("replica identity"), "DEFAULT"))
	}
	if c.Has("server options") {
		s.say("ALTER", table, changeForeignOptions(c.Before.Get("server options"), f.Get("server options")))
	}
	if c.Has("not populated") {
		with := "WITH DATA"
		if f.Get("not populated") != "" {
			with = "WITH NO DATA"
		}
		s.say("REFRESH MATERIALIZED VIEW", name(f), with)
	}
}

func orElse(spelled, value, other string) string {
	if value == "" {
		return other
	}
	return spelled
}

func onOff(f *schema.Fact, key, yes, no string) string {
	if f.Get(key) != "" {
		return yes
	}
	return no
}

// alterColumn changes a column in place.
func (s *spelling) alterColumn(c *diff.Change) {
	f := c.After
	if f.Of == schema.View {
		return
	}
	if f.Of == schema.Composite {
		if c.Has("type") || c.Has("collation") {
			s.say("ALTER TYPE", on(f), "ALTER ATTRIBUTE", Ident(f.ID.Name), "TYPE", f.Get("type"), prefix("COLLATE ", f.Get("collation")))
		}
		return
	}
	if f.Of == schema.MatView {
		s.matViewColumn(f)
		return
	}
	table := "ALTER " + s.tableWord(f)
	column := table + " ALTER COLUMN " + Ident(f.ID.Name)
	if generated(c.Before) != generated(f) {
		if generated(f) == "" {
			s.say(column, "DROP EXPRESSION")
		} else {
			s.say(column, "SET EXPRESSION AS ("+generated(f)+")")
		}
	}
	if c.Before.Get("identity") != "" && f.Get("identity") == "" {
		s.say(column, "DROP IDENTITY")
	}
	if (c.Has("type") || c.Has("collation")) && f.Get("inherited") == "" {
		s.say("ALTER "+word(f.Of)+" "+on(f)+" ALTER COLUMN "+Ident(f.ID.Name), "TYPE", f.Get("type"), prefix("COLLATE ", f.Get("collation")), using(c)).Instead = s.changeFile(c)
	}
	later := c.Before.Get("not null") == "" && f.Get("not null") != "" && !c.Has("identity") && f.Get("not null not valid") == "" && !s.parentSetsNotNull(f)
	if !later {
		s.alterNotNull(c, table, column)
	}
	s.alterIdentity(c, column)
	for _, o := range [...][3]string{{"storage", "SET STORAGE", "DEFAULT"}, {"compression", "SET COMPRESSION", "DEFAULT"}, {"statistics", "SET STATISTICS", "-1"}} {
		if !c.Has(o[0]) {
			continue
		}
		value := orElse(f.Get(o[0]), f.Get(o[0]), o[2])
		if o[0] == "storage" {
			value = s.l.storage(f)
		}
		s.say(column, o[1], value)
	}
	if c.Has("options") {
		s.setOptions(strings.TrimPrefix(column, "ALTER "), c.Before.Get("options"), f.Get("options"))
	}
	if c.Has("server options") {
		s.say(column, changeForeignOptions(c.Before.Get("server options"), f.Get("server options")))
	}
	if later && !s.notNullLater(f, with(f, "not null", "", "not null name", "")) {
		s.alterNotNull(c, table, column)
	}
}

// storage is how a column is stored, for SET STORAGE.
func (l Language) storage(f *schema.Fact) string {
	switch v := f.Get("storage"); {
	case v != "":
		return v
	case l.Dialect.Version() < 160000:
		return usualStorage(f.Get("type"))
	}
	return "DEFAULT"
}

// usualStorage is a type's own way of being stored.
func usualStorage(t string) string {
	switch base, _ := typeParts(t); base {
	case "numeric", "inet", "cidr":
		return "MAIN"
	}
	return "EXTENDED"
}

// using is the expression of a change of type; none where the name of the type
// stays.
func using(c *diff.Change) string {
	from, _ := typeParts(c.Before.Get("type"))
	to, _ := typeParts(c.After.Get("type"))
	if from == to || generated(c.After) != "" || assigns(from, to) {
		return ""
	}
	if from == "boolean" && (to == "smallint" || to == "bigint" || to == "numeric") || to == "boolean" && (from == "smallint" || from == "bigint" || from == "numeric") {
		return "USING " + Ident(c.After.ID.Name) + "::integer::" + c.After.Get("type")
	}
	list, single := strings.HasSuffix(from, "[]"), !strings.HasSuffix(to, "[]")
	switch {
	case list && single && (to == "jsonb" || to == "json"):
		return "USING to_" + to + "(" + Ident(c.After.ID.Name) + ")"
	case list && !single, hasTextCast(from), hasTextCast(to), builtinCast(from, to):
		return "USING " + Ident(c.After.ID.Name) + "::" + c.After.Get("type")
	}
	return "USING " + Ident(c.After.ID.Name) + "::text::" + c.After.Get("type")
}

// assigns tells whether the server converts by itself.
func assigns(from, to string) bool {
	if hasTextCast(to) {
		return hasTextCast(from) || slices.ContainsFunc(castFamilies, func(family []string) bool { return slices.Contains(family, from) })
	}
	return slices.ContainsFunc(assignFamilies, func(family []string) bool { return slices.Contains(family, from) && slices.Contains(family, to) })
}

// assignFamilies are types of which each is assigned to each other.
var assignFamilies = [][]string{
	{"smallint", "integer", "bigint", "numeric", "real", "double precision"},
	{"date", "timestamp without time zone", "timestamp with time zone"}, {"json", "jsonb"}, {"inet", "cidr"},
}

func hasTextCast(t string) bool {
	return t == "text" || t == "character varying" || t == "character"
}

// families of types that cast among each other.
var castFamilies = [][]string{
	{"smallint", "integer", "bigint", "numeric", "real", "double precision", "money", "oid"},
	{"date", "timestamp without time zone", "timestamp with time zone", "time without time zone", "time with time zone", "interval"},
	{"json", "jsonb"}, {"inet", "cidr"}, {"bit", "bit varying"}, {"integer", "boolean"}, {"integer", "bit"}, {"bigint", "bit"}, {"xml", "xml"},
}

func builtinCast(from, to string) bool {
	for _, family := range castFamilies {
		if slices.Contains(family, from) && slices.Contains(family, to) {
			return true
		}
	}
	return false
}

func (s *spelling) alterNotNull(c *diff.Change, table, column string) {
	f := c.After
	was, is := c.Before.Get("not null") != "", f.Get("not null") != ""
	usual := f.ID.On + "_" + f.ID.Name + "_not_null"
	named := func(f *schema.Fact) string {
		if n := f.Get("not null name"); n != "" {
			return n
		}
		return usual
	}
	switch {
	case was && !is:
		s.say(strings.Replace(column, " ONLY ", " ", 1), "DROP NOT NULL")
	case !was && is && s.parentSetsNotNull(f):
	case !was && is && (f.Get("not null name") != "" || f.Get("not null not valid") != ""):
		valid := ""
		if f.Get("not null not valid") != "" {
			valid = "NOT VALID"
		}
		s.say(table, "ADD CONSTRAINT", Ident(named(f)), "NOT NULL", Ident(f.ID.Name), valid)
	case !was && is:
		s.say(strings.Replace(column, " ONLY ", " ", 1), "SET NOT NULL")
	case was && is:
		if c.Has("not null name") {
			s.say(table, "RENAME CONSTRAINT", Ident(named(c.Before)), "TO", Ident(named(f)))
		}
		switch {
		case !c.Has("not null not valid"):
		case f.Get("not null not valid") != "":
			s.say(table, "DROP CONSTRAINT", Ident(named(f)))
			s.say(table, "ADD CONSTRAINT", Ident(named(f)), "NOT NULL", Ident(f.ID.Name), "NOT VALID")
		default:
			s.say(strings.Replace(table, " ONLY ", " ", 1), "VALIDATE CONSTRAINT", Ident(named(f)))
			if s.large(f) {
				s.stage(diff.Validate)
			}
		}
	}
}

// parentSetsNotNull tells whether the column of a parent table becomes NOT NULL
// too, and makes this one so.
func (s *spelling) parentSetsNotNull(f *schema.Fact) (sets bool) {
	table, ok := s.w.After.Find(f.Parent())
	if !ok {
		return false
	}
	s.inParents(table, f, func(parent *schema.Fact) {
		if c, ok := s.w.Alters(parent.ID); ok && c.Has("not null") && c.After.Get("not null") != "" {
			sets = true
		}
	})
	return sets
}

func (s *spelling) alterIdentity(c *diff.Change, column string) {
	f := c.After
	if f.Get("identity") == "" {
		return
	}
	if c.Before.Get("identity") == "" {
		s.say(column, "ADD", identity(f))
		return
	}
	if c.Has("identity") {
		s.say(column, "SET GENERATED", strings.ToUpper(f.Get("identity")))
	}
	if c.Has("identity sequence") {
		usual := dotted(f.ID.Schema, f.ID.On+"_"+f.ID.Name+"_seq")
		from, to := orElse(c.Before.Get("identity sequence"), c.Before.Get("identity sequence"), usual), orElse(f.Get("identity sequence"), f.Get("identity sequence"), usual)
		if at := strings.LastIndex(to, "."); at >= 0 {
			s.say("ALTER SEQUENCE", from, "RENAME TO", to[at+1:])
		}
	}
	if c.Has("identity options") {
		s.say(column, identityOptions(c.Before.Get("identity options"), f.Get("identity options"), f.Get("type")))
	}
}

// identityOptions spells SET … for those that differ, back to the usual for
// those that are gone.
func identityOptions(before, after, kind string) string {
	var words []string
	minimum, maximum, start := usualRange(kind, "1")
	for _, o := range [...][2]string{{"START WITH", start}, {"INCREMENT BY", "1"}, {"MINVALUE", minimum}, {"MAXVALUE", maximum}, {"CACHE", "1"}} {
		old, new := optionIn(before, o[0]), optionIn(after, o[0])
		if old != new {
			words = append(words, "SET "+o[0]+" "+orElse(new, new, o[1]))
		}
	}
	switch was, is := strings.HasSuffix(before, "CYCLE"), strings.HasSuffix(after, "CYCLE"); {
	case is && !was:
		words = append(words, "SET CYCLE")
	case was && !is:
		words = append(words, "SET NO CYCLE")
	}
	return strings.Join(words, " ")
}

func optionIn(options, name string) string {
	_, rest, ok := strings.Cut(options, name+" ")
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, " ")
	return value
}

func (s *spelling) alterConstraint(c *diff.Change) {
	f := c.After
	if f.Of != schema.Domain {
		if c.Has("deferrable") || c.Has("initially deferred") {
			how := "NOT DEFERRABLE"
			if f.Get("deferrable") != "" {
				how = "DEFERRABLE INITIALLY " + onOff(f, "initially deferred", "DEFERRED", "IMMEDIATE")
			}
			s.say("ALTER TABLE", on(f), "ALTER CONSTRAINT", Ident(f.ID.Name), how)
		}
		index := dotted(f.ID.Schema, f.ID.Name)
		s.alterIndex(c, index)
		if v := f.Get("index comment"); c.Has("index comment") {
			s.say("COMMENT ON INDEX", index, "IS", orElse(text(v), v, "NULL"))
		}
	}
	if c.Has("not valid") {
		what := "ALTER TABLE"
		if f.Of == schema.Domain {
			what = "ALTER DOMAIN"
		}
		s.say(what, on(f), "VALIDATE CONSTRAINT", Ident(f.ID.Name))
		if f.Of == schema.Table && s.large(f) {
			s.stage(diff.Validate)
		}
	}
}

func (s *spelling) alterIndex(c *diff.Change, index string) {
	f := c.After
	if c.Has("options") {
		s.setOptions("INDEX "+index, c.Before.Get("options"), f.Get("options"))
	}
	if c.Has("tablespace") {
		s.say("ALTER INDEX", index, "SET TABLESPACE", orElse(Ident(f.Get("tablespace")), f.Get("tablespace"), "pg_default"))
	}
	if c.Has("statistics") {
		s.indexStatistics(f, c.Before.Get("statistics"))
	}
	if c.Has("invalid") && f.Get("invalid") == "" {
		if s.large(f) && !s.partitioned(f) {
			s.say("REINDEX INDEX CONCURRENTLY", index)
			s.stage(diff.Build)
		} else {
			s.say("REINDEX INDEX", index)
		}
	}
	if c.Has("parent") {
		s.attachIndex(f)
	}
}

func (s *spelling) alterSequence(c *diff.Change) {
	f := c.After
	var words []string
	if c.Has("type") {
		words = append(words, "AS "+orElse(f.Get("type"), f.Get("type"), "bigint"))
	}
	minimum, maximum, start := usualRange(f.Get("type"), f.Get("increment"))
	if m := f.Get("minimum"); m != "" && !strings.HasPrefix(f.Get("increment"), "-") {
		start = m
		if c.Has("minimum") {
			s.say("SELECT pg_catalog.setval("+text(name(f))+", "+m+", false) FROM", name(f), "WHERE last_value <", m)
		}
	}
	for _, o := range [...][3]string{{"increment", "INCREMENT BY", "1"}, {"minimum", "MINVALUE", minimum}, {"maximum", "MAXVALUE", maximum}, {"start", "START WITH", start}, {"cache", "CACHE", "1"}} {
		if c.Has(o[0]) || c.Has("type") && (o[0] == "minimum" || o[0] == "maximum") || (c.Has("increment") || c.Has("minimum")) && o[0] != "cache" {
			words = append(words, o[1]+" "+orElse(f.Get(o[0]), f.Get(o[0]), o[2]))
		}
	}
	if c.Has("cycle") {
		words = append(words, onOff(f, "cycle", "CYCLE", "NO CYCLE"))
	}
	if strings.HasPrefix(f.Get("increment"), "-") != strings.HasPrefix(c.Before.Get("increment"), "-") {
		words = append(words, "RESTART") // where it stands may be out of its new range
	}
	if len(words) > 0 {
		s.say(append([]string{"ALTER SEQUENCE", name(f)}, words...)...)
	}
	if c.Has("unlogged") {
		s.say("ALTER SEQUENCE", name(f), "SET", onOff(f, "unlogged", "UNLOGGED", "LOGGED"))
	}
}

// alterTrigger replaces a trigger or rule, and sets when it fires.
func (s *spelling) alterTrigger(c *diff.Change) {
	f := c.After
	if c.Has("definition") {
		s.say("CREATE OR REPLACE", word(f.ID.Kind), Ident(f.ID.Name), f.Get("definition"))
	}
	switch {
	case f.Get("enabled") != "":
		s.enable(f, word(f.ID.Kind))
	case c.Has("enabled"):
		s.say("ALTER TABLE", on(f), "ENABLE", word(f.ID.Kind), Ident(f.ID.Name))
	}
}

// alterOther changes the rarer kinds in place.
func (s *spelling) alterOther(c *diff.Change) {
	f := c.After
	switch f.ID.Kind {
	case schema.Extension:
		if c.Has("schema") {
			s.say("ALTER EXTENSION", name(f), "SET SCHEMA", Ident(f.Get("schema")))
		}
		if c.Has("version") {
			s.say("ALTER EXTENSION", name(f), "UPDATE TO", text(f.Get("version")))
		}
	case schema.Enum:
		s.alterEnum(c)
	case schema.Domain:
		s.alterDomain(c)
	case schema.Statistics:
		if c.Has("target") {
			s.say("ALTER STATISTICS", name(f), "SET STATISTICS", orElse(f.Get("target"), f.Get("target"), "-1"))
		}
	case replicaIdentity:
		s.say("ALTER TABLE ONLY", on(f), "REPLICA IDENTITY USING INDEX", Ident(f.Get("index")))
	case clusterOn:
		s.say("ALTER", word(f.Of), on(f), "CLUSTER ON", Ident(f.Get("index")))
	case eventTrigger:
		if c.Has("enabled") {
			words := map[string]string{"disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS", "": "ENABLE"}
			s.say("ALTER EVENT TRIGGER", name(f), words[f.Get("enabled")])
		}
	case publicationKind:
		s.alterPublication(c)
	case "server", "foreign data wrapper":
		s.alterForeign(c)
	case "text search dictionary":
		if c.Has("options") {
			s.say("ALTER TEXT SEARCH DICTIONARY", name(f), "("+dictionaryOptions(c.Before.Get("options"), f.Get("options"))+")")
		}
	case "text search configuration":
		if c.Has("mappings") {
			s.mappings(f, c.Before.Get("mappings"))
		}
	}
}

// dictionaryOptions are the new options, and the names alone of those that go.
func dictionaryOptions(before, after string) string {
	list := argumentList(after)
	for _, old := range argumentList(before) {
		name, _, _ := strings.Cut(old, " = ")
		if !slices.ContainsFunc(list, func(o string) bool { return strings.HasPrefix(o, name+" = ") }) {
			list = append(list, name)
		}
	}
	return strings.Join(slices.DeleteFunc(list, func(o string) bool { return o == "" }), ", ")
}

func (s *spelling) alterForeign(c *diff.Change) {
	f := c.After
	words := []string{}
	if c.Has("version") {
		words = append(words, "VERSION "+orElse(text(f.Get("version")), f.Get("version"), "NULL"))
	}
	for _, key := range []string{"handler", "validator"} {
		if c.Has(key) {
			up := strings.ToUpper(key)
			words = append(words, orElse(up+" "+f.Get(key), f.Get(key), "NO "+up))
		}
	}
	if c.Has("options") {
		words = append(words, changeForeignOptions(c.Before.Get("options"), f.Get("options")))
	}
	if len(words) > 0 {
		s.say("ALTER", object(f), strings.Join(words, " "))
	}
}

func (s *spelling) alterPublication(c *diff.Change) {
	f := c.After
	if c.Has("members") {
		old := strings.Split(c.Before.Get("members"), "\n")
		switch {
		case f.Get("members") != "":
			s.say("ALTER PUBLICATION", name(f), "SET", s.members(f))
		default:
			for _, m := range old {
				m, _, _ = strings.Cut(m, " (")
				m, _, _ = strings.Cut(m, " WHERE ")
				s.say("ALTER PUBLICATION", name(f), "DROP", m)
			}
		}
	}
	var list []string
	if c.Has("publish") {
		list = append(list, "publish = "+text(orElse(f.Get("publish"), f.Get("publish"), "insert, update, delete, truncate")))
	}
	if c.Has("via root") {
		list = append(list, "publish_via_partition_root = "+onOff(f, "via root", "true", "false"))
	}
	if c.Has("generated columns") {
		list = append(list, "publish_generated_columns = "+onOff(f, "generated columns", "stored", "none"))
	}
	if len(list) > 0 {
		s.say("ALTER PUBLICATION", name(f), "SET ("+strings.Join(list, ", ")+")")
	}
}

func (s *spelling) alterDomain(c *diff.Change) {
	f := c.After
	if c.Has("default") {
		if d := f.Get("default"); d != "" {
			s.say("ALTER DOMAIN", name(f), "SET DEFAULT", d)
		} else {
			s.say("ALTER DOMAIN", name(f), "DROP DEFAULT")
		}
	}
	if c.Has("not null") {
		s.say("ALTER DOMAIN", name(f), onOff(f, "not null", "SET", "DROP"), "NOT NULL")
	}
}

// alterEnum adds labels, or swaps the type for a new one where labels go or
// change their order: no server can do that in place.
func (s *spelling) alterEnum(c *diff.Change) {
	if !c.Has("labels") {
		return
	}
	f := c.After
	if !onlyAdds(c) {
		s.swapEnum(c)
		return
	}
	have := schema.Items(c.Before.Get("labels"))
	for i, label := range schema.Items(f.Get("labels")) {
		if i < len(have) && have[i] == label {
			continue
		}
		where := ""
		if i < len(have) {
			where = "BEFORE " + text(have[i])
		}
		s.say("ALTER TYPE", name(f), "ADD VALUE", text(label), where).Commit = true
		have = slices.Insert(have, i, label)
	}
}

// swapEnum makes the type anew beside the old one and moves the columns over.
// Values that the new type does not have stop it.
func (s *spelling) swapEnum(c *diff.Change) {
	f := c.After
	old := f.ID.Name + "_old"
	s.say("ALTER TYPE", name(f), "RENAME TO", Ident(old))
	s.say("CREATE TYPE", name(f), "AS ENUM ("+labels(f)+")")
	for _, user := range s.w.Users(f.ID) {
		if user.ID.Kind != schema.Column || user.Of != schema.Table || !s.w.Stays(user.ID) || user.Get("inherited") != "" {
			continue
		}
		if own, ok := s.w.Alters(user.ID); ok && own.Has("type") {
			continue
		}
		brackets := ""
		if strings.HasSuffix(user.Get("type"), "[]") {
			brackets = "[]"
		}
		st := s.say("ALTER TABLE", on(user), "ALTER COLUMN", Ident(user.ID.Name), "TYPE", name(f)+brackets, "USING", Ident(user.ID.Name)+"::text"+brackets+"::"+name(f)+brackets)
		st.Hazards = append(st.Hazards, diff.Hazard{Code: diff.MayFail, Object: user.ID, Text: "values that are no labels of the new type stop it"})
	}
	s.say("DROP TYPE", dotted(f.ID.Schema, old))
	s.satellites(f)
}
