CREATE TABLE t (n serial, s text);
INSERT INTO t (s) VALUES (E'x\'\';'), ('y\;z'), (E'\';');
