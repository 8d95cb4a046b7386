package sqlite

import (
	"testing"

	"github.com/bellowsdb/bellows/sqltext"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

func TestTokens(t *testing.T) {
	tests := []struct{ sql, want string }{
		{"SELECT a, \"b\"\"c\", `d`, [e f] FROM s.t;", "w:SELECT w:a .:, q:\"b\"\"c\" .:, q:`d` .:, q:[e f] w:FROM w:s .:. w:t .:;"},
		{`'a''b' 'c\' x'41' X`, `s:'a''b' s:'c\' s:x'41' w:X`},
		{"a--b\nc/*d*/e", "w:a c:--b w:c c:/*d*/ w:e"},
		{"? ?1 :a @b $c #1 :", "p:? p:?1 p::a p:@b p:$c p:#1 .::"},
		{"1 1.5 .5 1e-3 0xFF 1_0", "n:1 n:1.5 n:.5 n:1e-3 n:0xFF n:1_0"},
		{"a->>'b' c||d e<>f g==h i<<1", "w:a .:->> s:'b' w:c .:|| w:d w:e .:<> w:f w:g .:== w:h w:i .:<< n:1"},
		{"a$b größe", "w:a$b w:größe"},
		{"[open", "q:[open"},
		{"'open", "s:'open"},
	}
	for _, test := range tests {
		if got := sqltexttest.Spell(test.sql, Tokens(test.sql, sqltext.Options{})); got != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.sql, got, test.want)
		}
	}
}
