-- migrate:revises 20261109083000
-- A few rows, in one transaction, checked before it commits.

-- migrate:data
INSERT INTO topics (id, name) VALUES (1, 'fire'), (2, 'iron'), (3, 'air');

-- migrate:check
SELECT name FROM topics WHERE name <> lower(name);

-- migrate:down
DELETE FROM topics WHERE id IN (1, 2, 3);
