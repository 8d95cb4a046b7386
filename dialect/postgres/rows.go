package postgres

import (
	"github.com/multigres/multigres/go/common/parser/ast"

	"github.com/bellowsdb/bellows/plan"
)

// rows reads the statements that read and change rows.
func (r *reading) rows(tree ast.Node) bool {
	switch s := tree.(type) {
	case *ast.SelectStmt:
		r.selects(s)
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.MergeStmt:
		r.queries(s)
		r.is(changeVerb(s), plan.Rows)
	case *ast.CopyStmt:
		r.copies(s)
	case *ast.TruncateStmt:
		r.is("TRUNCATE", plan.Rows)
		for _, t := range items(s.Relations) {
			name := nameIn(t)
			r.touch(name, truncateTable)
			if s.Behavior == ast.DropCascade {
				r.keys(name, plan.Keys{Lock: accessExclusive, Refer: plan.In})
			}
			r.e.Changes = append(r.e.Changes, name)
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: name, Rows: true})
		}
	case *ast.ExplainStmt:
		r.explains(s)
	case *ast.DeclareCursorStmt, *ast.FetchStmt, *ast.ClosePortalStmt, *ast.VariableShowStmt:
		return false
	default:
		return false
	}
	return true
}

func changeVerb(tree ast.Node) string {
	switch tree.(type) {
	case *ast.InsertStmt:
		return "INSERT"
	case *ast.UpdateStmt:
		return "UPDATE"
	case *ast.DeleteStmt:
		return "DELETE"
	}
	return "MERGE"
}

func (r *reading) selects(s *ast.SelectStmt) {
	r.is("SELECT", plan.Query)
	if setsConfig(s) {
		r.e.Class = plan.Session
	}
	r.queries(s)
	if len(r.e.Changes) > 0 {
		r.e.Class = plan.Rows
	}
	if c := intoOf(s); c != nil {
		r.into(c)
		r.e.Verb = "SELECT INTO"
	}
}

// intoOf is the INTO of a SELECT, which the first branch of a UNION may carry.
func intoOf(s *ast.SelectStmt) *ast.IntoClause {
	for ; s != nil; s = s.Larg {
		if s.IntoClause != nil && s.IntoClause.Rel != nil {
			return s.IntoClause
		}
	}
	return nil
}

// setsConfig tells whether a SELECT does nothing but call set_config, as the
// files of pg_dump do.
func setsConfig(s *ast.SelectStmt) bool {
	targets := items(s.TargetList)
	if len(targets) == 0 || len(items(s.FromClause)) > 0 {
		return false
	}
	for _, t := range targets {
		res, ok := t.(*ast.ResTarget)
		if !ok {
			return false
		}
		call, ok := res.Val.(*ast.FuncCall)
		if !ok || nameIn(call.Funcname).Name != "set_config" {
			return false
		}
	}
	return true
}

// queries adds the tables whose rows a query changes, those of data-modifying
// WITH queries too, which stand at the top of a statement only.
func (r *reading) queries(tree ast.Node) {
	switch s := tree.(type) {
	case *ast.SelectStmt:
		if s == nil {
			return
		}
		r.with(s.WithClause)
		r.locking(s)
		if s.Larg != nil {
			r.queries(s.Larg)
			r.queries(s.Rarg)
		}
	case *ast.InsertStmt:
		r.with(s.WithClause)
		r.changes(s.Relation)
		r.queries(s.SelectStmt)
	case *ast.UpdateStmt:
		r.with(s.WithClause)
		r.changes(s.Relation)
	case *ast.DeleteStmt:
		r.with(s.WithClause)
		r.changes(s.Relation)
		if s.WhereClause == nil {
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: nameOf(s.Relation), Rows: true})
		}
	case *ast.MergeStmt:
		r.with(s.WithClause)
		r.changes(s.Relation)
	}
}

func (r *reading) with(w *ast.WithClause) {
	if w == nil {
		return
	}
	for _, n := range items(w.Ctes) {
		if cte, ok := n.(*ast.CommonTableExpr); ok {
			r.queries(cte.Ctequery)
		}
	}
}

func (r *reading) changes(v *ast.RangeVar) {
	if v == nil {
		return
	}
	name := nameOf(v)
	r.touch(name, writeRows)
	for _, n := range r.e.Changes {
		if n == name {
			return
		}
	}
	r.e.Changes = append(r.e.Changes, name)
}

// locking adds the tables of a SELECT … FOR UPDATE or SHARE.
func (r *reading) locking(s *ast.SelectStmt) {
	if len(items(s.LockingClause)) == 0 {
		return
	}
	for _, n := range items(s.FromClause) {
		if v, ok := n.(*ast.RangeVar); ok {
			r.touch(nameOf(v), lockRows)
		}
	}
}

func (r *reading) copies(s *ast.CopyStmt) {
	r.is("COPY", plan.Query)
	if !s.IsFrom {
		r.queries(s.Query)
		if len(r.e.Changes) > 0 {
			r.e.Class = plan.Rows
		}
		return
	}
	r.is("COPY", plan.Rows)
	r.changes(s.Relation)
}

func (r *reading) explains(s *ast.ExplainStmt) {
	r.is("EXPLAIN", plan.Query)
	if !isOn(option(s.Options, "analyze")) {
		return
	}
	r.e.Verb = "EXPLAIN ANALYZE"
	inner := reading{dialect: r.dialect}
	if inner.statement(s.Query) {
		verb := r.e.Verb
		r.e = inner.e
		r.e.Verb = verb
	}
}
