-- migrate:revises 20261110090000
-- The slugs of old posts, by the rule that the application has for new ones.

-- migrate:backfill table:posts program:"node scripts/fill_slugs.mjs"
SELECT id, title FROM posts WHERE slug IS NULL AND :chunk;

-- migrate:write
UPDATE posts SET slug = :slug WHERE id = :id;

-- migrate:down
UPDATE posts SET slug = NULL WHERE slug IS NOT NULL AND :chunk;
