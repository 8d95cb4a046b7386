-- The client reads line by line, and takes the second part of E'…' for one
-- without backslashes; the server does not.
CREATE TABLE t (n serial, s text);
INSERT INTO t (s) VALUES (E'x\''
  '\';'), ('y\' -- ';
  -- ';
  ';z'), (E'\''

';');
