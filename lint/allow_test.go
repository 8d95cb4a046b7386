package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// told is what is found in migrations of a head and an up section each.
func told(t *testing.T, native bool, parts ...string) string {
	t.Helper()
	var moves []revision.Move
	for i := range parts {
		moves = append(moves, revision.Move{ID: revision.ID(fmt.Sprint(i + 1)), Direction: revision.Up})
	}
	p, err := plan.Build(moves, func(id revision.ID) (revision.Revision, revision.Script, error) {
		var i int
		fmt.Sscan(string(id), &i)
		head, up, _ := strings.Cut(parts[i-1], "=\n")
		at := func(line int) fault.Pos { return fault.Pos{File: "m.sql", Line: line, Column: 1} }
		s := revision.Script{Revision: id, Up: &revision.Section{SQL: up, At: at(2 + strings.Count(head, "\n"))}}
		if head != "" {
			s.Head = &revision.Section{SQL: head, At: at(1)}
		}
		return revision.Revision{ID: id, Kind: revision.Schema, File: "m.sql", Native: native}, s, nil
	}, dialect.Reader(pg), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range lint.Findings(p, pg) {
		if f.Code == lint.NoWayDown && f.Allowed == "" {
			continue
		}
		fmt.Fprintf(&b, "%d %s", f.Pos.Line, f.Code)
		if f.Allowed != "" {
			fmt.Fprintf(&b, " (%s)", f.Allowed)
		}
		if f.Code == lint.AllowUnused {
			b.WriteString(": " + f.Message)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestAllow(t *testing.T) {
	const nothing = "nothing here is found to be index-blocks-writes, so there is nothing to allow"
	for _, c := range []struct {
		name, file, want string
		foreign          bool
	}{
		{name: "above its statement, with its reason",
			file: "=\nALTER TABLE a DROP COLUMN b;\n\n-- it is small\n  -- bellows:allow index-blocks-writes \"forty \\\"rows\\\"\"\n-- really\nCREATE INDEX ON a (c);\nCREATE INDEX ON d (e);\n",
			want: "2 loses-data\n7 index-blocks-writes (forty \\\"rows\\\")\n8 index-blocks-writes\n"},
		{name: "in the head, for the whole file",
			file: "-- bellows:allow index-blocks-writes \"small tables\"\n-- bellows:allow no-way-down \"a draft\"\n=\nCREATE INDEX ON a (c);\nCREATE INDEX ON d (e);\nDROP TABLE f;\n",
			want: "7 no-way-down (a draft)\n4 index-blocks-writes (small tables)\n5 index-blocks-writes (small tables)\n6 loses-data\n"},
		{name: "a file without a head speaks above its first statement", foreign: true,
			file: "=\n-- bellows:allow loses-data \"nobody reads it\"\nDROP TABLE f;\nDROP TABLE g;\n", want: "3 loses-data (nobody reads it)\n4 loses-data\n4 several-heavy-locks\n"},
		{name: "two above one statement",
			file: "=\n-- bellows:allow loses-data \"x y\"\n-- bellows:allow scan-blocks \"x z\"\nALTER TABLE a DROP COLUMN b, ALTER c SET NOT NULL;\n",
			want: "4 loses-data (x y)\n4 scan-blocks (x z)\n"},
		{name: "nothing to allow", file: "=\n-- bellows:allow index-blocks-writes \"small\"\nALTER TABLE a ADD COLUMN b int;\n", want: "2 allow-unused: " + nothing + "\n"},
		{name: "nothing to allow in the file", file: "-- bellows:allow index-blocks-writes \"small\"\n=\nALTER TABLE a ADD COLUMN b int;\n", want: "1 allow-unused: " + nothing + "\n"},
		{name: "above another statement", file: "=\n-- bellows:allow index-blocks-writes \"small\"\nALTER TABLE a ADD COLUMN b int;\nCREATE INDEX ON c (d);\n",
			want: "4 index-blocks-writes\n2 allow-unused: " + nothing + "\n"},
		{name: "a code that is not there", file: "=\n-- bellows:allow index-block-writes \"small\"\nCREATE INDEX ON c (d);\n",
			want: "3 index-blocks-writes\n2 allow-unused: there is no finding index-block-writes, but there is index-blocks-writes\n"},
		{name: "no reason", file: "=\n-- bellows:allow index-blocks-writes\nCREATE INDEX ON c (d);\n",
			want: "3 index-blocks-writes\n2 allow-unused: bellows:allow index-blocks-writes gives no reason\n"},
		{name: "no code", file: "=\n-- bellows:allow\nCREATE INDEX ON c (d);\n", want: "3 index-blocks-writes\n2 allow-unused: bellows:allow names no finding\n"},
		{name: "another word", file: "=\n-- bellows:ignore index-blocks-writes \"x\"\nCREATE INDEX ON c (d);\n",
			want: "3 index-blocks-writes\n2 allow-unused: there is no \"bellows:ignore\", only \"bellows:allow\"\n"},
		{name: "inside a statement it is a comment like any other", file: "=\nCREATE INDEX\n-- bellows:allow index-blocks-writes \"x\"\nON c (d);\n", want: "2 index-blocks-writes\n"},
	} {
		if got := told(t, !c.foreign, c.file); got != c.want {
			t.Errorf("%s: found\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// A line that is needed when the table is old is not idle where the same plan
// makes the table.
func TestAllowOfWhatAnEarlierStepMakesUnnecessary(t *testing.T) {
	index := "=\n-- bellows:allow index-blocks-writes \"small\"\nCREATE INDEX ON c (d);\n"
	if got := told(t, true, "=\nCREATE TABLE c (d int);\n", index); got != "" {
		t.Error(got)
	}
	if got := told(t, true, index); got != "3 index-blocks-writes (small)\n" {
		t.Error(got)
	}
}
