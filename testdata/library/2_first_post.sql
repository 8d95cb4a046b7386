-- migrate:data
INSERT INTO posts (id, title) VALUES (1, 'Hello');

-- migrate:check
SELECT id FROM posts WHERE title = '';

-- migrate:down
DELETE FROM posts WHERE id = 1;
