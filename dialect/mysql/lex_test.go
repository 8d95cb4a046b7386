package mysql

import (
	"testing"

	"github.com/bellowsdb/bellows/sqltext"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

func TestTokens(t *testing.T) {
	ansi := sqltext.Options{ANSIQuotes: true}
	plain := sqltext.Options{NoBackslashEscapes: true}
	tests := []struct {
		sql  string
		o    sqltext.Options
		want string
	}{
		{sql: "SELECT a, `b``c` FROM s.t;", want: "w:SELECT w:a .:, q:`b``c` w:FROM w:s .:. w:t .:;"},
		{sql: `'a\'b' "c\"d" 'e''f' N'g' x'41' _utf8'h'`, want: `s:'a\'b' s:"c\"d" s:'e''f' s:N'g' s:x'41' w:_utf8 s:'h'`},
		{sql: `"a\" 'b\'c'`, o: ansi, want: `q:"a\" s:'b\'c'`},
		{sql: `'a\' "b\"`, o: plain, want: `s:'a\' s:"b\"`},
		{sql: "a -- b\nc --d\n# e", want: "w:a c:-- b w:c .:- .:- w:d c:# e"},
		{sql: "a--", want: "w:a c:--"},
		{sql: "/* a */ /*+ b */ /*!50003 CREATE*/ /*!c */ /*M!100100 d */", want: "c:/* a */ c:/*+ b */ m:/*!50003 w:CREATE m:*/ m:/*! w:c m:*/ m:/*M!100100 w:d m:*/"},
		{sql: "@a @@b @`c d` @'e' root@localhost @f.g @", want: "p:@a p:@@b p:@`c d` p:@'e' w:root p:@localhost p:@f.g .:@"},
		{sql: `? :name l1:BEGIN l2: LOOP x :LOOP \N`, want: `p:? p::name w:l1 .:: w:BEGIN w:l2 .:: w:LOOP w:x .:: w:LOOP w:\N`},
		{sql: `1 1.5 .5 1e3 0xFF 2fa 1ea a.1b`, want: `n:1 n:1.5 n:.5 n:1e3 n:0xFF w:2fa w:1ea w:a .:. w:1b`},
		{sql: `a->>'$.b' c:=1 d<=>e f&&g h>>1 i!=j`, want: `w:a .:->> s:'$.b' w:c .::= n:1 w:d .:<=> w:e w:f .:&& w:g w:h .:>> n:1 w:i .:!= w:j`},
		{sql: `AS $$ a' $$ AS $x$ $$ $x$ a$b $c`, want: `w:AS s:$$ a' $$ w:AS s:$x$ $$ $x$ w:a$b w:$c`},
		{sql: "`open", want: "q:`open"},
		{sql: "/*! open", want: "m:/*! w:open"},
		{sql: "größe 日本", want: "w:größe w:日本"},
	}
	for _, test := range tests {
		if got := sqltexttest.Spell(test.sql, Tokens(test.sql, test.o)); got != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.sql, got, test.want)
		}
	}
}
