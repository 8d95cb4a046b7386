// Package realinput runs migration folders and schemas of other projects,
// unchanged, and compares what is in the database with what the database's own
// client makes of the same files.
//
// Charter: tests only, behind the build tag realinput; `make real` runs them. Each
// migration folder goes all the way up, all the way down and up again on each
// database that its files are for; after each leg the schema and the data must be
// those that the client leaves. Each schema is inspected, loaded and compared.
// Invariant: a file that we cannot run is accepted only when the client fails on
// it with the same message; nothing is skipped in silence, everything is counted.
// Example: go test -tags realinput ./realinput -args -folders /path/with/checkouts
package realinput
