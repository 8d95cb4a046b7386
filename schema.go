package bellows

import (
	"context"
	"io"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	mysqldialect "github.com/bellowsdb/bellows/dialect/mysql"
	postgresdialect "github.com/bellowsdb/bellows/dialect/postgres"
	sqlitedialect "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/schema"
)

// Shape is the schema of a database, in the language of the database it was
// read from. The facts, and what no fact describes, are in Schema.
type Shape struct {
	schema.Schema
	language dialect.Dialect
}

// InspectOptions say what of a database is described. The zero value is all of
// its tables, views, functions, … but for our ledger's, without who owns what.
type InspectOptions struct {
	// Schemas narrows to these, where there are schemas.
	Schemas []string
	// Owners describes owners too, so that the SQL sets them.
	Owners bool
}

// Inspect describes the schema of the database. It writes nothing.
func (m *Migrator) Inspect(ctx context.Context, o InspectOptions) (Shape, error) {
	runner, end, err := m.begin("inspect")
	if err != nil {
		return Shape{}, err
	}
	defer end()
	s, err := m.inspect(ctx, runner.Conn(), o.Schemas)
	if !o.Owners {
		s.Schema = s.Without(schema.Owner)
	}
	return s, err
}

// inspect describes a database without our ledger.
func (m *Migrator) inspect(ctx context.Context, c db.Conn, schemas []string) (Shape, error) {
	s, err := compare.Inspect(ctx, c, db.Inspection{Leave: ledger.New(c.Dialect(), m.o.Ledger).Own(), Schemas: schemas})
	return Shape{s, c.Dialect()}, err
}

// Plain is the shape without what is archived in it.
func (s Shape) Plain() Shape { return Shape{diff.Unarchived(s.Schema), s.language} }

// SQL is a script that makes the schema in an empty database, in an order in
// which it loads, for the database's own client and for Bellows. What is archived
// is not in it.
func (s Shape) SQL() (string, error) {
	if s.language == nil {
		return "", nil
	}
	return compare.Script(s.language, diff.Unarchived(s.Schema))
}

// ReadShape reads a snapshot: what [schema.Schema.WriteTo] wrote.
func ReadShape(r io.Reader) (Shape, error) {
	s, err := schema.Read(r)
	if err != nil {
		return Shape{}, fault.New(fault.File, "%s", err.Error()).Because(err).Try("bellows inspect --snapshot writes one")
	}
	for _, language := range languages(s.Version) {
		if language.Name() == s.Dialect {
			return Shape{s, language}, nil
		}
	}
	return Shape{}, fault.New(fault.Unsupported, "the snapshot is of a %q database, which this build does not know", s.Dialect)
}

// languages are all languages, at a version.
func languages(version int) []dialect.Dialect {
	return []dialect.Dialect{sqlitedialect.New(version), postgresdialect.New(version),
		mysqldialect.New(mysqldialect.MariaDB, version), mysqldialect.New(mysqldialect.MySQL, version)}
}
