-- migrate:revises 20261112100000
-- One location column instead of two numbers.
-- migrate:change table:posts old:lat,lng new:loc

-- migrate:expand
ALTER TABLE posts ADD COLUMN loc text;

-- migrate:forward
loc = lat || ',' || lng

-- migrate:backward
lat = CAST(substr(loc, 1, instr(loc, ',') - 1) AS real),
lng = CAST(substr(loc, instr(loc, ',') + 1) AS real)

-- migrate:hold "every instance reads and writes only loc"
