-- migrate:revises 20261103110000

-- migrate:up
CREATE TABLE parcels (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE parcels;
