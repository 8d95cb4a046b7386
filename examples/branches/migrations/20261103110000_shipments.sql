-- migrate:revises 20261102090000
-- migrate:label shipping

-- migrate:up
CREATE TABLE shipments (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE shipments;
