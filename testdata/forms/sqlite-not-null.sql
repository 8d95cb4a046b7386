-- migrate:revises none
-- Indexes and other constraints of status do not come with it: make those of
-- status_new in a migration of their own, which begins with -- migrate:needs and
-- this one's id and :backfill.

-- migrate:change table:items old:status new:status_new

-- migrate:expand
ALTER TABLE items ADD COLUMN status_new varchar(20) NOT NULL DEFAULT 'open';

-- migrate:forward
status_new = COALESCE(status, 'open')

-- migrate:backward
status = status_new

-- migrate:hold "every instance gives status a value, or leaves it out"

-- migrate:contract
ALTER TABLE items DROP COLUMN status;
ALTER TABLE items RENAME COLUMN status_new TO status;
