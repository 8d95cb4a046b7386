CREATE TABLE t (n serial, s text, c bytea, d bit(4));
INSERT INTO t (s) VALUES (''), (''''), (';'), ('--'), ('/*'), ('\'), ('\\'''), ('a
;
b'), (E'\''), (E'\\'), (E'a\';\\\'; --'), (e'''\n;'), (E'\x3b'), ('$$'), ('"');
INSERT INTO t (s) VALUES ('a' -- ;
  '; b'
  -- c ';
  'd'), (U&'\003b;d!0061' UESCAPE '!'), (U&'d\0061t\+000061;'), (N'nat;''ional');
INSERT INTO t (s) VALUES ($$;$$), ($a$ $$;$$ ; $b$ ; $a$), ($$$$), ($_1é$'$_1é$), ($$
-- ;
$$), ($a$$b$;$b$$a$);
INSERT INTO t (c, d) VALUES (X'3B'::bit(8)::int::text::bytea, B'0011'), ('\x3b', x'A'), (E'\\x3b27', b'1'
'100');
INSERT INTO t (s) SELECT s FROM t WHERE n=1 AND(s)=$$;$$OR s=$$;$$AND false;
INSERT INTO t (s) SELECT a$b FROM (SELECT ';' AS a$b) x;
INSERT INTO t (s) SELECT a$$b FROM (SELECT 'no ; dollar' AS a$$b) x;
INSERT INTO t (s) SELECT "a;b" FROM (SELECT 'q;' AS "a;b") x;
INSERT INTO t (s) SELECT "a""--" FROM (SELECT 'r' AS "a""--") x;
INSERT INTO t (s) SELECT U&"d\0061;" FROM (SELECT 's' AS "da;") x;
INSERT INTO t (s) SELECT U&"d!0061;" UESCAPE '!' FROM (SELECT 't' AS "da;") x;
INSERT INTO t (s) VALUES (/* ' */ 'u' /* " $$ */), ('v' /* /* nested ; */ ' */);
PREPARE p (text, int) AS INSERT INTO t (s) VALUES ($1 || $2);
EXECUTE p (';', 1); EXECUTE p($$'$$,2);DEALLOCATE p;
CREATE TABLE "semi;colon" ("a--b" int, "c/*d" int, "e""f;" text DEFAULT E'\';', "$$" int);
CREATE TABLE größe (straße text DEFAULT 'ä;ö', 表 int); CREATE INDEX ON größe (straße) WHERE straße <> ';'
