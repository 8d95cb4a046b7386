-- a ' that opens nothing ;
# another ; '
CREATE TABLE t (n INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(200), `c;d` INT, `e``;f` INT DEFAULT 1, b BLOB);;
INSERT INTO t (a) VALUES (''), (''''), (';'), ('--'), ('/*'), ('\''), ('\\'), ('\\\';'), ("d;'q"), ("\";"), (""";"), ('a
;b'), ('#;'), (N'n;'), (_utf8mb4'x;' COLLATE utf8mb4_bin), ('é;日'), ('" ` ;'), ('a' ';' "b;");
INSERT INTO t (b) VALUES (X'3b'), (0x3b27), (b'00111011'), (x'3B');
INSERT INTO t (`c;d`) VALUES (1), (5--1), (5-- ;
-1), (7/**/-1), (3 /* ; */), (4 # ;
); -- done ;
INSERT INTO t (`c;d`) SELECT `c;d`--'6'
+1 FROM t WHERE `c;d` = 1 AND `e``;f` = 1;
SET @a := ';', @`b;` = 'x\';'; INSERT INTO t (a) VALUES (@a), (@`b;`), (@'b;');
INSERT INTO t (a) SELECT JSON_EXTRACT('{"a;": ";"}', '$."a;"');
SELECT 1 INTO @end; SELECT 2 AS `begin`; /*! INSERT INTO t (a) VALUES ('bang;') */; /*!40000 INSERT INTO t (a) VALUES ('bang2;') */;
/*!50003 CREATE TABLE u (a INT) */ ; /*M! INSERT INTO u VALUES (1) */; /*M!100100 INSERT INTO u VALUES (2) */; INSERT INTO u VALUES (3 /*! + 1 */), (4 /*!999999 + no */), (5/*M!999999 + no */);
/*!50001 DROP VIEW IF EXISTS v*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=CURRENT_USER SQL SECURITY DEFINER */
/*!50001 VIEW w AS SELECT a AS a, ';' AS s FROM u */;
CREATE TABLE `semi;colon` (a INT COMMENT 'c;\'d', b ENUM('x;', 'y''z') DEFAULT 'x;', CHECK (a <> ';')) COMMENT = ';'
