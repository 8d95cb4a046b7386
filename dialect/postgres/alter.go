package postgres

import (
	"strings"

	"github.com/multigres/multigres/go/common/parser/ast"

	"github.com/bellowsdb/bellows/plan"
)

func upper(s string) string { return strings.ToUpper(s) }

// alterTable reads ALTER TABLE and the forms of ALTER INDEX, VIEW, … that are
// built like it, sub-command by sub-command.
func (r *reading) alterTable(s *ast.AlterTableStmt) {
	name, kind := nameOf(s.Relation), relationKinds[s.Objtype]
	if kind == "" {
		kind = "table"
	}
	r.is("ALTER "+upper(kind), plan.DDL)
	r.object(kind, name)
	for _, c := range items(s.Cmds) {
		cmd, ok := c.(*ast.AlterTableCmd)
		if !ok {
			continue
		}
		switch s.Objtype {
		case ast.OBJECT_SEQUENCE:
		case ast.OBJECT_INDEX:
			r.touchIndex(name, alterIndex(cmd.Subtype))
		default:
			r.alter(name, cmd)
		}
	}
}

// alter reads one sub-command.
func (r *reading) alter(table plan.Name, cmd *ast.AlterTableCmd) {
	switch cmd.Subtype {
	case ast.AT_AddColumn:
		if col, ok := cmd.Def.(*ast.ColumnDef); ok {
			r.addColumn(table, col)
			return
		}
	case ast.AT_AddConstraint:
		if c, ok := cmd.Def.(*ast.Constraint); ok {
			r.addConstraint(table, c)
			return
		}
	case ast.AT_ValidateConstraint:
		r.e.Constraints = append(r.e.Constraints, plan.Constraint{Table: table, Name: cmd.Name, Validates: true})
	case ast.AT_DropColumn:
		r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: table, Column: cmd.Name})
	case ast.AT_AddInherit:
		r.touch(nameIn(cmd.Def), inheritParent)
	case ast.AT_DropInherit:
		r.touch(nameIn(cmd.Def), leaveParent)
	case ast.AT_AttachPartition, ast.AT_DetachPartition, ast.AT_DetachPartitionFinalize:
		if p, ok := cmd.Def.(*ast.PartitionCmd); ok {
			r.partition(table, cmd.Subtype, p)
			return
		}
	}
	r.touch(table, simpleAlter(cmd.Subtype))
	r.alterKeys(table, cmd)
}

// alterKeys adds the foreign keys that go, or are checked or made anew, with a
// sub-command: the server locks both of their tables (RemoveTriggerById,
// ATPostAlterTypeParse, ATExecValidateConstraint in its source).
func (r *reading) alterKeys(table plan.Name, cmd *ast.AlterTableCmd) {
	k := plan.Keys{Lock: accessExclusive, Refer: ways(cmd.Behavior == ast.DropCascade)}
	switch cmd.Subtype {
	case ast.AT_DropConstraint:
		k.Constraint = cmd.Name
	case ast.AT_DropColumn:
		k.Column = cmd.Name
	case ast.AT_AlterColumnType:
		k.Column, k.Refer = cmd.Name, plan.Both
	case ast.AT_ValidateConstraint:
		k.Constraint, k.Lock = cmd.Name, rowShare
	default:
		return
	}
	r.keys(table, k)
}

func alterIndex(sub ast.AlterTableType) deed {
	if sub == ast.AT_AttachPartition {
		return attachParent
	}
	return simpleAlter(sub)
}

// simpleAlter is the deed of a sub-command whose kind alone decides.
func simpleAlter(sub ast.AlterTableType) deed {
	switch sub {
	case ast.AT_SetStatistics, ast.AT_SetOptions, ast.AT_ResetOptions, ast.AT_SetRelOptions, ast.AT_ResetRelOptions,
		ast.AT_ClusterOn, ast.AT_DropCluster:
		return setOptions
	case ast.AT_SetLogged, ast.AT_SetUnLogged, ast.AT_SetTableSpace, ast.AT_SetAccessMethod:
		return rewriteTable
	case ast.AT_EnableTrig, ast.AT_EnableAlwaysTrig, ast.AT_EnableReplicaTrig, ast.AT_DisableTrig, ast.AT_EnableTrigAll,
		ast.AT_DisableTrigAll, ast.AT_EnableTrigUser, ast.AT_DisableTrigUser:
		return switchTrigger
	case ast.AT_SetNotNull:
		return setNotNull
	case ast.AT_ValidateConstraint:
		return validate
	case ast.AT_AlterConstraint:
		return alterConstraint
	case ast.AT_DropConstraint:
		return dropConstraint
	case ast.AT_AlterColumnType, ast.AT_SetExpression:
		return changeType
	case ast.AT_DropColumn:
		return dropColumn
	}
	return alterCatalog
}

func (r *reading) addColumn(table plan.Name, col *ast.ColumnDef) {
	what := addColumn
	if isSerial(col.TypeName) || col.Identity != 0 {
		what = addColumnStored
	}
	if col.RawDefault != nil && isVolatile(col.RawDefault) {
		what = addColumnVolatile
	}
	r.touch(table, what)
	filled := col.RawDefault != nil
	for _, n := range items(col.Constraints) {
		c, ok := n.(*ast.Constraint)
		if !ok {
			continue
		}
		switch c.Contype {
		case ast.CONSTR_DEFAULT:
			filled = true
			if isVolatile(c.RawExpr) {
				r.touch(table, addColumnVolatile)
			}
		case ast.CONSTR_IDENTITY, ast.CONSTR_GENERATED:
			r.touch(table, addColumnStored)
		case ast.CONSTR_CHECK:
			r.touch(table, addColumnCheck)
		case ast.CONSTR_PRIMARY, ast.CONSTR_UNIQUE:
			r.touch(table, addColumnUnique)
		case ast.CONSTR_FOREIGN:
			w := r.touch(table, addColumnReferences)
			r.lock(plan.Touch{Table: nameOf(c.Pktable), Lock: w.also, Scans: filled})
		}
	}
}

func (r *reading) addConstraint(table plan.Name, c *ast.Constraint) {
	what := alterCatalog
	switch c.Contype {
	case ast.CONSTR_CHECK:
		what = addCheck
		if c.SkipValidation {
			what = addCheckNotValid
		}
	case ast.CONSTR_FOREIGN:
		what = addForeign
		if c.SkipValidation {
			what = addForeignNotValid
		}
	case ast.CONSTR_PRIMARY, ast.CONSTR_UNIQUE, ast.CONSTR_EXCLUSION:
		what = addKey
		if c.Indexname != "" {
			what = addKeyUsing
		}
	case ast.CONSTR_NOTNULL:
		what = setNotNull
		if c.SkipValidation {
			what = alterCatalog
		}
	}
	w := r.touch(table, what)
	r.constraint(table, c)
	if c.Contype == ast.CONSTR_FOREIGN && nameOf(c.Pktable) != table {
		r.lock(plan.Touch{Table: nameOf(c.Pktable), Lock: w.also, Scans: w.scans})
	}
}

// constraintKinds are the kinds of constraint that are about rows.
var constraintKinds = map[ast.ConstrType]string{
	ast.CONSTR_CHECK:     "check",
	ast.CONSTR_FOREIGN:   "foreign key",
	ast.CONSTR_PRIMARY:   "primary key",
	ast.CONSTR_UNIQUE:    "unique",
	ast.CONSTR_EXCLUSION: "exclude",
	ast.CONSTR_NOTNULL:   "not null",
}

func (r *reading) constraint(table plan.Name, c *ast.Constraint) {
	kind := constraintKinds[c.Contype]
	if kind == "" || c.Indexname != "" {
		return
	}
	r.e.Constraints = append(r.e.Constraints, plan.Constraint{Table: table, Name: c.Conname, Kind: kind, Later: c.SkipValidation})
}

func (r *reading) partition(parent plan.Name, sub ast.AlterTableType, p *ast.PartitionCmd) {
	child := nameOf(p.Name)
	switch {
	case sub == ast.AT_AttachPartition:
		r.touch(parent, attachParent)
		r.touch(child, attachChild)
	case sub == ast.AT_DetachPartitionFinalize:
		r.touch(parent, detachLater)
		r.touch(child, detachChild)
	case p.Concurrent:
		r.e.Verb, r.e.NoTx = "ALTER TABLE DETACH PARTITION CONCURRENTLY", noTxConcurrent
		r.e.Detach = &plan.Detach{Table: parent, Partition: child,
			Finish: "ALTER TABLE " + r.dialect.spell(parent) + " DETACH PARTITION " + r.dialect.spell(child) + " FINALIZE"}
		r.touch(parent, detachLater)
		r.touch(child, detachChild)
	default:
		r.touch(parent, detachParent)
		r.touch(child, detachChild)
	}
}

// spell is a name as SQL.
func (d Dialect) spell(n plan.Name) string {
	if n.Schema == "" {
		return d.Quote(n.Name)
	}
	return d.Quote(n.Schema) + "." + d.Quote(n.Name)
}

func isSerial(t *ast.TypeName) bool {
	if t == nil {
		return false
	}
	switch nameIn(t).Name {
	case "serial", "serial2", "serial4", "serial8", "bigserial", "smallserial":
		return true
	}
	return false
}

// isVolatile tells whether an expression calls a function that is not known to
// be steady.
func isVolatile(expr ast.Node) bool {
	found := false
	ast.Rewrite(expr, func(c *ast.Cursor) bool {
		if call, ok := c.Node().(*ast.FuncCall); ok && call != nil {
			if n := nameIn(call.Funcname); n.Schema != "" && n.Schema != "pg_catalog" || !steady[n.Name] {
				found = true
			}
		}
		return !found
	}, nil)
	return found
}
