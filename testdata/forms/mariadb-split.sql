-- migrate:revises none
-- The text is parted at the first blank, and joined by one.

-- migrate:change table:users old:name new:first_name,last_name

-- migrate:expand
ALTER TABLE users ADD COLUMN first_name varchar(255);
ALTER TABLE users ADD COLUMN last_name varchar(255);

-- migrate:forward
first_name = NULLIF(SUBSTRING_INDEX(name, ' ', 1), ''),
last_name = NULLIF(SUBSTRING(name, LOCATE(' ', CONCAT(name, ' ')) + 1), '')

-- migrate:backward
name = NULLIF(TRIM(CONCAT(COALESCE(first_name, ''), ' ', COALESCE(last_name, ''))), '')

-- migrate:hold "every instance reads and writes only first_name, last_name"
