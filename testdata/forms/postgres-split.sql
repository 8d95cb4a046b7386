-- migrate:revises none
-- The text is parted at the first blank, and joined by one.

-- migrate:change table:users old:name new:first_name,last_name

-- migrate:expand
ALTER TABLE users ADD COLUMN first_name text;
ALTER TABLE users ADD COLUMN last_name text;

-- migrate:forward
first_name = nullif(split_part(name, ' ', 1), ''),
last_name = nullif(substr(name, strpos(name || ' ', ' ') + 1), '')

-- migrate:backward
name = nullif(btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')

-- migrate:hold "every instance reads and writes only first_name, last_name"
