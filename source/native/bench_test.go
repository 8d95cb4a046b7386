package native

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bellowsdb/bellows/source"
)

// many writes n migrations of a usual size.
func many(b *testing.B, n int) string {
	dir := b.TempDir()
	for i := range n {
		text := fmt.Sprintf("-- migrate:revises %d\n\n-- migrate:up\nCREATE TABLE t%d (id bigint PRIMARY KEY, a text NOT NULL, b integer, c text, d timestamptz);\n"+
			"CREATE INDEX t%d_a ON t%d (a);\n\n-- migrate:down\nDROP TABLE t%d;\n", 20260101000000+i-1, i, i, i, i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d_create_t%d.sql", 20260101000000+i, i)), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

func BenchmarkOpen(b *testing.B) {
	const n = 5000
	dir := many(b, n)
	floor := func(b *testing.B) {
		for b.Loop() {
			names, err := os.ReadDir(dir)
			if err != nil || len(names) != n {
				b.Fatal(err)
			}
			for _, name := range names {
				if _, err := os.ReadFile(filepath.Join(dir, name.Name())); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	open := func(opts source.Options) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f, err := Open(opts)
				if err != nil || len(f.Revisions()) != n {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("floor: os.ReadFile each", floor)
	b.Run("disk", open(source.Options{Dir: dir}))
	b.Run("fs.FS", open(source.Options{FS: os.DirFS(dir)}))
}
