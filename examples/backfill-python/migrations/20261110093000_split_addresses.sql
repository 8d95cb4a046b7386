-- migrate:revises 20261110090000
-- City and postal code were part of the address. How people write addresses is too
-- much for SQL, so a program takes them apart.

-- migrate:backfill table:places program:"python3 scripts/split_addresses.py" poison:10
SELECT id, address FROM places WHERE city IS NULL AND :chunk;

-- migrate:write
UPDATE places SET city = :city, code = :code WHERE id = :id;

-- migrate:down
UPDATE places SET city = NULL, code = NULL WHERE city IS NOT NULL AND :chunk;
