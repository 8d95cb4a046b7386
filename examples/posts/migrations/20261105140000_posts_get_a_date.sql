-- migrate:revises 20261102091500
-- Empty for a draft.

-- migrate:up
ALTER TABLE posts ADD COLUMN published_at timestamp NULL;

-- migrate:down
ALTER TABLE posts DROP COLUMN published_at;
