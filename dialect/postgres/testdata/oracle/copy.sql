CREATE TABLE t (a int, b text, c text);
COPY t (a, b) FROM stdin;
1	a;b
2	--
3	/*
4	it's $$ "
5	\N
6	\\.
7	a\tb\nc\\
\.

COPY t FROM STDIN WITH (FORMAT csv, DELIMITER ';', NULL '\N'); -- behind
8;"a;""b
;";\N
9; \. ;x
\.
COPY public.t(a) FROM STDIN; -- nothing in it
\.
copy t from stdin (delimiter e'\x2c');
10,x,ä;
\.
SELECT 1;
COPY (SELECT a FROM t WHERE b = 'from stdin') TO STDOUT;
COPY t TO STDOUT;
CREATE TABLE stdin (a int); INSERT INTO stdin SELECT 1; SELECT a FROM stdin;
COPY t (a, b) FROM STDIN WITH DELIMITER AS '|' NULL AS '';
11|
12|x;
\.
INSERT INTO t VALUES (13, 'last')
