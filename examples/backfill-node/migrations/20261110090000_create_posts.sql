-- migrate:up
CREATE TABLE posts (
    id    integer PRIMARY KEY,
    title text NOT NULL,
    slug  text
);

-- migrate:down
DROP TABLE posts;
