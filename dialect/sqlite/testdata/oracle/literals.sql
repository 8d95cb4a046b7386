-- a ' that opens nothing ;
/* one ; ' */ CREATE TABLE t (a, b TEXT DEFAULT 'x;''y' /* ; */, [c;d] INT, "e;""f" TEXT, `g``;h`, "--i", [/*j]);;
;
INSERT INTO t (a) VALUES (''), (''''), (';'), ('--'), ('/*'), ('\'), ('a
;b'), (x'3B'), (X''), (.5), (1.e2), (0x3b), ("d;q"), ('é;日'), ('" '' ` [ ;');
INSERT INTO t ([c;d]) VALUES (1), (2); -- done;
INSERT INTO t (a) SELECT [c;d]--';
 FROM t WHERE [c;d]>1/**/;
INSERT INTO t (a) SELECT "e;""f" FROM t LIMIT 2; INSERT INTO t (a) SELECT `g``;h` FROM t LIMIT 1;
INSERT INTO t (a) VALUES ('{"a;":[1,{"b":";"}]}' ->> '$.a;[1].b'), ('[1,2]'->'$[1]'), (5-3), (5 - -3), (5/+3), (6 % 4), (~1), (1<<3|2&3), ('a'||';');
CREATE TABLE end (begin INT, trigger INT); CREATE INDEX "i;" ON end (begin) WHERE trigger <> ';';
CREATE VIEW [v;w] AS WITH x(y) AS (SELECT 1 UNION SELECT 2) SELECT y FROM x WHERE y NOT IN (SELECT 3);
CREATE TABLE gen (a TEXT, b TEXT AS (a || ';') STORED, c TEXT GENERATED ALWAYS AS (CASE WHEN a THEN ';' END)) STRICT;
