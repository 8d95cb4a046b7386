-- migrate:revises none
-- The two are joined by a blank, and parted at the first one.

-- migrate:change table:users old:first_name,last_name new:name

-- migrate:expand
ALTER TABLE users ADD COLUMN name varchar(255);

-- migrate:forward
name = NULLIF(TRIM(CONCAT(COALESCE(first_name, ''), ' ', COALESCE(last_name, ''))), '')

-- migrate:backward
first_name = NULLIF(SUBSTRING_INDEX(name, ' ', 1), ''),
last_name = NULLIF(SUBSTRING(name, LOCATE(' ', CONCAT(name, ' ')) + 1), '')

-- migrate:hold "every instance reads and writes only name"
