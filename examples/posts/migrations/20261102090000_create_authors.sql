-- migrate:revises none
-- The people who write. The SQL of this example runs on SQLite, PostgreSQL and
-- MariaDB alike.

-- migrate:up
CREATE TABLE authors (
    id    integer      NOT NULL PRIMARY KEY,
    name  varchar(100) NOT NULL,
    email varchar(190) NOT NULL UNIQUE
);

-- migrate:down
DROP TABLE authors;
