/* /* nested; */ ' ; */ CREATE TABLE t (a int /* ; */, b int -- ;
); -- trailing ; comment
-- a ' that opens nothing

/**/ /***/ /*/**/*/ CREATE TABLE /*;*/ u (a int)/* before the end */;;;
;
SELECT 1 /* ; */; /*+ SeqScan(t) */ INSERT INTO t VALUES (1--2;
, 2), (3-/**/-4, +-5);
CREATE FUNCTION ev(int, int) RETURNS int IMMUTABLE RETURN $1;
CREATE OPERATOR */ (leftarg = int, rightarg = int, function = ev);
CREATE OPERATOR @- (rightarg = int, leftarg = int, function = ev);
CREATE OPERATOR /| (rightarg = int, leftarg = int, function = ev);
CREATE OPERATOR #-/* c; */ (rightarg = int, leftarg = int, function = ev);
CREATE VIEW v AS SELECT a */ b AS x, a @- b AS y, a /| b/*;*/AS z, a #-/*;*/ b AS w FROM t;
CREATE TABLE j AS SELECT '{"a;": {"b": 1}}'::jsonb AS d; CREATE INDEX ON j ((d->'a;'->>'b'));
CREATE VIEW w AS SELECT d ? 'a;' AS a, d #>> '{a;,b}' AS b, d @? '$.a ? (@ > 1)' AS c, d - 'x' AS e, -1 AS f, 5 != -1 AS g FROM j;
INSERT INTO u SELECT 10 -- a carriage return ends this
 - 4;
-- the end is a comment ;
INSERT INTO u SELECT 1 -- one ; line + 5
;
/* crlf
; */ INSERT INTO u
VALUES (2);
-- done;
