-- migrate:revises 20261104090000, 20261104150000

-- migrate:up

-- migrate:down
