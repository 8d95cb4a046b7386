-- migrate:revises 20261102090000
-- migrate:label billing

-- migrate:up
CREATE TABLE invoices (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE invoices;
