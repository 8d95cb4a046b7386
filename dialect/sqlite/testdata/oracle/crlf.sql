CREATE TABLE t (a);
INSERT INTO t VALUES (1),
 ('x;y'); -- c ;
CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = 2; END;

/* end ; */
