-- migrate:up
CREATE TABLE posts (
    id    integer PRIMARY KEY,
    title varchar(200) NOT NULL
);

-- migrate:down
DROP TABLE posts;
