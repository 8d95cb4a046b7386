-- Routines whose bodies hold semicolons.
CREATE TABLE t (a int, b text);
CREATE FUNCTION one(x int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  SELECT 1;
  SELECT CASE WHEN x > 1 THEN CASE x WHEN 2 THEN 20 ELSE 30 END ELSE 4 END;
END;
CREATE OR REPLACE PROCEDURE two(x int, INOUT y text DEFAULT ';') LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO t VALUES (x, y); /* ; END; */
  UPDATE t SET b = (CASE WHEN a > 0 THEN 'a;' END); -- END;
  DELETE FROM t WHERE a IN (SELECT one(3)); SELECT y || chr(59);
END;
create function three() returns void begin atomic end; SELECT one(2);
CREATE FUNCTION four() RETURNS SETOF t BEGIN ATOMIC SELECT a AS "end", b AS "case" FROM t; SELECT * FROM t; END;
CREATE FUNCTION names(int) RETURNS TABLE (x int, "begin" int) LANGUAGE sql BEGIN ATOMIC
  WITH "end" AS (SELECT 1 AS case) SELECT e.case, e.case AS end FROM "end" AS e; END
;
CREATE FUNCTION five(x int) RETURNS int RETURN CASE WHEN x > 1 THEN 2 END;
CREATE FUNCTION atomic() RETURNS int IMMUTABLE RETURN 1;
CREATE FUNCTION old() RETURNS SETOF int AS 'SELECT 1; SELECT 2;
  SELECT ''it''''s; $$''::text::name::text = ''x'';SELECT 3' LANGUAGE sql;
CREATE FUNCTION deep() RETURNS text LANGUAGE plpgsql AS $body$
DECLARE q text := $$SELECT ';'$$; s text;
BEGIN
  IF true THEN q := $q$SELECT $$;$$$q$; END IF;
  EXECUTE q INTO s;
  CASE WHEN s = ';' THEN RETURN s; ELSE RETURN 'no'; END CASE;
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '$body'; RETURN NULL;
END;
$body$;
DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO t VALUES (i, deep()); END LOOP; END $$;
DO LANGUAGE plpgsql 'BEGIN PERFORM 1; INSERT INTO t VALUES (4, ''do;''); END';
CALL two(9);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $größe$BEGIN NEW.b := NEW.b || ';'; RETURN NEW; END$größe$;
CREATE TRIGGER touch BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION touched();
INSERT INTO t VALUES (5, 'five');
ALTER FUNCTION old() STABLE;
COMMENT ON FUNCTION old() IS 'a;b';
DROP FUNCTION four
