package mysql

import "github.com/bellowsdb/bellows/plan"

// The metadata locks, as performance_schema.metadata_locks names them. Every
// ALTER takes the exclusive one for a moment at its end; what stands here is
// the lock under which its long work is done.
const (
	exclusive  plan.Lock = "EXCLUSIVE METADATA"
	upgradable plan.Lock = "SHARED UPGRADABLE"
	noWrite    plan.Lock = "SHARED NO WRITE"
	write      plan.Lock = "SHARED WRITE"
)

// strength orders the locks.
var strength = map[plan.Lock]int{write: 1, upgradable: 2, noWrite: 3, exclusive: 4}

// work is what a deed does to a table under its lock.
type work struct {
	lock            plan.Lock
	scans, rewrites bool
}

// The four ways in which an ALTER works, by the names of the servers' ALGORITHM
// and LOCK clauses.
var (
	instant = work{lock: exclusive}                  // INSTANT: the catalog only
	nocopy  = work{lock: upgradable, scans: true}    // NOCOPY or INPLACE, LOCK=NONE
	rebuild = work{lock: upgradable, rewrites: true} // INPLACE with a rebuild, LOCK=NONE
	copying = work{lock: noWrite, rewrites: true}    // COPY, LOCK=SHARED
	reading = work{lock: noWrite, scans: true}       // INPLACE, LOCK=SHARED
)

// deed is what one action of an ALTER TABLE does.
type deed string

// The deeds.
const (
	addColumn    deed = "ADD COLUMN"
	addStored    deed = "ADD COLUMN generated and stored, or with an expression default"
	dropColumn   deed = "DROP COLUMN"
	renameColumn deed = "RENAME COLUMN"
	modifyColumn deed = "MODIFY or CHANGE COLUMN"
	setDefault   deed = "SET or DROP DEFAULT"
	addIndex     deed = "ADD INDEX"
	addFullText  deed = "ADD FULLTEXT or SPATIAL"
	addPrimary   deed = "ADD or DROP PRIMARY KEY"
	addForeign   deed = "ADD FOREIGN KEY"
	addCheck     deed = "ADD CHECK"
	dropRule     deed = "DROP of an index or a constraint"
	convert      deed = "CONVERT TO CHARACTER SET"
	reorganize   deed = "ENGINE, FORCE, ROW_FORMAT, ORDER BY"
	partitioning deed = "a change of partitions"
	catalogOnly  deed = "RENAME, COMMENT, AUTO_INCREMENT and the like"
)

// fact is the work of a deed from a version on.
type fact struct {
	mysql, mariadb int // first versions; 0 is from the beginning
	work
}

// alters is what ALTER TABLE does when the server chooses the mildest way it
// can: of MariaDB measured on 10.11, of MySQL and of other versions from the
// servers' documentation. Where it depends on what only the catalog knows (the
// old type of a column), the worst is said.
var alters = map[deed][]fact{
	addColumn:    {{0, 0, rebuild}, {80012, 100300, instant}},
	addStored:    {{0, 0, copying}},
	dropColumn:   {{0, 0, rebuild}, {80029, 100400, instant}},
	renameColumn: {{0, 0, instant}},
	modifyColumn: {{0, 0, copying}},
	setDefault:   {{0, 0, instant}},
	addIndex:     {{0, 0, nocopy}},
	addFullText:  {{0, 0, reading}},
	addPrimary:   {{0, 0, rebuild}},
	addForeign:   {{0, 0, copying}},
	addCheck:     {{0, 0, copying}},
	dropRule:     {{0, 0, instant}},
	convert:      {{0, 0, copying}},
	reorganize:   {{0, 0, rebuild}},
	partitioning: {{0, 0, copying}},
	catalogOnly:  {{0, 0, instant}},
}

// work is what a deed does at the dialect's flavour and version.
func (d Dialect) work(what deed) work {
	var w work
	for _, f := range alters[what] {
		from := f.mysql
		if d.Flavour() == MariaDB {
			from = f.mariadb
		}
		if from <= d.Version() {
			w = f.work
		}
	}
	return w
}

// noTxCommits is why a statement that is no DDL ends the transaction it is in.
const noTxCommits = "it commits the transaction it is in"
