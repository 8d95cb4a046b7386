// Package recipes tries the recipes of docs/schema.md: models of programs in
// several languages as the wanted schema.
//
// Charter: tests only, behind the build tag recipes; `make recipes` runs them.
// Invariant: what a recipe needs is installed by its own language's tool into a
// folder of the test.
// Example: make recipes
package recipes
