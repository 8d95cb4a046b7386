-- migrate:revises 20261105090000
-- migrate:label reviews

-- migrate:up
CREATE TABLE reviews (id integer PRIMARY KEY);

-- migrate:down
DROP TABLE reviews;
