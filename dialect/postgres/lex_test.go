package postgres

import (
	"testing"

	"github.com/bellowsdb/bellows/sqltext"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

func TestTokens(t *testing.T) {
	tests := []struct{ sql, want string }{
		{`SELECT a, "b""c" FROM s.t;`, `w:SELECT w:a .:, q:"b""c" w:FROM w:s .:. w:t .:;`},
		{`E'a\'b' 'c\' U&'d' u&"e" b'1' X'f' n'g' e`, `s:E'a\'b' s:'c\' s:U&'d' q:u&"e" s:b'1' s:X'f' s:n'g' w:e`},
		{"'a'\n'b' 'c'", "s:'a'\n'b' s:'c'"},
		{`$$a$$ $x$ $$ $x$ $1 a$1 $`, `s:$$a$$ s:$x$ $$ $x$ p:$1 w:a$1 .:$`},
		{`1 1.5 .5 1e-3 0xFF 1_000 1..2 1.`, `n:1 n:1.5 n:.5 n:1e-3 n:0xFF n:1_000 n:1 .:. .:. n:2 n:1.`},
		{`a::int b:=1 :name c[1:2] d[:e]`, `w:a .::: w:int w:b .::= n:1 p::name w:c .:[ n:1 .:: n:2 .:] w:d .:[ p::e .:]`},
		{`a->>'b' c@-1 d=-1 e@>f g<>-h i||j`, `w:a .:->> s:'b' w:c .:@- n:1 w:d .:= .:- n:1 w:e .:@> w:f w:g .:<> .:- w:h w:i .:|| w:j`},
		{"a--b\nc/*d/*e*/f*/g@--h", "w:a c:--b w:c c:/*d/*e*/f*/ w:g .:@ c:--h"},
		{`größe 日本 _x`, `w:größe w:日本 w:_x`},
		{"\ufeffa\v\fb", "w:a w:b"},
		{`'open`, `s:'open`},
		{`"open`, `q:"open`},
		{`/* open /* */`, `c:/* open /* */`},
		{`$a$ open $A$`, `s:$a$ open $A$`},
		{``, ``},
	}
	for _, test := range tests {
		if got := sqltexttest.Spell(test.sql, Tokens(test.sql, sqltext.Options{})); got != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.sql, got, test.want)
		}
	}
}

func TestTokensBackslashQuotes(t *testing.T) {
	sql := `'a\'b' U&'c\' N'd\''`
	want := `s:'a\'b' s:U&'c\' s:N'd\''`
	if got := sqltexttest.Spell(sql, Tokens(sql, sqltext.Options{BackslashQuotes: true})); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
