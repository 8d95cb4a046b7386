-- migrate:revises 20261102090000

-- migrate:up
CREATE TABLE posts (
    id        integer      NOT NULL PRIMARY KEY,
    author_id integer      NOT NULL,
    title     varchar(200) NOT NULL,
    body      text         NOT NULL,
    FOREIGN KEY (author_id) REFERENCES authors (id)
);
CREATE INDEX posts_author ON posts (author_id);

-- migrate:down
DROP TABLE posts;
