-- migrate:revises none
-- The two are joined by a blank, and parted at the first one.

-- migrate:change table:users old:first_name,last_name new:name

-- migrate:expand
ALTER TABLE users ADD COLUMN name text;

-- migrate:forward
name = nullif(btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')

-- migrate:backward
first_name = nullif(split_part(name, ' ', 1), ''),
last_name = nullif(substr(name, strpos(name || ' ', ' ') + 1), '')

-- migrate:hold "every instance reads and writes only name"
