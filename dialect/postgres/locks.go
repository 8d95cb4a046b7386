package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/plan"
)

// The lock modes, from weakest to strongest.
const (
	accessShare     plan.Lock = "ACCESS SHARE"
	rowShare        plan.Lock = "ROW SHARE"
	rowExclusive    plan.Lock = "ROW EXCLUSIVE"
	shareUpdate     plan.Lock = "SHARE UPDATE EXCLUSIVE"
	share           plan.Lock = "SHARE"
	shareRow        plan.Lock = "SHARE ROW EXCLUSIVE"
	exclusive       plan.Lock = "EXCLUSIVE"
	accessExclusive plan.Lock = "ACCESS EXCLUSIVE"
)

// strength orders the modes; no lock is 0.
var strength = map[plan.Lock]int{
	accessShare: 1, rowShare: 2, rowExclusive: 3, shareUpdate: 4,
	share: 5, shareRow: 6, exclusive: 7, accessExclusive: 8,
}

// deed is something a statement does to one table: the row of the lock table.
type deed string

// The deeds.
const (
	addColumn           deed = "ADD COLUMN"
	addColumnCheck      deed = "ADD COLUMN with CHECK"
	addColumnReferences deed = "ADD COLUMN with REFERENCES"
	addColumnUnique     deed = "ADD COLUMN with UNIQUE or PRIMARY KEY"
	addColumnVolatile   deed = "ADD COLUMN with a volatile default"
	addColumnStored     deed = "ADD COLUMN generated, identity or serial"
	dropColumn          deed = "DROP COLUMN"
	rename              deed = "RENAME"
	renameIndex         deed = "RENAME of an index"
	alterCatalog        deed = "ALTER TABLE that changes the catalog only"
	setNotNull          deed = "SET NOT NULL"
	addCheck            deed = "ADD CHECK"
	addCheckNotValid    deed = "ADD CHECK NOT VALID"
	addForeign          deed = "ADD FOREIGN KEY"
	addForeignNotValid  deed = "ADD FOREIGN KEY NOT VALID"
	addKey              deed = "ADD UNIQUE, PRIMARY KEY or EXCLUDE"
	addKeyUsing         deed = "ADD UNIQUE or PRIMARY KEY USING INDEX"
	validate            deed = "VALIDATE CONSTRAINT"
	alterConstraint     deed = "ALTER CONSTRAINT"
	dropConstraint      deed = "DROP CONSTRAINT"
	changeType          deed = "ALTER COLUMN TYPE"
	setOptions          deed = "SET STATISTICS, SET (…), CLUSTER ON"
	rewriteTable        deed = "SET LOGGED, UNLOGGED, TABLESPACE or ACCESS METHOD"
	switchTrigger       deed = "ENABLE or DISABLE TRIGGER"
	inheritParent       deed = "INHERIT, the parent"
	leaveParent         deed = "NO INHERIT, the parent"
	attachParent        deed = "ATTACH PARTITION, the parent"
	attachChild         deed = "ATTACH PARTITION, the child"
	detachParent        deed = "DETACH PARTITION, the parent"
	detachChild         deed = "DETACH PARTITION, the child"
	detachLater         deed = "DETACH PARTITION CONCURRENTLY, the parent"
	createPartition     deed = "CREATE TABLE PARTITION OF, the parent"
	createInherits      deed = "CREATE TABLE INHERITS, the parent"
	createReferences    deed = "CREATE TABLE with REFERENCES, the referenced"
	createLike          deed = "CREATE TABLE LIKE, the model"
	dropTable           deed = "DROP TABLE"
	truncateTable       deed = "TRUNCATE"
	createIndex         deed = "CREATE INDEX"
	createIndexOnly     deed = "CREATE INDEX ON ONLY"
	createIndexLater    deed = "CREATE INDEX CONCURRENTLY"
	dropIndex           deed = "DROP INDEX"
	dropIndexLater      deed = "DROP INDEX CONCURRENTLY"
	reindexTable        deed = "REINDEX TABLE"
	reindexIndex        deed = "REINDEX INDEX, the index"
	reindexLater        deed = "REINDEX CONCURRENTLY"
	createTrigger       deed = "CREATE TRIGGER"
	dropTrigger         deed = "DROP TRIGGER"
	changePolicy        deed = "CREATE, ALTER or DROP POLICY or RULE"
	createStatistics    deed = "CREATE STATISTICS"
	comment             deed = "COMMENT"
	commentOn           deed = "COMMENT on what lives on a table"
	grant               deed = "GRANT or REVOKE"
	replaceView         deed = "CREATE OR REPLACE VIEW"
	dropView            deed = "DROP VIEW"
	refresh             deed = "REFRESH MATERIALIZED VIEW"
	refreshLater        deed = "REFRESH MATERIALIZED VIEW CONCURRENTLY"
	vacuumTable         deed = "VACUUM"
	vacuumFull          deed = "VACUUM FULL"
	analyzeTable        deed = "ANALYZE"
	clusterTable        deed = "CLUSTER"
	publish             deed = "CREATE or ALTER PUBLICATION"
	writeRows           deed = "INSERT, UPDATE, DELETE, MERGE or COPY FROM"
	lockRows            deed = "SELECT FOR UPDATE or SHARE"
)

// work is what a deed costs.
type work struct {
	lock     plan.Lock // on the table itself
	also     plan.Lock // on the table a foreign key refers to
	scans    bool      // reads the whole table under the lock
	rewrites bool      // writes the whole table anew under the lock
}

// fact is the work of a deed from one major version on.
type fact struct {
	from int
	work
}

// locks is the lock table. It was measured on servers of every major version
// from 12 to 18 and is measured again by the lock audit of this package's
// tests; where the work depends on what only the catalog knows (the old type of
// a column, a CHECK that proves a NOT NULL, a domain with a constraint), it
// says what holds without that knowledge: the worst for a change of type and
// for SET NOT NULL, the usual for the rest (CREATE INDEX ON ONLY is taken to be
// said of a partitioned table).
var locks = map[deed][]fact{
	addColumn:           {{0, work{lock: accessExclusive}}},
	addColumnCheck:      {{0, work{lock: accessExclusive, scans: true}}},
	addColumnReferences: {{0, work{lock: accessExclusive, also: shareRow}}},
	addColumnUnique:     {{0, work{lock: accessExclusive, scans: true}}},
	addColumnVolatile:   {{0, work{lock: accessExclusive, rewrites: true}}},
	addColumnStored:     {{0, work{lock: accessExclusive, rewrites: true}}},
	dropColumn:          {{0, work{lock: accessExclusive}}},
	rename:              {{0, work{lock: accessExclusive}}},
	renameIndex:         {{0, work{lock: shareUpdate}}},
	alterCatalog:        {{0, work{lock: accessExclusive}}},
	setNotNull:          {{0, work{lock: accessExclusive, scans: true}}},
	addCheck:            {{0, work{lock: accessExclusive, scans: true}}},
	addCheckNotValid:    {{0, work{lock: accessExclusive}}},
	addForeign:          {{0, work{lock: shareRow, also: shareRow, scans: true}}},
	addForeignNotValid:  {{0, work{lock: shareRow, also: shareRow}}},
	addKey:              {{0, work{lock: accessExclusive, scans: true}}},
	addKeyUsing:         {{0, work{lock: accessExclusive}}},
	validate:            {{0, work{lock: shareUpdate, scans: true}}},
	alterConstraint:     {{0, work{lock: accessExclusive}}},
	dropConstraint:      {{0, work{lock: accessExclusive}}},
	changeType:          {{0, work{lock: accessExclusive, rewrites: true}}},
	setOptions:          {{0, work{lock: shareUpdate}}},
	rewriteTable:        {{0, work{lock: accessExclusive, rewrites: true}}},
	switchTrigger:       {{0, work{lock: shareRow}}},
	inheritParent:       {{0, work{lock: shareUpdate}}},
	leaveParent:         {{0, work{lock: accessShare}}},
	attachParent:        {{0, work{lock: shareUpdate}}},
	attachChild:         {{0, work{lock: accessExclusive, scans: true}}},
	detachParent:        {{0, work{lock: accessExclusive}}},
	detachChild:         {{0, work{lock: shareUpdate}}, {14, work{lock: accessExclusive}}},
	detachLater:         {{0, work{lock: shareUpdate}}},
	createPartition:     {{0, work{lock: accessExclusive}}},
	createInherits:      {{0, work{lock: shareUpdate}}},
	createReferences:    {{0, work{lock: shareRow}}},
	createLike:          {{0, work{lock: accessShare}}},
	dropTable:           {{0, work{lock: accessExclusive}}},
	truncateTable:       {{0, work{lock: accessExclusive}}},
	createIndex:         {{0, work{lock: share, scans: true}}},
	createIndexOnly:     {{0, work{lock: share}}},
	createIndexLater:    {{0, work{lock: shareUpdate, scans: true}}},
	dropIndex:           {{0, work{lock: accessExclusive}}},
	dropIndexLater:      {{0, work{lock: shareUpdate}}},
	reindexTable:        {{0, work{lock: share, scans: true}}},
	reindexIndex:        {{0, work{lock: accessExclusive, scans: true}}},
	reindexLater:        {{0, work{lock: shareUpdate, scans: true}}},
	createTrigger:       {{0, work{lock: shareRow}}},
	dropTrigger:         {{0, work{lock: accessExclusive}}},
	changePolicy:        {{0, work{lock: accessExclusive}}},
	createStatistics:    {{0, work{lock: shareUpdate}}},
	comment:             {{0, work{lock: shareUpdate}}},
	commentOn:           {{0, work{lock: accessShare}}},
	grant:               {{0, work{}}, {18, work{lock: accessShare}}},
	replaceView:         {{0, work{lock: accessExclusive}}},
	dropView:            {{0, work{lock: accessExclusive}}},
	refresh:             {{0, work{lock: accessExclusive, rewrites: true}}},
	refreshLater:        {{0, work{lock: exclusive, scans: true}}},
	vacuumTable:         {{0, work{lock: shareUpdate, scans: true}}},
	vacuumFull:          {{0, work{lock: accessExclusive, rewrites: true}}},
	analyzeTable:        {{0, work{lock: shareUpdate}}},
	clusterTable:        {{0, work{lock: accessExclusive, rewrites: true}}},
	publish:             {{0, work{lock: shareUpdate}}},
	writeRows:           {{0, work{lock: rowExclusive}}},
	lockRows:            {{0, work{lock: rowShare}}},
}

// work is what a deed costs at the dialect's version.
func (d Dialect) work(what deed) work {
	major := d.Version() / 10000
	var w work
	for _, f := range locks[what] {
		if f.from <= major {
			w = f.work
		}
	}
	return w
}

// Why a statement cannot run inside a transaction, by PostgreSQL's own
// PreventInTransactionBlock (src/backend/access/transam/xact.c) and its callers.
const (
	noTxConcurrent = "it works in several transactions of its own"
	noTxVacuum     = "it begins and ends transactions of its own"
	noTxFiles      = "it changes files that a rollback could not take back"
	noTxConfig     = "it writes a configuration file that a rollback could not take back"
	noTxRemote     = "it changes another server, which a rollback could not take back"
	noTxDiscard    = "it drops what the transaction itself needs"
	noTxPrepared   = "it ends another transaction"
)

// steady are the built-in functions, not volatile, that people use in defaults.
// A default with any other function is taken for volatile: that is what a
// function is unless declared otherwise.
var steady = map[string]bool{
	"now": true, "transaction_timestamp": true, "statement_timestamp": true,
	"current_setting": true, "current_database": true, "current_schema": true, "session_user": true, "pg_current_xact_id": true,
	"timezone": true, "date_trunc": true, "date_part": true, "extract": true, "age": true, "make_date": true,
	"make_interval": true, "make_timestamp": true, "make_timestamptz": true, "to_timestamp": true, "to_date": true,
	"to_char": true, "to_number": true, "justify_days": true, "overlay": true, "position": true,
	"lower": true, "upper": true, "initcap": true, "md5": true, "sha256": true, "concat": true, "concat_ws": true, "format": true,
	"replace": true, "substr": true, "substring": true, "left": true, "right": true, "trim": true, "btrim": true, "ltrim": true,
	"rtrim": true, "lpad": true, "rpad": true, "repeat": true, "length": true, "char_length": true, "octet_length": true, "chr": true,
	"encode": true, "decode": true, "quote_literal": true, "quote_ident": true, "to_hex": true,
	"abs": true, "ceil": true, "ceiling": true, "floor": true, "round": true, "trunc": true, "power": true, "sqrt": true, "mod": true,
	"greatest": true, "least": true, "coalesce": true, "nullif": true, "row": true, "array_fill": true, "cardinality": true,
	"json_build_object": true, "json_build_array": true, "jsonb_build_object": true, "jsonb_build_array": true,
	"to_json": true, "to_jsonb": true, "json_object": true, "jsonb_object": true, "row_to_json": true, "array_to_json": true,
	"hstore": true, "point": true, "box": true, "circle": true, "int4range": true, "int8range": true, "numrange": true,
	"tsrange": true, "tstzrange": true, "daterange": true, "to_tsvector": true, "inet": true, "text": true, "like_escape": true,
}

// LockOf is the lock that pg_locks calls by that name: "AccessExclusiveLock".
func LockOf(mode string) plan.Lock {
	for lock := range strength {
		if strings.EqualFold(strings.ReplaceAll(string(lock), " ", "")+"Lock", mode) {
			return lock
		}
	}
	return ""
}

// Strength orders the locks, from 1; 0 is no lock.
func Strength(l plan.Lock) int { return strength[l] }
