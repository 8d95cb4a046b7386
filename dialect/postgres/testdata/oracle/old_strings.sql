CREATE TABLE t (s text);
SET escape_string_warning = off;
SET standard_conforming_strings = off;
INSERT INTO t VALUES ('a\';b'), ('\\'), ('c''\';'), (E'\''), ('d'
'\';e'), ($$\'$$), (N'n\';');
SET SESSION standard_conforming_strings TO 'on';
INSERT INTO t VALUES ('\'), (';\');
set standard_conforming_strings = false;
INSERT INTO t VALUES ('\';');
SET standard_conforming_strings TO DEFAULT;
INSERT INTO t VALUES ('f\');
