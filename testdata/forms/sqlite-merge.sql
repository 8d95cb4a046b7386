-- migrate:revises none
-- The two are joined by a blank, and parted at the first one.

-- migrate:change table:users old:first_name,last_name new:name

-- migrate:expand
ALTER TABLE users ADD COLUMN name TEXT;

-- migrate:forward
name = nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')

-- migrate:backward
first_name = nullif(substr(name, 1, instr(name || ' ', ' ') - 1), ''),
last_name = nullif(substr(name, instr(name || ' ', ' ') + 1), '')

-- migrate:hold "every instance reads and writes only name"
