// Compares our cutting of PostgreSQL's SQL with PostgreSQL's own parser. It is a
// module of its own because it needs cgo, which the product must not: cd dialect/postgres/pgquery && go test -v ./...
module github.com/bellowsdb/bellows/dialect/postgres/pgquery

go 1.26.0

require (
	github.com/bellowsdb/bellows v0.0.0
	github.com/pganalyze/pg_query_go/v6 v6.2.5
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/davecgh/go-spew v1.1.2-0.20180830191138-d8f796af33cc // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/multigres/multigres v0.1.0 // indirect
	github.com/pmezard/go-difflib v1.0.1-0.20181226105442-5d4384ee4fb2 // indirect
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	github.com/stretchr/testify v1.11.1 // indirect
	golang.org/x/tools v0.52.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/bellowsdb/bellows => ../../..
