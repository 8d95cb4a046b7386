package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// migration is one of a folder, by its number from 0.
type migration func(i int) (up, down string)

// tables makes a table of five columns and an index.
func tables(i int) (up, down string) {
	return fmt.Sprintf("CREATE TABLE items_%d (\n    id bigint PRIMARY KEY,\n    name varchar(100) NOT NULL,\n    price integer NOT NULL DEFAULT 0,\n    note text,\n    made_at timestamp\n);\nCREATE INDEX items_%d_name ON items_%d (name);\n", i, i, i),
		fmt.Sprintf("DROP TABLE items_%d;\n", i)
}

// flips is a change that costs the server the same however many went before.
func flips(i int) (up, down string) {
	if i == 0 {
		return "CREATE TABLE flips (a integer);\n", "DROP TABLE flips;\n"
	}
	return "CREATE INDEX flip ON flips (a);\nDROP INDEX flip;\n", "CREATE INDEX flip ON flips (a);\nDROP INDEX flip;\n"
}

// notes changes a table by its comment, which MariaDB does without its disk.
func notes(i int) (up, down string) {
	if i == 0 {
		return "CREATE TABLE notes (a integer);\n", "DROP TABLE notes;\n"
	}
	return fmt.Sprintf("ALTER TABLE notes COMMENT = 'after step %d', ALGORITHM = INSTANT;\n", i), fmt.Sprintf("ALTER TABLE notes COMMENT = 'after step %d';\n", i-1)
}

const firstID = 20260101000000

// folder writes n migrations in our form.
func folder(b *testing.B, n int, m migration) string {
	b.Helper()
	dir := b.TempDir()
	for i := range n {
		up, down := m(i)
		text := "-- migrate:up\n" + up + "\n-- migrate:down\n" + down
		if i > 0 {
			text = fmt.Sprintf("-- migrate:revises %d\n\n", firstID+i-1) + text
		}
		write(b, filepath.Join(dir, fmt.Sprintf("%d_step_%d.sql", firstID+i, i)), text)
	}
	return dir
}

// gooseFolder writes the same migrations in the form of goose.
func gooseFolder(b *testing.B, n int, m migration) string {
	b.Helper()
	dir := b.TempDir()
	for i := range n {
		up, down := m(i)
		write(b, filepath.Join(dir, fmt.Sprintf("%d_step_%d.sql", firstID+i, i)), "-- +goose Up\n"+up+"\n-- +goose Down\n"+down)
	}
	return dir
}

// script writes the same SQL as one file, each migration between before and after.
func script(b *testing.B, n int, m migration, before, after string) string {
	b.Helper()
	var s strings.Builder
	for i := range n {
		up, _ := m(i)
		s.WriteString(before + up + after)
	}
	path := filepath.Join(b.TempDir(), "all.sql")
	write(b, path, s.String())
	return path
}

func write(b *testing.B, path, text string) {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}
