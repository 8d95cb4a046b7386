-- migrate:up
CREATE TABLE places (
    id      integer PRIMARY KEY,
    address text NOT NULL,
    city    text,
    code    text
);

-- migrate:down
DROP TABLE places;
