package arch

import "strings"

// Room is a folder of Go files and what it may do.
type Room struct {
	Path    string   // relative to the root; "." is the root; a last "*" is any one name
	Kind    Kind     // how close it is to the world
	May     []string // rooms it may import
	Outside []string // modules of others it may import, by the beginning of their path
	Clock   bool     // may read the clock and use chance
	Names   bool     // may hold names of databases as strings
}

// Kind is how close a room is to the world.
type Kind int

const (
	// Wet rooms touch files, networks and databases.
	Wet Kind = iota
	// Dry rooms hold values and functions on values.
	Dry
	// Edge rooms read the environment, print and exit.
	Edge
	// Tests are rooms that only tests use.
	Tests
)

const (
	toml      = "github.com/BurntSushi/toml"
	dotenv    = "github.com/joho/godotenv"
	cobra     = "github.com/spf13/"
	terminal  = "golang.org/x/term"
	multigres = "github.com/multigres/multigres/go/common/parser"
	pgx       = "github.com/jackc/pgx/v5"
	gomysql   = "github.com/go-sql-driver/mysql"
	gosqlite  = "modernc.org/sqlite"
)

// Rooms are the rooms of this house.
func Rooms() []Room {
	return append(dryRooms(), append(wetRooms(), edgeRooms()...)...)
}

func dryRooms() []Room {
	language := rooms("dialect dialect/internal/words diff fault plan schema sqltext")
	return []Room{
		{Path: "fault", Kind: Dry},
		{Path: "event", Kind: Dry, May: rooms("fault")},
		{Path: "schema", Kind: Dry},
		{Path: "revision", Kind: Dry, May: rooms("fault")},
		{Path: "sqltext", Kind: Dry, May: rooms("fault")},
		{Path: "diff", Kind: Dry, May: rooms("fault plan schema")},
		{Path: "plan", Kind: Dry, May: rooms("fault revision schema sqltext")},
		{Path: "dialect", Kind: Dry, May: rooms("diff fault plan revision schema sqltext")},
		{Path: "dialect/internal/words", Kind: Dry, May: rooms("dialect fault plan sqltext")},
		{Path: "dialect/postgres", Kind: Dry, May: language, Outside: []string{multigres}, Names: true},
		{Path: "dialect/mysql", Kind: Dry, May: language, Names: true},
		{Path: "dialect/sqlite", Kind: Dry, May: language, Names: true},
		{Path: "backfill/limit", Kind: Dry, May: rooms("fault")},
		{Path: "backfill", Kind: Dry, May: rooms("backfill/limit dialect fault plan revision schema sqltext")},
		{Path: "change", Kind: Dry, May: rooms("backfill dialect fault plan revision schema sqltext")},
		{Path: "lint", Kind: Dry, May: rooms("dialect fault plan revision schema sqltext")},
		{Path: "config", Kind: Dry, May: rooms("backfill/limit fault"), Outside: []string{toml, dotenv}},
	}
}

func wetRooms() []Room {
	hand := "db dialect event fault plan schema sqltext "
	reader := "fault revision source source/internal/files sqltext "
	return []Room{
		{Path: "db", May: rooms("dialect event fault plan schema sqltext")},
		{Path: "db/postgres", May: rooms(hand + "dialect/postgres"), Outside: []string{pgx}, Clock: true, Names: true},
		{Path: "db/mysql", May: rooms(hand + "dialect/mysql"), Outside: []string{gomysql}, Clock: true, Names: true},
		{Path: "db/sqlite", May: rooms(hand + "dialect/sqlite"), Outside: []string{gosqlite}, Clock: true, Names: true},
		{Path: "source", May: rooms("fault revision sqltext")},
		{Path: "source/internal/files", May: rooms("fault revision source sqltext")},
		{Path: "source/native", May: rooms(reader + "backfill/limit")},
		{Path: "source/golangmigrate", May: rooms(reader)},
		{Path: "source/dbmate", May: rooms(reader)},
		{Path: "source/diesel", May: rooms(reader), Outside: []string{toml}},
		{Path: "source/open", May: rooms(reader + "source/native source/golangmigrate source/dbmate source/diesel")},
		{Path: "internal/ledger", May: rooms("backfill db dialect event fault plan revision"), Clock: true},
		{Path: "internal/program", May: rooms("fault"), Clock: true},
		{Path: "internal/fill", May: rooms("backfill backfill/limit db dialect event fault internal/ledger internal/program plan revision sqltext"), Clock: true},
		{Path: "internal/compare", May: rooms("db dialect diff fault plan revision schema")},
		{Path: "internal/host", May: rooms("db dialect fault"), Clock: true},
		{Path: "internal/shadow", May: rooms("db fault plan sqltext")},
		{Path: "internal/replay", May: rooms("db dialect diff fault internal/compare internal/host internal/ledger internal/run internal/shadow revision schema")},
		{Path: "internal/run", May: rooms("backfill backfill/limit change db dialect event fault internal/fill internal/ledger plan revision sqltext"), Clock: true},
	}
}

func edgeRooms() []Room {
	nouns := ". diff event fault lint plan revision schema sqltext ui/answer"
	return []Room{
		{Path: ".", Clock: true, May: rooms("backfill backfill/limit change config db db/postgres db/mysql db/sqlite dialect dialect/postgres dialect/mysql dialect/sqlite " +
			"event fault internal/compare internal/fill internal/host internal/ledger internal/replay internal/run internal/shadow lint plan revision schema source source/native source/open sqltext diff")},
		{Path: "ui/answer", May: rooms(nouns)},
		{Path: "ui/text", May: rooms(nouns + " ui/draw")},
		{Path: "ui/json", May: rooms(nouns + " ui/draw")},
		{Path: "ui/draw", May: rooms(nouns)},
		{Path: "cmd/bellows", Kind: Edge, May: rooms("*"), Outside: []string{cobra, dotenv, terminal}, Clock: true, Names: true},
		{Path: "examples/*", Kind: Edge, May: rooms(nouns), Outside: []string{pgx, gomysql, gosqlite}, Clock: true, Names: true},
		{Path: "examples/posts/demo", Kind: Edge, May: rooms(nouns), Clock: true, Names: true},
		{Path: "bench", Kind: Tests},
		{Path: "realinput", Kind: Tests},
		{Path: "recipes", Kind: Tests},
		{Path: "db/dbtest", Kind: Tests},
		{Path: "db/synctest", Kind: Tests},
		{Path: "ui/internal/sample", Kind: Tests},
		{Path: "sqltext/sqltexttest", Kind: Tests},
		{Path: "internal/arch", Kind: Tests},
		{Path: "internal/testdb", Kind: Tests},
		{Path: "internal/testdb/*", Kind: Tests},
	}
}

func rooms(names string) []string { return strings.Fields(names) }

// roomOf is the room of a folder.
func roomOf(all []Room, dir string) (Room, bool) {
	for _, r := range all {
		if matches(r.Path, dir) {
			return r, true
		}
	}
	return Room{}, false
}

// matches tells whether a pattern of the table is the folder's.
func matches(pattern, dir string) bool {
	before, ok := strings.CutSuffix(pattern, "*")
	if !ok {
		return pattern == dir
	}
	rest, ok := strings.CutPrefix(dir, before)
	return ok && rest != "" && !strings.Contains(rest, "/")
}

// families are rooms whose files have the same names, so that who knows one knows
// its sisters: of these files all sisters have each, or none has it.
var families = []struct{ sisters, files []string }{
	{rooms("dialect/postgres dialect/mysql dialect/sqlite"), rooms("dialect.go lex.go split.go bare.go classify.go render.go shape.go")},
	{rooms("db/postgres db/mysql db/sqlite"), rooms("open.go conn.go create.go beside.go errors.go inspect.go lock.go watch.go")},
}

// drought are the packages of the standard library that a dry room must not
// import, and those below them.
var drought = []string{"context", "database/sql", "os", "net", "log", "math/rand", "crypto/rand", "syscall",
	"path/filepath", "testing", "plugin", "expvar", "runtime/debug", "runtime/pprof", "runtime/trace", "text/template", "html/template"}

// templates are the packages of the standard library that make the program larger
// by a tenth, in memory too.
var templates = []string{"text/template", "html/template"}

// springs are packages below those that only work on text.
var springs = []string{"net/url", "net/netip", "net/mail", "net/textproto"}
