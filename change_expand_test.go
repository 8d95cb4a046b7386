package bellows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A process is killed at each point of the beginning of a change whose expand has
// several statements, as often as it comes there: between two of them, and between two
// triggers. Where DDL can be rolled back all of it is there or nothing; elsewhere what
// was done, statement by statement, and the same command goes on at the first that is
// missing. An abort is killed alike, and leaves the table as it was.
func TestChangeOfSeveralStatementsSurvivesKills(t *testing.T) {
	counts := map[string]string{
		"sqlite":   "SELECT (SELECT count(*) FROM pragma_table_info('posts') WHERE name IN ('loc', 'spare')) || (SELECT count(*) FROM sqlite_master WHERE name = 'posts_spare') || (SELECT count(*) FROM sqlite_master WHERE type = 'trigger')",
		"postgres": "SELECT (SELECT count(*) FROM pg_attribute WHERE attrelid = 'posts'::regclass AND attname IN ('loc', 'spare'))::text || (SELECT count(*) FROM pg_class WHERE relname = 'posts_spare') || (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'posts'::regclass)",
		"mariadb": "SELECT CONCAT((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'posts' AND column_name IN ('loc', 'spare')), " +
			"(SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = 'posts_spare'), (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()))",
	}
	onSwaps(t, func(t *testing.T, s swap) {
		t.Parallel()
		s.file = strings.Replace(s.file, "-- migrate:forward", "ALTER TABLE posts ADD COLUMN spare integer;\nCREATE INDEX posts_spare ON posts (spare);\n-- migrate:forward", 1)
		calm, calmDir := s.place(t)
		url, dir := s.place(t)
		before := column(t, url, counts[s.name])[0]
		var seen []string
		for i, verb := range []string{"up", "abort", "up", "wait"} {
			out, code, _ := child{URL: calm, Dir: calmDir, Verb: "change " + verb, Target: oneMerge, Names: true}.run(t)
			if code != 0 {
				t.Fatalf("%d. %s: undisturbed it ends with %d: %s", i, verb, code, out)
			}
			names := pointNames(out)
			c := child{URL: url, Dir: dir, Verb: "change " + verb, Target: oneMerge, LockWait: 30e9, KillAt: 1}
			for _, c.KillName = range slices.Concat(names, names, names) { // each kill lets it come one statement further
				if out, code, killed := c.run(t); !killed && code != 0 && !wasDone(out) {
					t.Fatalf("%d. %s ends with %d instead of a kill at %q: %s", i, verb, code, c.KillName, out)
				}
				if now := column(t, url, counts[s.name])[0]; !slices.Contains(seen, now) {
					seen = append(seen, now)
				}
			}
			killed(t, c, nil)
			if want, got := s.picture(t, calm, calmDir), s.picture(t, url, dir); want != got {
				t.Fatalf("%d. %s: after the kills\n%s\nand undisturbed\n%s", i, verb, got, want)
			}
			if now := column(t, url, counts[s.name])[0]; verb == "abort" && now != before {
				t.Fatalf("an abort leaves %s columns, indexes and triggers, and there were %s", now, before)
			}
		}
		slices.Sort(seen)
		want := map[string]string{"sqlite": "[000 212]", "postgres": "[000 214]", "mariadb": "[000 100 200 210 211 212]"}[s.name]
		if got := fmt.Sprint(seen); got != want {
			t.Errorf("columns, indexes and triggers were %s at the kills, wanted %s", got, want)
		}
	})
}
