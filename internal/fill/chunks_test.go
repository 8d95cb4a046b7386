package fill_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// keyed is a table whose key has a type, and how values of it are drawn, as SQL.
type keyed struct {
	name    string
	columns string // the table's, before those of ours
	primary string
	value   *rapid.Generator[string] // a row's values of the key's columns
	names   string
	first   []string // statements before the table is made
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func quoted(g *rapid.Generator[string]) *rapid.Generator[string] { return rapid.Map(g, literal) }

func pair(a, b *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return a.Draw(t, "a") + ", " + b.Draw(t, "b") })
}

var (
	smallInt = rapid.Map(rapid.IntRange(-20, 20), strconv.Itoa)
	wildInt  = rapid.OneOf(smallInt, rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.SampledFrom([]string{"-9223372036854775807", "9223372036854775807", "9007199254740993", "-9007199254740993", "0"}))
	// shortText holds what collations treat in their own ways.
	shortText = rapid.OneOf(rapid.StringOfN(rapid.RuneFrom([]rune("aAbBäÄß -_'\\\"%zé\u0301")), 0, 4, -1),
		rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != 0 && r < 0xD800 }), 0, 3, -1))
	uuids = rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) string {
		s := hex.EncodeToString(b)
		return "'" + strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-") + "'"
	})
	bytesHex = rapid.Map(rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 0x27, 0x5c, 0xff})), 0, 5), hex.EncodeToString)
	times    = rapid.Map(rapid.Int64Range(-100000000, 4000000000), func(n int64) string { return strconv.FormatInt(n, 10) })
)

func keyeds(engine string) []keyed {
	switch engine {
	case "postgres":
		return postgresKeys()
	case "mariadb":
		return mariadbKeys()
	}
	return sqliteKeys()
}

func one(name, kind string, value *rapid.Generator[string]) keyed {
	return keyed{name: name, columns: "k " + kind + " NOT NULL", primary: ", PRIMARY KEY (k)", value: value, names: "k"}
}

func postgresKeys() []keyed {
	floats := rapid.Map(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, math.SmallestNonzeroFloat64, 0.1})),
		func(f float64) string { return "'" + strconv.FormatFloat(f, 'g', -1, 64) + "'" })
	numerics := rapid.OneOf(rapid.SampledFrom([]string{"'NaN'", "0.00", "1e100", "-1e100", "0.1", "0.10000000000000000001"}), wildInt)
	stamps := rapid.OneOf(rapid.SampledFrom([]string{"'infinity'", "'-infinity'", "'0044-03-15 12:00:00 BC'"}),
		rapid.Map(times, func(s string) string { return "to_timestamp(" + s + ".123456)" }))
	mixed := keyed{name: "mixed", columns: "k integer NOT NULL, l text NOT NULL", value: pair(smallInt, quoted(shortText)), names: "k, l",
		primary: "); CREATE UNIQUE INDEX ON t (k ASC, l DESC"}
	return []keyed{
		one("bigint", "bigint", wildInt), one("integer", "integer", smallInt), one("uuid", "uuid", uuids), one("text", "text", quoted(shortText)),
		one("C", `text COLLATE "C"`, quoted(shortText)), one("char", "char(6)", quoted(shortText)), one("varchar", "varchar(9)", quoted(shortText)),
		one("numeric", "numeric", numerics), one("float", "double precision", floats), one("bytea", "bytea", rapid.Map(bytesHex, func(s string) string { return `'\x` + s + `'` })),
		one("timestamptz", "timestamptz", stamps), one("date", "date", rapid.Map(rapid.IntRange(-9999, 9999), func(n int) string { return fmt.Sprintf("date '2000-01-01' + %d", n) })),
		one("interval", "interval", rapid.Map(rapid.IntRange(-9999, 9999), func(n int) string {
			return fmt.Sprintf("make_interval(months => %d, days => %d, secs => %d.5)", n%7, n%5, n)
		})),
		{name: "nondeterministic", columns: "k text COLLATE nocase NOT NULL", primary: ", PRIMARY KEY (k)", value: quoted(shortText), names: "k",
			first: []string{"CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"}},
		{name: "enum", columns: "k mood NOT NULL, l integer NOT NULL", primary: ", PRIMARY KEY (k, l)", names: "k, l",
			value: pair(rapid.SampledFrom([]string{"'sad'", "'ok'", "'glad'"}), smallInt),
			first: []string{"DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad'); EXCEPTION WHEN duplicate_object THEN NULL; END $$"}},
		{name: "composite", columns: "k integer NOT NULL, l text NOT NULL, m bigint NOT NULL", primary: ", PRIMARY KEY (l, k, m)", names: "k, l, m",
			value: pair(pair(smallInt, quoted(shortText)), wildInt)},
		{name: "descending", columns: "k bigint NOT NULL", primary: "); CREATE UNIQUE INDEX ON t (k DESC", value: wildInt, names: "k"},
		mixed,
		{name: "quoted", columns: `"K ""x" bigint NOT NULL`, primary: `, PRIMARY KEY ("K ""x")`, value: wildInt, names: `"K ""x"`},
	}
}

func mariadbKeys() []keyed {
	return []keyed{
		one("bigint", "bigint", wildInt), one("unsigned", "bigint unsigned", rapid.Map(rapid.Uint64(), func(n uint64) string { return strconv.FormatUint(n, 10) })),
		one("decimal", "decimal(30,5)", rapid.Map(rapid.IntRange(-9999, 9999), func(n int) string { return fmt.Sprintf("%d.%05d", n, n&0xfff) })),
		one("varchar", "varchar(20) CHARACTER SET utf8mb4", quoted(rapid.Map(shortText, noBackslash))), one("general_ci", "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", quoted(rapid.Map(shortText, noBackslash))),
		one("bin", "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", quoted(rapid.Map(shortText, noBackslash))),
		one("latin1", "varchar(20) CHARACTER SET latin1", quoted(rapid.StringOfN(rapid.RuneFrom([]rune("aAbBäÄß z")), 0, 4, -1))),
		one("char", "char(10)", quoted(rapid.StringOfN(rapid.RuneFrom([]rune("aAb z")), 0, 4, -1))),
		one("varbinary", "varbinary(20)", rapid.Map(bytesHex, func(s string) string { return "X'" + s + "'" })),
		one("datetime", "datetime(6)", rapid.Map(times, func(s string) string { return "timestampadd(SECOND, " + s + ", '1990-01-01 00:00:00.123456')" })),
		one("uuid", "uuid", uuids), one("double", "double", rapid.Map(rapid.Float64Range(-1e300, 1e300), func(f float64) string { return strconv.FormatFloat(f, 'g', 15, 64) })),
		{name: "composite", columns: "k int NOT NULL, l varchar(20) NOT NULL", primary: ", PRIMARY KEY (l, k)", names: "k, l", value: pair(smallInt, quoted(rapid.Map(shortText, noBackslash)))},
		{name: "mixed", columns: "k int NOT NULL, l bigint NOT NULL", primary: ", UNIQUE KEY (k, l DESC)", names: "k, l", value: pair(smallInt, wildInt)},
	}
}

func noBackslash(s string) string { return strings.ReplaceAll(s, `\`, "/") }

func sqliteKeys() []keyed {
	any := rapid.OneOf(smallInt, quoted(shortText), rapid.Map(bytesHex, func(s string) string { return "X'" + s + "'" }),
		rapid.Map(rapid.Float64Range(-10, 10), func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }),
		rapid.Map(quoted(shortText), func(s string) string { return s + " || char(0) || " + s }))
	return []keyed{
		{name: "rowid", columns: "k", primary: "", value: any, names: "k"},
		{name: "alias", columns: "k INTEGER PRIMARY KEY", value: wildInt, names: "k"},
		{name: "text", columns: "k TEXT NOT NULL", primary: ", PRIMARY KEY (k)) WITHOUT ROWID --", value: any, names: "k"},
		{name: "any", columns: "k NOT NULL", primary: ", PRIMARY KEY (k)) WITHOUT ROWID --", value: any, names: "k"},
		{name: "numeric", columns: "k NUMERIC NOT NULL", primary: ", PRIMARY KEY (k)) WITHOUT ROWID --", value: any, names: "k"},
		{name: "nocase", columns: "k TEXT COLLATE NOCASE NOT NULL", primary: ", PRIMARY KEY (k)) WITHOUT ROWID --", value: quoted(shortText), names: "k"},
		{name: "mixed", columns: "k NOT NULL, l TEXT NOT NULL", primary: ", PRIMARY KEY (k DESC, l)) WITHOUT ROWID --", value: pair(any, quoted(shortText)), names: "k, l"},
		{name: "composite", columns: "k NOT NULL, l TEXT NOT NULL", primary: ", PRIMARY KEY (l, k)) WITHOUT ROWID --", value: pair(any, quoted(shortText)), names: "k, l"},
	}
}

// TestChunksCoverEveryRow: whatever the key's type and values, every row that is
// there from the beginning to the end is changed exactly once, while boundary
// rows are deleted and others inserted between the chunks.
func TestChunksCoverEveryRow(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.fresh(t)
			makeLedger(t, url)
			c := session(t, url)
			defer c.Close()
			runs, keys := 0, keyeds(e.name)
			if _, err := c.Exec(context.Background(), "CREATE TABLE uuids (k uuid)"); err != nil { // MySQL, which has no such type
				keys = slices.DeleteFunc(keys, func(k keyed) bool { return k.name == "uuid" })
			}
			rapid.Check(t, func(t *rapid.T) {
				runs++
				k := rapid.SampledFrom(keys).Draw(t, "key")
				p := property{t: t, c: c, url: url, k: k, engine: e, run: runs}
				p.check()
			})
		})
	}
}

type property struct {
	t      *rapid.T
	c      db.Conn
	url    string
	k      keyed
	engine engine
	run    int
}

func (p *property) do(sqls ...string) {
	for _, sql := range sqls {
		if _, err := p.c.Exec(context.Background(), sql); err != nil {
			p.t.Fatalf("%s: %v", sql, err)
		}
	}
}

func (p *property) number(sql string) int64 {
	rows, err := p.c.Query(context.Background(), sql)
	if err != nil {
		p.t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			p.t.Fatal(err)
		}
	}
	return n
}

// insert adds a row unless its key is there; old rows were there before.
func (p *property) insert(value string, old int) {
	head, tail := "INSERT INTO t", " ON CONFLICT DO NOTHING"
	if p.engine.name == "mariadb" {
		head, tail = "INSERT IGNORE INTO t", ""
	}
	p.do(head + " (" + p.k.names + ", old) VALUES (" + value + ", " + strconv.Itoa(old) + ")" + tail)
}

func (p *property) make() {
	p.do("DROP TABLE IF EXISTS t")
	p.do(p.k.first...)
	create := "CREATE TABLE t (" + p.k.columns + ", old int, touched int DEFAULT 0" + p.k.primary
	if strings.HasSuffix(create, "--") {
		create = strings.TrimSuffix(create, "--")
	} else {
		create += ")"
	}
	p.do(strings.Split(create, "; ")...)
}

func (p *property) check() {
	p.make()
	for _, v := range rapid.SliceOfN(p.k.value, 0, 40).Draw(p.t, "rows") {
		p.insert(v, 1)
	}
	quiet := rapid.Bool().Draw(p.t, "quiet")
	meanwhile := rapid.SliceOfN(p.k.value, 0, 8).Draw(p.t, "meanwhile")
	deletes := rapid.SliceOfN(rapid.IntRange(0, 40), 0, 5).Draw(p.t, "deletes")
	s := script("UPDATE t SET touched = touched + 1 WHERE :chunk", func(s *revision.Script) {
		s.Revision = revision.ID(strconv.Itoa(p.run))
		s.Fill.Table, s.Fill.Rows = "t", rapid.IntRange(1, 5).Draw(p.t, "size")
	})
	o := options(p.url)
	f, err := fill.Plan(context.Background(), p.c, s, revision.Up, o)
	if err != nil {
		p.t.Fatal(err)
	}
	o.Point = func(name string) {
		if name != "committed" || quiet {
			return
		}
		if len(meanwhile) > 0 {
			p.insert(meanwhile[0], 0)
			meanwhile = meanwhile[1:]
		}
		if len(deletes) > 0 {
			p.deleteNth(deletes[0])
			deletes = deletes[1:]
		}
	}
	if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
		p.t.Fatal(err)
	}
	if n := p.number("SELECT COUNT(*) FROM t WHERE old = 1 AND touched <> 1"); n > 0 {
		p.t.Fatalf("%d of %d rows of key %s (%s) were not changed exactly once", n, p.number("SELECT COUNT(*) FROM t"), p.k.name, f.Strategy)
	}
	chunks := p.engine.table("fill_chunk")
	// While nobody disturbs, a chunk that was probed for has as many rows as planned.
	if n := p.number("SELECT COUNT(*) FROM " + chunks + " WHERE run = '" + f.ID + "' AND changed <> rows_n"); n > 0 && quiet && f.Strategy == "probe" {
		p.t.Fatalf("%d chunks of key %s have another number of rows than planned", n, p.k.name)
	}
	if n := p.number("SELECT COUNT(*) FROM t WHERE touched > 1"); n > 0 {
		p.t.Fatalf("%d new rows were changed twice", n)
	}
}

// deleteNth deletes the row that is nth in the key's order.
func (p *property) deleteNth(n int) {
	row := "rowid"
	switch p.engine.name {
	case "postgres":
		row = "ctid"
	case "mariadb":
		p.do("DELETE FROM t ORDER BY " + p.k.names + " LIMIT 1")
		return
	}
	if p.engine.name == "sqlite" && strings.Contains(p.k.primary, "WITHOUT") {
		row = "(" + p.k.names + ")"
		p.do(fmt.Sprintf("DELETE FROM t WHERE %s IN (SELECT %s FROM t ORDER BY %s LIMIT 1 OFFSET %d)", row, p.k.names, p.k.names, n))
		return
	}
	p.do(fmt.Sprintf("DELETE FROM t WHERE %s IN (SELECT %s FROM t ORDER BY %s LIMIT 1 OFFSET %d)", row, row, p.k.names, n))
}
