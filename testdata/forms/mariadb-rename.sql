-- migrate:revises none
-- Indexes, constraints and the default of title do not come with it: make those
-- of headline in a migration of their own, which begins with -- migrate:needs
-- and this one's id and :backfill.

-- migrate:change table:posts old:title new:headline

-- migrate:expand
ALTER TABLE posts ADD COLUMN headline varchar(80);

-- migrate:forward
headline = title

-- migrate:backward
title = headline

-- migrate:hold "every instance reads and writes only headline"
