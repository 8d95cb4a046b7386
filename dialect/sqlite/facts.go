package sqlite

import "github.com/bellowsdb/bellows/plan"

// lockFile is the one lock there is for whoever writes.
const lockFile plan.Lock = "EXCLUSIVE"

// work is what a statement does to a table while it holds the lock.
type work struct{ scans, rewrites bool }

// Why a statement cannot run inside a transaction (measured on 3.40 and 3.54).
const (
	noTxVacuum = "it copies the whole database file in a transaction of its own"
	noTxDetach = "a database that the transaction uses cannot be detached"
)

// aloneWhy says of the pragmas that set nothing inside a transaction, or fail
// there, why.
var aloneWhy = map[string]string{
	"foreign_keys":   "foreign keys cannot be switched inside a transaction",
	"journal_mode":   "the journal cannot be changed inside a transaction",
	"synchronous":    "the safety level cannot be changed inside a transaction",
	"wal_checkpoint": "a checkpoint waits for the transaction to end",
}

// ignored are those of them that give no error.
var ignored = map[string]bool{"foreign_keys": true, "journal_mode": true}

// questions are the pragmas that only ask, even with an argument.
var questions = map[string]bool{
	"table_info": true, "table_xinfo": true, "table_list": true, "index_list": true, "index_info": true, "index_xinfo": true,
	"foreign_key_list": true, "foreign_key_check": true, "integrity_check": true, "quick_check": true, "database_list": true,
	"collation_list": true, "function_list": true, "module_list": true, "pragma_list": true, "compile_options": true,
	"data_version": true, "freelist_count": true, "page_count": true, "stats": true,
}

// upkeep are the pragmas that tidy up.
var upkeep = map[string]bool{
	"optimize": true, "incremental_vacuum": true, "wal_checkpoint": true, "shrink_memory": true,
}

// inFile are the pragmas whose value is kept in the file, within the transaction.
var inFile = map[string]bool{
	"user_version": true, "application_id": true, "schema_version": true,
}

// sequences is the table in which SQLite counts for AUTOINCREMENT. Its rows are
// part of the shape of other tables.
const sequences = "sqlite_sequence"
