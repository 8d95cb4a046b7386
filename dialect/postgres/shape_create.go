package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// create makes a fact, with those of its action.
func (s *spelling) create(f *schema.Fact) {
	switch f.ID.Kind {
	case schema.Namespace:
		s.say("CREATE SCHEMA", Ident(f.ID.Name))
	case schema.Extension:
		s.createExtension(f)
	case schema.Table, schema.ForeignTable:
		s.createTable(f)
		return
	case schema.Column:
		s.addColumn(f)
		return
	case schema.Default:
		s.say("ALTER", s.tableWord(f), "ALTER COLUMN", Ident(f.ID.Name), "SET DEFAULT", f.Get("expression"))
	case schema.Ownership:
		s.say("ALTER SEQUENCE", on(f), "OWNED BY", f.Get("column"))
	case schema.Partition:
		s.createPartition(f)
	case schema.Constraint:
		s.createConstraint(f)
	case schema.Index:
		s.createIndex(f)
	case schema.Sequence:
		s.createSequence(f)
	case schema.View, schema.MatView:
		s.createView(f)
		return
	case replicaIdentity:
		s.say("ALTER TABLE ONLY", on(f), "REPLICA IDENTITY USING INDEX", Ident(f.Get("index")))
	case clusterOn:
		s.say("ALTER", word(f.Of), on(f), "CLUSTER ON", Ident(f.Get("index")))
	default:
		if !s.createCode(f) && !s.createType(f) && !s.createService(f) {
			s.say("-- " + f.ID.String() + " cannot be created")
		}
	}
	s.satellites(f)
}

// tableWord names the table of a column, alone: its children have facts of
// their own.
func (s *spelling) tableWord(f *schema.Fact) string {
	switch f.Of {
	case schema.View:
		return "VIEW " + on(f)
	case schema.ForeignTable:
		return "FOREIGN TABLE ONLY " + on(f)
	}
	return "TABLE ONLY " + on(f)
}

func (s *spelling) createExtension(f *schema.Fact) {
	where := ""
	if space := f.Get("schema"); space != "" {
		if _, ok := s.w.After.Find(schema.ID{Kind: schema.Namespace, Name: space}); ok || space == "pg_catalog" {
			where = "WITH SCHEMA " + Ident(space)
		}
	}
	version := ""
	if v := f.Get("version"); v != "" {
		version = "VERSION " + text(v)
	}
	s.say("CREATE EXTENSION", Ident(f.ID.Name), where, version)
}

func (s *spelling) createSequence(f *schema.Fact) {
	kind := ""
	if t := f.Get("type"); t != "" {
		kind = "AS " + t
	}
	s.say("CREATE", unlogged(f), "SEQUENCE", name(f), kind, sequenceOptions(f))
}

func unlogged(f *schema.Fact) string {
	if f.Get("unlogged") != "" {
		return "UNLOGGED"
	}
	return ""
}

// parents are the tables a new table inherits from, in order; attach tells that
// it becomes a partition afterwards.
func (s *spelling) parents(f *schema.Fact) (names []string, attach bool) {
	for _, link := range s.w.After.On(schema.Partition, f.ID.Schema, f.ID.Name) {
		if link.Get("bound") != "" {
			return nil, true
		}
		names = append(names, link.ID.Name)
	}
	return names, false
}

func (s *spelling) createTable(f *schema.Fact) {
	parents, _ := s.parents(f)
	defaults := s.foldedDefaults()
	var lines []string
	var after []*schema.Fact
	for _, p := range s.a.With {
		switch g := p.After; g.ID.Kind {
		case schema.Column:
			after = append(after, g)
			if line := s.columnLine(f, g, defaults[g.ID.Name], len(parents) > 0); line != "" {
				lines = append(lines, line)
			}
		case schema.Constraint:
			after = append(after, g)
			if g.Get("inherited") == "" || len(parents) == 0 {
				lines = append(lines, "CONSTRAINT "+Ident(g.ID.Name)+" "+constraintTail(g))
			}
		}
	}
	body := "(\n    " + strings.Join(lines, ",\n    ") + "\n)"
	if len(lines) == 0 {
		body = "()"
	}
	of := ""
	if t := f.Get("of type"); t != "" {
		of = "OF " + t
		if len(lines) == 0 {
			body = ""
		}
	}
	if len(parents) > 0 {
		body += "\nINHERITS (" + strings.Join(parents, ", ") + ")"
	}
	s.say("CREATE", unlogged(f), word(f.ID.Kind), name(f), of, body, tableTail(f))
	for _, g := range after {
		if g.ID.Kind == schema.Column {
			s.afterColumn(f, g, defaults, len(parents) > 0)
		}
	}
	s.tableSwitches(f)
	s.satellites(f)
	for _, g := range after {
		s.satellites(g)
		s.indexComment(g)
	}
}

// indexComment is what is said of the index behind a key.
func (s *spelling) indexComment(f *schema.Fact) {
	if v := f.Get("index comment"); v != "" {
		s.say("COMMENT ON INDEX", dotted(f.ID.Schema, f.ID.Name), "IS", text(v))
	}
}

// tableTail is what stands behind the columns.
func tableTail(f *schema.Fact) string {
	var tail []string
	if f.ID.Kind == schema.ForeignTable {
		tail = append(tail, "\nSERVER "+Ident(f.Get("server")), foreignOptions(f.Get("server options")))
	}
	if key := f.Get("partition key"); key != "" {
		tail = append(tail, "\nPARTITION BY "+key)
	}
	return clauses(append(tail, storage(f)...)...)
}

// storage are the clauses for access method, options and tablespace.
func storage(f *schema.Fact) []string {
	var tail []string
	if am := f.Get("access method"); am != "" {
		tail = append(tail, "USING "+Ident(am))
	}
	options := f.Get("options")
	if toast := prefixed("toast.", f.Get("toast options")); toast != "" {
		options = strings.TrimPrefix(options+"\n"+toast, "\n")
	}
	if options != "" {
		tail = append(tail, "WITH ("+optionList(strings.Split(options, "\n"))+")")
	}
	if t := f.Get("tablespace"); t != "" {
		tail = append(tail, "TABLESPACE "+Ident(t))
	}
	return tail
}

func clauses(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// foldedDefaults are the defaults that are made with the table.
func (s *spelling) foldedDefaults() map[string]string {
	folded := map[string]string{}
	for _, p := range s.a.With {
		if p.After.ID.Kind == schema.Default {
			folded[p.After.ID.Name] = p.After.Get("expression")
		}
	}
	return folded
}

// columnLine is a column in CREATE TABLE; "" for one that comes with a parent
// or a type and has nothing of its own.
func (s *spelling) columnLine(table, f *schema.Fact, value string, inherits bool) string {
	if inherits && f.Get("inherited") != "" {
		return s.ownNotNull(f)
	}
	if table.Get("of type") != "" {
		if tail := columnTail(f, value); tail != "" {
			return Ident(f.ID.Name) + " WITH OPTIONS " + tail
		}
		return ""
	}
	if inherits && f.Get("not null inherited") != "" {
		plain := *f
		plain.Attrs = f.Attrs.With("not null", "").With("not null name", "")
		f = &plain
	}
	if inherits && generated(f) != "" {
		plain := *f
		s.inParents(table, f, func(c *schema.Fact) {
			if generated(c) == generated(f) { // it is inherited, and must not be said again
				plain.Attrs = f.Attrs.With("generated stored", "").With("generated virtual", "")
			}
		})
		f = &plain
	}
	if key := table.Get("partition key"); key != "" && f.Get("not null") != "" && f.Get("not null name") == "" && s.l.Dialect.Version() >= 180000 {
		// Partitions carry the parent's name for it, and may be made first.
		named := *f
		named.Attrs = f.Attrs.With("not null name", f.ID.On+"_"+f.ID.Name+"_not_null")
		f = &named
	}
	return columnHead(f) + prefix(" ", columnTail(f, value))
}

// ownNotNull is the NOT NULL constraint that a table has itself on a column that
// comes with a parent: from version 18 on it has a name, and is not the parent's.
func (s *spelling) ownNotNull(f *schema.Fact) string {
	if s.l.Dialect.Version() < 180000 || f.Get("not null") == "" || f.Get("not null inherited")+f.Get("not null not valid") != "" {
		return ""
	}
	name := f.Get("not null name")
	if name == "" {
		name = f.ID.On + "_" + f.ID.Name + "_not_null"
	}
	line := "CONSTRAINT " + Ident(name) + " NOT NULL " + Ident(f.ID.Name)
	if f.Get("not null no inherit") != "" {
		line += " NO INHERIT"
	}
	return line
}

func prefix(p, s string) string {
	if s == "" {
		return ""
	}
	return p + s
}

// columnHead is a column's name, type, compression and collation.
func columnHead(f *schema.Fact) string {
	head := Ident(f.ID.Name) + " " + f.Get("type")
	if f.Of == schema.ForeignTable {
		head += prefix(" ", foreignOptions(f.Get("server options")))
	}
	if c := f.Get("compression"); c != "" {
		head += " COMPRESSION " + c
	}
	if c := f.Get("collation"); c != "" {
		head += " COLLATE " + c
	}
	return head
}

// columnTail are a column's constraints.
func columnTail(f *schema.Fact, value string) string {
	var tail []string
	switch {
	case f.Get("generated stored") != "":
		tail = append(tail, "GENERATED ALWAYS AS ("+f.Get("generated stored")+") STORED")
	case f.Get("generated virtual") != "":
		tail = append(tail, "GENERATED ALWAYS AS ("+f.Get("generated virtual")+")")
	case value != "":
		tail = append(tail, "DEFAULT "+value)
	}
	if f.Get("not null") != "" {
		switch named := f.Get("not null name"); {
		case f.Get("not null not valid") != "":
		case named != "":
			tail = append(tail, "CONSTRAINT "+Ident(named)+" NOT NULL")
		default:
			tail = append(tail, "NOT NULL")
		}
		if f.Get("not null no inherit") != "" {
			tail = append(tail, "NO INHERIT")
		}
	}
	if kind := f.Get("identity"); kind != "" {
		tail = append(tail, identity(f))
	}
	return strings.Join(tail, " ")
}

// identity is the clause of an identity column.
func identity(f *schema.Fact) string {
	options := f.Get("identity options")
	if sequence := f.Get("identity sequence"); sequence != "" {
		options = clauses("SEQUENCE NAME "+sequence, options)
	}
	return "GENERATED " + strings.ToUpper(f.Get("identity")) + " AS IDENTITY" + prefix(" (", options) + strings.Repeat(")", min(1, len(options)))
}

// afterColumn says of a new column what CREATE TABLE cannot.
func (s *spelling) afterColumn(table, f *schema.Fact, defaults map[string]string, inherits bool) {
	column := "ALTER " + s.tableWord(f) + " ALTER COLUMN " + Ident(f.ID.Name)
	if inherits && f.Get("inherited") != "" {
		if value := defaults[f.ID.Name]; value != "" {
			s.say(column, "SET DEFAULT", value)
		} else if s.parentHasDefault(table, f) {
			s.say(column, "DROP DEFAULT")
		}
		if f.Get("not null") != "" && s.ownNotNull(f) == "" && !s.parentNotNull(table, f) {
			s.say(column, "SET NOT NULL")
		}
		s.unlikeParents(table, f, column)
	}
	if v := f.Get("not null not valid"); v != "" {
		name := f.Get("not null name")
		if name == "" {
			name = f.ID.On + "_" + f.ID.Name + "_not_null"
		}
		s.say("ALTER", s.tableWord(f), "ADD CONSTRAINT", Ident(name), "NOT NULL", Ident(f.ID.Name), "NOT VALID")
	}
	if v := f.Get("storage"); v != "" {
		s.say(column, "SET STORAGE", v)
	}
	if v := f.Get("statistics"); v != "" {
		s.say(column, "SET STATISTICS", v)
	}
	if v := f.Get("options"); v != "" {
		s.say(column, "SET ("+optionList(strings.Split(v, "\n"))+")")
	}
}

// inParents calls do with the same column of each parent.
func (s *spelling) inParents(table, f *schema.Fact, do func(parent *schema.Fact)) {
	for _, link := range s.w.After.On(schema.Partition, table.ID.Schema, table.ID.Name) {
		for _, id := range link.Needs {
			if id.Kind == schema.Table || id.Kind == schema.ForeignTable {
				if c, ok := s.w.After.Find(schema.ID{Kind: schema.Column, Schema: id.Schema, On: id.Name, Name: f.ID.Name}); ok {
					do(c)
				}
			}
		}
	}
}

// unlikeParents gives an inherited column the ways of being stored that it has
// and a parent's has not: it came with those of the parents.
func (s *spelling) unlikeParents(table, f *schema.Fact, column string) {
	differs := func(key string) (other bool) {
		s.inParents(table, f, func(c *schema.Fact) { other = other || c.Get(key) != f.Get(key) })
		return other
	}
	if differs("compression") {
		s.say(column, "SET COMPRESSION", orElse(f.Get("compression"), f.Get("compression"), "DEFAULT"))
	}
	if f.Get("storage") == "" && differs("storage") {
		s.say(column, "SET STORAGE", s.l.storage(f))
	}
}

func (s *spelling) parentHasDefault(table, f *schema.Fact) (has bool) {
	s.inParents(table, f, func(c *schema.Fact) {
		d := c.ID
		d.Kind = schema.Default
		if _, ok := s.w.After.Find(d); ok {
			has = true
		}
	})
	return has
}

func (s *spelling) parentNotNull(table, f *schema.Fact) (has bool) {
	s.inParents(table, f, func(c *schema.Fact) { has = has || c.Get("not null") != "" })
	return has
}

// tableSwitches turns on what a new table has not by itself.
func (s *spelling) tableSwitches(f *schema.Fact) {
	if f.Get("row security") != "" {
		s.say("ALTER TABLE", name(f), "ENABLE ROW LEVEL SECURITY")
	}
	if f.Get("row security forced") != "" {
		s.say("ALTER TABLE ONLY", name(f), "FORCE ROW LEVEL SECURITY")
	}
	if v := f.Get("replica identity"); v != "" {
		s.say("ALTER TABLE ONLY", name(f), "REPLICA IDENTITY", strings.ToUpper(v))
	}
}

// addColumn adds a column to a table, view or type that is there.
func (s *spelling) addColumn(f *schema.Fact) {
	switch f.Of {
	case schema.View, schema.MatView:
		s.satellites(f) // it came with the definition
		return
	case schema.Composite:
		s.say("ALTER TYPE", on(f), "ADD ATTRIBUTE", columnHead(f))
		s.satellites(f)
		return
	}
	if s.carried(f) {
		s.carryOn(f)
		return
	}
	defaults := s.foldedDefaults()
	value := defaults[f.ID.Name]
	if s.columnLater(f, defaults) {
		return
	}
	if f.Get("inherited") == "" || !s.parentAdds(f) {
		st := s.say("ALTER", word(f.Of), on(f), "ADD COLUMN", columnHead(f)+prefix(" ", columnTail(f, value)))
		if f.Get("not null") != "" && value == "" && generated(f) == "" && f.Get("identity") == "" {
			st.Hazards = append(st.Hazards, diff.Hazard{Code: diff.MayFail, Object: f.ID, Text: "a NOT NULL column without a default cannot be added to a table with rows"})
		}
	}
	table, _ := s.w.After.Find(f.Parent())
	s.afterColumn(table, f, defaults, f.Get("inherited") != "")
	if line := s.ownNotNull(f); line != "" && f.Get("inherited") != "" && s.parentAdds(f) && !s.parentNotNull(table, f) {
		s.say("ALTER TABLE ONLY", on(f), "ADD", line)
	}
	s.satellites(f)
}

// parentAdds tells whether the column comes with one added to a parent table.
func (s *spelling) parentAdds(f *schema.Fact) (adds bool) {
	table, _ := s.w.After.Find(f.Parent())
	s.inParents(table, f, func(c *schema.Fact) { adds = adds || s.w.Creates(c.ID) })
	return adds
}

func (s *spelling) createPartition(f *schema.Fact) {
	if bound := f.Get("bound"); bound != "" {
		if s.attachLater(f, bound) {
			return
		}
		s.say("ALTER TABLE ONLY", f.ID.Name, "ATTACH PARTITION", on(f), bound)
		return
	}
	s.say("ALTER TABLE", on(f), "INHERIT", f.ID.Name)
}

// constraintTail is a constraint without its name.
func constraintTail(f *schema.Fact) string {
	tail := f.Get("definition")
	for _, flag := range [...][2]string{{"deferrable", " DEFERRABLE"}, {"initially deferred", " INITIALLY DEFERRED"}, {"not enforced", " NOT ENFORCED"}} {
		if f.Get(flag[0]) != "" {
			tail += flag[1]
		}
	}
	if f.Get("not valid") != "" {
		tail += " NOT VALID"
	}
	return tail
}

func (s *spelling) createConstraint(f *schema.Fact) {
	if f.Of == schema.Domain {
		if !s.domainLater(f) {
			s.say("ALTER DOMAIN", on(f), "ADD CONSTRAINT", Ident(f.ID.Name), constraintTail(f))
		}
		return
	}
	if f.Get("inherited") != "" && s.parentConstraint(f) {
		return // it comes with the parent's
	}
	if f.Get("type") == "foreign key" && s.isKept(f) {
		return // it was the parent's, and is there
	}
	if s.constraintLater(f) {
		s.indexComment(f)
		return
	}
	only := ""
	kind := f.Get("type")
	if kind == "primary key" || kind == "unique" || kind == "exclude" {
		only = "ONLY"
	} else if kind == "foreign key" && !s.partitioned(f) {
		only = "ONLY"
	}
	s.say("ALTER", word(f.Of), only, on(f), "ADD CONSTRAINT", Ident(f.ID.Name), constraintTail(f))
	index := dotted(f.ID.Schema, f.ID.Name)
	if options := f.Get("options"); options != "" {
		s.say("ALTER INDEX", index, "SET ("+optionList(strings.Split(options, "\n"))+")")
	}
	if t := f.Get("tablespace"); t != "" {
		s.say("ALTER INDEX", index, "SET TABLESPACE", Ident(t))
	}
	s.indexComment(f)
	s.attachIndex(f)
}

// parentConstraint tells whether a parent table has the same constraint, so
// that the child gets it from there.
func (s *spelling) parentConstraint(f *schema.Fact) bool {
	for _, link := range s.w.After.On(schema.Partition, f.ID.Schema, f.ID.On) {
		for _, id := range link.Needs {
			if id.Kind == schema.Table {
				if _, ok := s.w.After.Find(schema.ID{Kind: schema.Constraint, Schema: id.Schema, On: id.Name, Name: f.ID.Name}); ok && (s.w.Stays(link.ID) || link.Get("bound") == "") {
					return true
				}
			}
		}
	}
	return false
}

func (s *spelling) partitioned(f *schema.Fact) bool {
	table, ok := s.w.After.Find(f.Parent())
	return ok && table.Get("partition key") != ""
}

// attachIndex ties an index to its parent's where the table is a partition
// already; otherwise attaching the partition does it.
func (s *spelling) attachIndex(f *schema.Fact) {
	parent := f.Get("parent")
	if parent == "" {
		return
	}
	for _, link := range s.w.After.On(schema.Partition, f.ID.Schema, f.ID.On) {
		if s.w.Stays(link.ID) || !slices.Contains(link.Needs, f.ID) {
			s.say("ALTER INDEX", parent, "ATTACH PARTITION", dotted(f.ID.Schema, f.ID.Name))
		}
	}
}

func (s *spelling) createIndex(f *schema.Fact) {
	unique, only := "", ""
	if f.Get("unique") != "" {
		unique = "UNIQUE"
	}
	if s.partitioned(f) {
		only = "ONLY"
	}
	definition, options, space := f.Get("definition"), f.Get("options"), f.Get("tablespace")
	plain := !strings.Contains(definition, " WHERE ")
	if plain && options != "" {
		definition += " WITH (" + optionList(strings.Split(options, "\n")) + ")"
	}
	if plain && space != "" {
		definition += " TABLESPACE " + Ident(space)
	}
	if s.large(f) && only == "" {
		s.buildIndex(unique, f, definition)
	} else {
		s.say("CREATE", unique, "INDEX", Ident(f.ID.Name), "ON", only, on(f), definition)
		if s.large(f) || s.partOfLarge(f) || f.Of == schema.MatView && s.fillsLong(f.Parent()) {
			s.stage(diff.Build) // it is of use when all parts have theirs
		}
	}
	if !plain && options != "" {
		s.say("ALTER INDEX", name(f), "SET ("+optionList(strings.Split(options, "\n"))+")")
	}
	if !plain && space != "" {
		s.say("ALTER INDEX", name(f), "SET TABLESPACE", Ident(space))
	}
	s.indexStatistics(f, "")
	s.attachIndex(f)
}

// indexStatistics sets the targets of an index's expressions.
func (s *spelling) indexStatistics(f *schema.Fact, before string) {
	now := strings.Split(f.Get("statistics"), "\n")
	for _, line := range now {
		if n, target, ok := strings.Cut(line, " "); ok {
			s.say("ALTER INDEX", name(f), "ALTER COLUMN", n, "SET STATISTICS", target)
		}
	}
	for _, line := range strings.Split(before, "\n") {
		n, _, ok := strings.Cut(line, " ")
		if ok && !slices.ContainsFunc(now, func(l string) bool { return strings.HasPrefix(l, n+" ") }) {
			s.say("ALTER INDEX", name(f), "ALTER COLUMN", n, "SET STATISTICS -1")
		}
	}
}

func (s *spelling) createView(f *schema.Fact) {
	tail := ""
	if f.ID.Kind == schema.MatView && f.Get("not populated") != "" {
		tail = "\nWITH NO DATA"
	}
	s.say("CREATE", word(f.ID.Kind), name(f), clauses(storage(f)...), "AS\n"+f.Get("definition")+tail)
	if tail == "" && s.fillsLong(f.ID) {
		s.stage(diff.Build)
	}
	if v := f.Get("replica identity"); v != "" {
		s.say("ALTER MATERIALIZED VIEW", name(f), "REPLICA IDENTITY", strings.ToUpper(v))
	}
	s.satellites(f)
	for _, p := range s.a.With {
		if p.After.ID.Kind == schema.Column {
			if f.ID.Kind == schema.MatView {
				s.matViewColumn(p.After)
			}
			s.satellites(p.After)
		}
	}
}

// matViewColumn sets what a materialized view's column has of its own.
func (s *spelling) matViewColumn(f *schema.Fact) {
	column := "ALTER MATERIALIZED VIEW " + on(f) + " ALTER COLUMN " + Ident(f.ID.Name)
	if v := f.Get("storage"); v != "" {
		s.say(column, "SET STORAGE", v)
	}
	if v := f.Get("compression"); v != "" {
		s.say(column, "SET COMPRESSION", v)
	}
	if v := f.Get("statistics"); v != "" {
		s.say(column, "SET STATISTICS", v)
	}
	if v := f.Get("options"); v != "" {
		s.say(column, "SET ("+optionList(strings.Split(v, "\n"))+")")
	}
}
