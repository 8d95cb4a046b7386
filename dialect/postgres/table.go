package postgres

import (
	"github.com/multigres/multigres/go/common/parser/ast"

	"github.com/bellowsdb/bellows/plan"
)

// table reads the statements that make, change and drop tables and views.
func (r *reading) table(tree ast.Node) bool {
	switch s := tree.(type) {
	case *ast.CreateStmt:
		r.createTable(s, "table")
	case *ast.CreateForeignTableStmt:
		r.createTable(s.Base, "foreign table")
	case *ast.CreateTableAsStmt:
		r.createAs(s)
	case *ast.AlterTableStmt:
		if s.Objtype == ast.OBJECT_TYPE {
			return false
		}
		r.alterTable(s)
	case *ast.RenameStmt:
		return r.rename(s)
	case *ast.AlterObjectSchemaStmt:
		return r.moveSchema(s)
	case *ast.DropStmt:
		return r.drop(s)
	case *ast.ViewStmt:
		r.createView(s)
	case *ast.RefreshMatViewStmt:
		r.is("REFRESH MATERIALIZED VIEW", plan.Admin)
		what := refresh
		if s.Concurrent {
			what = refreshLater
			r.e.Verb = "REFRESH MATERIALIZED VIEW CONCURRENTLY"
		}
		r.touch(nameOf(s.Relation), what)
	default:
		return false
	}
	return true
}

func (r *reading) createTable(s *ast.CreateStmt, kind string) {
	name := nameOf(s.Relation)
	r.is("CREATE "+upper(kind), plan.DDL)
	if isTemp(s.Relation) {
		r.is("CREATE TEMPORARY TABLE", plan.Session)
	}
	r.e.Creates = append(r.e.Creates, name)
	r.object(kind, name)
	for _, parent := range items(s.InhRelations) {
		what := createInherits
		if s.PartBound != nil {
			what = createPartition
		}
		r.touch(nameIn(parent), what)
	}
	for _, element := range items(s.TableElts) {
		switch el := element.(type) {
		case *ast.ColumnDef:
			for _, c := range items(el.Constraints) {
				r.references(name, c)
			}
		case *ast.Constraint:
			r.references(name, el)
		case *ast.TableLikeClause:
			r.touch(nameOf(el.Relation), createLike)
		}
	}
	for _, c := range s.Constraints {
		r.references(name, c)
	}
}

// references adds the table that a new table's foreign key refers to.
func (r *reading) references(own plan.Name, n ast.Node) {
	if c, ok := n.(*ast.Constraint); ok && c.Contype == ast.CONSTR_FOREIGN && nameOf(c.Pktable) != own {
		r.touch(nameOf(c.Pktable), createReferences)
	}
}

func isTemp(v *ast.RangeVar) bool {
	return v != nil && (v.RelPersistence == ast.RELPERSISTENCE_TEMP || v.SchemaName == "pg_temp")
}

func (r *reading) createAs(s *ast.CreateTableAsStmt) {
	r.queries(s.Query)
	if s.Into == nil {
		return
	}
	r.into(s.Into)
	if s.ObjType == ast.OBJECT_MATVIEW {
		r.is("CREATE MATERIALIZED VIEW", plan.DDL)
		r.e.Objects[len(r.e.Objects)-1].Kind = "materialized view"
	}
}

// into reads the target of CREATE TABLE AS and SELECT INTO.
func (r *reading) into(c *ast.IntoClause) {
	name := nameOf(c.Rel)
	r.is("CREATE TABLE AS", plan.DDL)
	if isTemp(c.Rel) {
		r.is("CREATE TEMPORARY TABLE AS", plan.Session)
	}
	r.e.Creates = append(r.e.Creates, name)
	r.object("table", name)
}

func (r *reading) createView(s *ast.ViewStmt) {
	name := nameOf(s.View)
	r.is("CREATE VIEW", plan.DDL)
	if s.Replace {
		r.touch(name, replaceView)
	}
	if isTemp(s.View) {
		r.is("CREATE TEMPORARY VIEW", plan.Session)
	}
	r.object("view", name)
}

// relationKinds are the kinds of relation that ALTER and DROP name.
var relationKinds = map[ast.ObjectType]string{
	ast.OBJECT_TABLE:         "table",
	ast.OBJECT_FOREIGN_TABLE: "foreign table",
	ast.OBJECT_INDEX:         "index",
	ast.OBJECT_VIEW:          "view",
	ast.OBJECT_MATVIEW:       "materialized view",
	ast.OBJECT_SEQUENCE:      "sequence",
}

func (r *reading) rename(s *ast.RenameStmt) bool {
	kind, name := s.RenameType, nameOf(s.Relation)
	switch kind {
	case ast.OBJECT_COLUMN:
		kind = s.RelationType
	case ast.OBJECT_TABCONSTRAINT:
		kind = ast.OBJECT_TABLE
	}
	if on := onTable[s.RenameType]; on != "" && name.Name != "" {
		r.is("ALTER "+upper(on), plan.DDL)
		r.objectOn(on, plan.Name{Name: s.Subname}, name)
		r.touch(name, rename)
		return true
	}
	word := relationKinds[kind]
	if word == "" || name.Name == "" {
		return false
	}
	r.is("ALTER "+upper(word), plan.DDL)
	r.object(word, name)
	if s.RenameType == ast.OBJECT_TABLE {
		r.e.Renames = append(r.e.Renames, plan.Rename{From: name, To: plan.Name{Schema: name.Schema, Name: s.Newname}})
	}
	switch kind {
	case ast.OBJECT_INDEX:
		r.touchIndex(name, renameIndex)
	case ast.OBJECT_SEQUENCE:
	default:
		r.touch(name, rename)
	}
	return true
}

// onTable are the kinds of object that live on a table and are named with it.
var onTable = map[ast.ObjectType]string{
	ast.OBJECT_TRIGGER: "trigger",
	ast.OBJECT_POLICY:  "policy",
	ast.OBJECT_RULE:    "rule",
}

func (r *reading) moveSchema(s *ast.AlterObjectSchemaStmt) bool {
	word := relationKinds[s.ObjectType]
	if word == "" || s.Relation == nil {
		return false
	}
	name := nameOf(s.Relation)
	r.is("ALTER "+upper(word), plan.DDL)
	r.object(word, name)
	if s.ObjectType != ast.OBJECT_SEQUENCE {
		r.touch(name, alterCatalog)
	}
	return true
}

// drop reads DROP of relations and of what lives on them; of the rest the words
// tell as much.
func (r *reading) drop(s *ast.DropStmt) bool {
	if on := onTable[s.RemoveType]; on != "" {
		all := parts(s.Objects)
		if len(all) == 0 {
			return false
		}
		name, table := plan.Name{Name: all[len(all)-1]}, joined(all[:len(all)-1])
		r.is("DROP "+upper(on), plan.DDL)
		r.objectOn(on, name, table)
		what := changePolicy
		if on == "trigger" {
			what = dropTrigger
		}
		r.touch(table, what)
		return true
	}
	word := relationKinds[s.RemoveType]
	if word == "" {
		return false
	}
	r.is("DROP "+upper(word), plan.DDL)
	for _, o := range items(s.Objects) {
		r.dropRelation(s, word, nameIn(o))
	}
	return true
}

// withDependents adds what goes with a relation that is dropped.
func (r *reading) withDependents(kind ast.ObjectType, name plan.Name) {
	switch kind {
	case ast.OBJECT_SEQUENCE:
		r.cascades("sequence", name)
	case ast.OBJECT_INDEX:
	default:
		r.keys(name, plan.Keys{Lock: accessExclusive, Refer: plan.Dependents})
	}
}

func (r *reading) dropRelation(s *ast.DropStmt, word string, name plan.Name) {
	r.object(word, name)
	if s.Behavior == ast.DropCascade {
		defer r.withDependents(s.RemoveType, name)
	}
	switch s.RemoveType {
	case ast.OBJECT_TABLE, ast.OBJECT_FOREIGN_TABLE:
		r.touch(name, dropTable)
		r.keys(name, plan.Keys{Lock: accessExclusive, Refer: ways(s.Behavior == ast.DropCascade)})
		if s.RemoveType == ast.OBJECT_TABLE {
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: name})
		}
	case ast.OBJECT_VIEW, ast.OBJECT_MATVIEW:
		r.touch(name, dropView)
	case ast.OBJECT_INDEX:
		if !s.Concurrent {
			r.touchIndex(name, dropIndex)
			return
		}
		r.e.Verb, r.e.NoTx = "DROP INDEX CONCURRENTLY", noTxConcurrent
		r.touchIndex(name, dropIndexLater)
		r.e.Index = &plan.Index{Name: name, Drop: true}
	}
}
