package json_test

import (
	stdjson "encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/ui/internal/sample"
)

// TestDocumented: docs/json.md names every type and every key.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(regexp.MustCompile("```[a-z]*|\n").ReplaceAllString(string(text), " "), -1) {
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(code, -1) {
			named[word] = true
		}
	}
	missing := map[string]bool{}
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				look(x)
			}
		case map[string]any:
			for key, x := range v {
				if !named[key] && key != "type" && key != "v" {
					missing[key] = true
				}
				if key != "attrs" { // its keys are the dialect's
					look(x)
				}
			}
			if kind, ok := v["type"].(string); ok && !named[kind] && !strings.Contains(string(text), "## "+kind) {
				missing["type "+kind] = true
			}
		}
	}
	for _, c := range sample.Cases() {
		for _, l := range strings.Split(strings.TrimSuffix(printed(c), "\n"), "\n") {
			var o any
			if err := stdjson.Unmarshal([]byte(l), &o); err != nil {
				t.Fatal(err)
			}
			look(o)
		}
	}
	for word := range missing {
		t.Errorf("docs/json.md does not name %s", word)
	}
}
