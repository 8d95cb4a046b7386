-- migrate:revises 20261105090000

-- migrate:up
CREATE TABLE refunds (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE refunds;
