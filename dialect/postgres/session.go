package postgres

import (
	"github.com/multigres/multigres/go/common/parser/ast"

	"github.com/bellowsdb/bellows/plan"
)

// session reads transaction control.
func (r *reading) session(tree ast.Node) bool {
	s, ok := tree.(*ast.TransactionStmt)
	if !ok {
		return false
	}
	switch s.Kind {
	case ast.TRANS_STMT_BEGIN, ast.TRANS_STMT_START:
		r.is("BEGIN", plan.Begin)
	case ast.TRANS_STMT_COMMIT:
		r.is("COMMIT", plan.Commit)
	case ast.TRANS_STMT_ROLLBACK:
		r.is("ROLLBACK", plan.Rollback)
	case ast.TRANS_STMT_SAVEPOINT:
		r.is("SAVEPOINT", plan.Savepoint)
	case ast.TRANS_STMT_RELEASE:
		r.is("RELEASE SAVEPOINT", plan.Savepoint)
	case ast.TRANS_STMT_ROLLBACK_TO:
		r.is("ROLLBACK TO SAVEPOINT", plan.Savepoint)
	case ast.TRANS_STMT_PREPARE:
		r.is("PREPARE TRANSACTION", plan.Commit)
	case ast.TRANS_STMT_COMMIT_PREPARED:
		r.is("COMMIT PREPARED", plan.Other)
		r.e.NoTx = noTxPrepared
	case ast.TRANS_STMT_ROLLBACK_PREPARED:
		r.is("ROLLBACK PREPARED", plan.Other)
		r.e.NoTx = noTxPrepared
	default:
		return false
	}
	return true
}
