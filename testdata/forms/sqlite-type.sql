-- migrate:revises none
-- Where a value does not become the other type by itself, write a cast into the
-- expression.
-- Indexes, constraints and the default of price do not come with it: make those
-- of price_new in a migration of their own, which begins with -- migrate:needs
-- and this one's id and :backfill; it then carries the name price.

-- migrate:change table:items old:price new:price_new

-- migrate:expand
ALTER TABLE items ADD COLUMN price_new REAL;

-- migrate:forward
price_new = price

-- migrate:backward
price = price_new

-- migrate:hold "every instance takes price as REAL"

-- migrate:contract
ALTER TABLE items DROP COLUMN price;
ALTER TABLE items RENAME COLUMN price_new TO price;
