package postgres

import (
	"github.com/multigres/multigres/go/common/parser/ast"

	"github.com/bellowsdb/bellows/plan"
)

// other reads the rest of the statements that lock a table, or that cannot run
// in a transaction for a reason their words do not show.
func (r *reading) other(tree ast.Node) bool {
	switch s := tree.(type) {
	case *ast.CreateTriggerStmt:
		r.createTrigger(s)
	case *ast.CreatePolicyStmt:
		r.onTable("CREATE POLICY", "policy", s.PolicyName, s.Table, changePolicy)
	case *ast.AlterPolicyStmt:
		r.onTable("ALTER POLICY", "policy", s.PolicyName, s.Table, changePolicy)
	case *ast.RuleStmt:
		r.onTable("CREATE RULE", "rule", s.Rulename, s.Relation, changePolicy)
	case *ast.CommentStmt:
		r.comment(s)
	case *ast.GrantStmt:
		r.grants(s)
	case *ast.LockStmt:
		r.lockTable(s)
	case *ast.CreatePublicationStmt:
		r.is("CREATE PUBLICATION", plan.DDL)
		r.object("publication", plan.Name{Name: s.PubName})
		r.publish(s.PubObjects)
	case *ast.AlterPublicationStmt:
		r.is("ALTER PUBLICATION", plan.DDL)
		r.object("publication", plan.Name{Name: s.PubName})
		r.publish(s.PubObjects)
	case *ast.CreateSubscriptionStmt:
		r.subscribe(s)
	case *ast.AlterSubscriptionStmt:
		r.resubscribe(s)
	case *ast.CreateSchemaStmt:
		r.createSchema(s)
	default:
		return false
	}
	return true
}

func (r *reading) onTable(verb, kind, name string, table *ast.RangeVar, what deed) {
	r.is(verb, plan.DDL)
	r.objectOn(kind, plan.Name{Name: name}, nameOf(table))
	r.touch(nameOf(table), what)
}

func (r *reading) createTrigger(s *ast.CreateTriggerStmt) {
	r.onTable("CREATE TRIGGER", "trigger", s.Trigname, s.Relation, createTrigger)
	if s.Constrrel != nil {
		r.touch(nameOf(s.Constrrel), createTrigger)
	}
}

// comment locks the relation that is spoken of, or whose column, constraint,
// trigger, rule or policy is.
func (r *reading) comment(s *ast.CommentStmt) {
	r.is("COMMENT", plan.DDL)
	list, _ := s.Object.(*ast.NodeList)
	all := parts(list)
	switch s.Objtype {
	case ast.OBJECT_TABLE, ast.OBJECT_VIEW, ast.OBJECT_MATVIEW, ast.OBJECT_FOREIGN_TABLE:
		r.touch(nameIn(s.Object), comment)
	case ast.OBJECT_INDEX:
		r.touchIndex(nameIn(s.Object), comment)
	case ast.OBJECT_COLUMN:
		if len(all) > 1 {
			r.touch(joined(all[:len(all)-1]), comment)
		}
	case ast.OBJECT_TABCONSTRAINT, ast.OBJECT_TRIGGER, ast.OBJECT_RULE, ast.OBJECT_POLICY:
		if len(all) > 1 {
			r.touch(joined(all[:len(all)-1]), commentOn)
		}
	}
}

func (r *reading) grants(s *ast.GrantStmt) {
	r.is("REVOKE", plan.DDL)
	if s.IsGrant {
		r.e.Verb = "GRANT"
	}
	if s.Targtype != ast.ACL_TARGET_OBJECT || s.Objtype != ast.OBJECT_TABLE {
		return
	}
	for _, o := range items(s.Objects) {
		r.touch(nameIn(o), grant)
	}
}

func (r *reading) lockTable(s *ast.LockStmt) {
	r.is("LOCK TABLE", plan.Other)
	for _, n := range items(s.Relations) {
		for mode, rank := range strength {
			if rank == int(s.Mode) {
				r.lock(plan.Touch{Table: nameIn(n), Lock: mode})
			}
		}
	}
}

func (r *reading) publish(objects *ast.NodeList) {
	for _, n := range items(objects) {
		if spec, ok := n.(*ast.PublicationObjSpec); ok && spec.PubTable != nil {
			r.touch(nameOf(spec.PubTable.Relation), publish)
		}
	}
}

// subscribe: making a subscription makes a slot on the publisher unless told not to.
func (r *reading) subscribe(s *ast.CreateSubscriptionStmt) {
	r.is("CREATE SUBSCRIPTION", plan.DDL)
	r.object("subscription", plan.Name{Name: s.SubName})
	slot, connect := option(s.Options, "create_slot"), option(s.Options, "connect")
	if (slot == nil || isOn(slot)) && (connect == nil || isOn(connect)) {
		r.e.NoTx = noTxRemote
	}
}

func (r *reading) resubscribe(s *ast.AlterSubscriptionStmt) {
	r.is("ALTER SUBSCRIPTION", plan.DDL)
	r.object("subscription", plan.Name{Name: s.SubName})
	refreshes := option(s.Options, "refresh")
	switch s.Kind {
	case ast.ALTER_SUBSCRIPTION_REFRESH:
		r.e.NoTx = noTxRemote
	case ast.ALTER_SUBSCRIPTION_ADD_PUBLICATION, ast.ALTER_SUBSCRIPTION_DROP_PUBLICATION, ast.ALTER_SUBSCRIPTION_SET_PUBLICATION:
		if refreshes == nil || isOn(refreshes) {
			r.e.NoTx = noTxRemote
		}
	}
}

func (r *reading) createSchema(s *ast.CreateSchemaStmt) {
	name := s.Schemaname
	if name == "" && s.Authrole != nil {
		name = s.Authrole.Rolename
	}
	r.object("schema", plan.Name{Name: name})
	for _, el := range items(s.SchemaElts) {
		r.statement(el)
	}
	for i, n := range r.e.Creates {
		if n.Schema == "" {
			r.e.Creates[i].Schema = name
		}
	}
	for i, o := range r.e.Objects {
		if i > 0 && o.Name.Schema == "" {
			r.e.Objects[i].Name.Schema = name
		}
	}
	for i, t := range r.e.Touches {
		if t.Table.Schema == "" {
			r.e.Touches[i].Table.Schema = name
		}
	}
	r.is("CREATE SCHEMA", plan.DDL)
}
