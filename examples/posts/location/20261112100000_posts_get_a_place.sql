-- migrate:revises 20261109084500
-- Where a post was written, in degrees, as two numbers.

-- migrate:up
ALTER TABLE posts ADD COLUMN lat double precision;
ALTER TABLE posts ADD COLUMN lng double precision;
CREATE INDEX posts_latest ON posts (published_at, id);

-- migrate:down
DROP INDEX posts_latest;
ALTER TABLE posts DROP COLUMN lng;
ALTER TABLE posts DROP COLUMN lat;
