-- migrate:revises 20261104150000
-- migrate:label returns

-- migrate:up
CREATE TABLE returns (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE returns;
