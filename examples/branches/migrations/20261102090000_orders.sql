-- migrate:revises 20261101090000

-- migrate:up
CREATE TABLE orders (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE orders;
