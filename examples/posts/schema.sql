-- The schema as it should be. bellows diff writes the migration that leads to it.

CREATE TABLE authors (
  id    integer NOT NULL PRIMARY KEY,
  name  varchar(100) NOT NULL,
  email varchar(190) NOT NULL UNIQUE
);

CREATE TABLE posts (
  id           integer NOT NULL PRIMARY KEY,
  author_id    integer NOT NULL REFERENCES authors (id),
  -- bellows:rename posts.title posts.headline
  headline     varchar(200) NOT NULL,
  body         text NOT NULL,
  published_at timestamp NULL
);

CREATE INDEX posts_author ON posts (author_id);
CREATE INDEX posts_published ON posts (published_at);

CREATE TABLE topics (
  id   integer NOT NULL PRIMARY KEY,
  name varchar(50) NOT NULL UNIQUE
);

CREATE TABLE post_topics (
  post_id  integer NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
  topic_id integer NOT NULL REFERENCES topics (id) ON DELETE CASCADE,
  PRIMARY KEY (post_id, topic_id)
);
