-- migrate:revises 20261112100000
-- One location column instead of two numbers.
-- migrate:change table:posts old:lat,lng new:loc

-- migrate:expand
ALTER TABLE posts ADD COLUMN loc point;

-- migrate:forward
loc = point(lat, lng)

-- migrate:backward
lat = loc[0], lng = loc[1]

-- migrate:hold "every instance reads and writes only loc"
