-- migrate:revises 20261105140000

-- migrate:up
CREATE TABLE topics (
    id   integer     NOT NULL PRIMARY KEY,
    name varchar(50) NOT NULL UNIQUE
);
CREATE TABLE post_topics (
    post_id  integer NOT NULL,
    topic_id integer NOT NULL,
    PRIMARY KEY (post_id, topic_id),
    FOREIGN KEY (post_id)  REFERENCES posts (id)  ON DELETE CASCADE,
    FOREIGN KEY (topic_id) REFERENCES topics (id) ON DELETE CASCADE
);

-- migrate:down
DROP TABLE post_topics;
DROP TABLE topics;
