-- migrate:revises 20261103090000

-- migrate:up
CREATE TABLE payments (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE payments;
