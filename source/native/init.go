package native

import (
	"strings"
	"time"
)

// NewFile is a file to be written: its path, with slashes, and its text.
type NewFile struct {
	Path string
	Text string
}

// Beginning are the files of a new project: bellows.toml, and in the folder dir
// one migration as an example. dir may be empty for the usual one, url for the
// one that the environment variable DATABASE_URL names.
func Beginning(dir, url string, now time.Time) []NewFile {
	if dir == "" {
		dir = "migrations"
	}
	if url == "" {
		url = "${DATABASE_URL}"
	}
	fill := strings.NewReplacer("{DIR}", tomlText(dir), "{URL}", tomlText(url))
	example := Draft{ID: NextID(now, nil), Slug: "create_posts"}
	return []NewFile{
		{Path: "bellows.toml", Text: fill.Replace(configText)},
		{Path: strings.TrimRight(dir, "/") + "/" + example.File(), Text: exampleText},
	}
}

// tomlText is a text in quotes as TOML wants it.
func tomlText(s string) string {
	return "\"" + strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n", "\t", "\\t", "\r", "\\r").Replace(s) + "\""
}

const exampleText = `-- migrate:revises none
--
-- An example: change it, or remove it and run: bellows new create_posts
-- "up" is what "bellows up" runs, "down" is how "bellows down" takes it back.

-- migrate:up
CREATE TABLE posts (
    id    integer PRIMARY KEY,
    title varchar(200) NOT NULL
);

-- migrate:down
DROP TABLE posts;
`

const configText = `# What holds, and where each value comes from: bellows config
# A flag wins over an environment variable (BELLOWS_URL, BELLOWS_DIR, …), that
# over [env.NAME], that over what stands here at the top.

dir     = {DIR}
default = "dev"            # the environment when --env names none

# schema       = "schema.sql"       # the desired schema: a file, a folder, a URL
# lock_timeout = "500ms"            # longest wait of one statement for a lock
# lock_wait    = "30s"              # longest wait for another run to end
# format       = "golang-migrate"   # another tool's folder: see bellows help

[env.dev]
url   = {URL}
holds = "auto"             # approve holds by themselves, in this database: never in production

# [env.production]
# url       = "${DATABASE_URL}"
# protected = true         # down, redo, stamp, drop and try want --confirm production
`
