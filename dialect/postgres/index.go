package postgres

import (
	"github.com/multigres/multigres/go/common/parser/ast"

	"github.com/bellowsdb/bellows/plan"
)

// index reads the statements that build indexes and keep tables tidy.
func (r *reading) index(tree ast.Node) bool {
	switch s := tree.(type) {
	case *ast.IndexStmt:
		r.createIndex(s)
	case *ast.ReindexStmt:
		r.reindex(s)
	case *ast.VacuumStmt:
		r.vacuum(s)
	case *ast.ClusterStmt:
		r.is("CLUSTER", plan.Admin)
		if s.Relation == nil {
			r.e.NoTx = noTxVacuum
		}
		r.touch(nameOf(s.Relation), clusterTable)
	case *ast.CreateStatsStmt:
		r.is("CREATE STATISTICS", plan.DDL)
		name := joined(parts(s.DefNames))
		for _, t := range items(s.Relations) {
			r.touch(nameIn(t), createStatistics)
			r.objectOn("statistics", name, nameIn(t))
		}
	default:
		return false
	}
	return true
}

func (r *reading) createIndex(s *ast.IndexStmt) {
	table := nameOf(s.Relation)
	name := plan.Name{}
	if s.Idxname != "" {
		name = plan.Name{Schema: table.Schema, Name: s.Idxname}
	}
	r.is("CREATE INDEX", plan.DDL)
	r.objectOn("index", name, table)
	if !s.Concurrent {
		what := createIndex
		if s.Relation != nil && !s.Relation.Inh {
			what = createIndexOnly
		}
		r.touch(table, what)
		return
	}
	r.e.Verb, r.e.NoTx = "CREATE INDEX CONCURRENTLY", noTxConcurrent
	r.touch(table, createIndexLater)
	r.e.Index = &plan.Index{Name: name, Table: table, Trusting: s.IfNotExists}
}

func (r *reading) reindex(s *ast.ReindexStmt) {
	r.is("REINDEX", plan.Admin)
	name := nameOf(s.Relation)
	later := isOn(option(s.Params, "concurrently"))
	if later {
		r.e.Verb, r.e.NoTx = "REINDEX CONCURRENTLY", noTxConcurrent
		r.e.Index = &plan.Index{Rebuild: true}
	}
	switch s.Kind {
	case ast.REINDEX_OBJECT_INDEX:
		if later {
			r.e.Index.Name = name
			r.touchIndex(name, reindexLater)
			return
		}
		r.touchIndex(name, reindexIndex)
	case ast.REINDEX_OBJECT_TABLE:
		if later {
			r.e.Index.Table = name
			r.touch(name, reindexLater)
			return
		}
		r.touch(name, reindexTable)
	default:
		r.e.NoTx = noTxVacuum
	}
}

func (r *reading) vacuum(s *ast.VacuumStmt) {
	what := vacuumTable
	switch {
	case !s.IsVacuumcmd:
		r.is("ANALYZE", plan.Admin)
		what = analyzeTable
	case isOn(option(s.Options, "full")):
		r.is("VACUUM FULL", plan.Admin)
		what = vacuumFull
	default:
		r.is("VACUUM", plan.Admin)
	}
	if s.IsVacuumcmd {
		r.e.NoTx = noTxVacuum
	}
	for _, n := range items(s.Rels) {
		if v, ok := n.(*ast.VacuumRelation); ok {
			r.touch(nameOf(v.Relation), what)
		}
	}
}
