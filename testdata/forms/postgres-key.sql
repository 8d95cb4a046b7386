-- migrate:revises none
-- Before the contract the new column wants its index, in a migration of its own
-- that begins with -- migrate:needs and this one's id and :backfill: CREATE
-- UNIQUE INDEX CONCURRENTLY posts_id_new_key ON posts (id_new);
-- The names are those that serial and PRIMARY KEY give; \d posts tells whether
-- yours are others. An identity column is counted otherwise: DROP IDENTITY, ADD
-- GENERATED and setval take the place of the sequence's lines.
-- After the contract a migration of its own proves the references: ALTER TABLE
-- … VALIDATE CONSTRAINT …; until then they hold for new rows only. The
-- columns that refer here may be changed by the form type, each by itself,
-- before the key outgrows them.

-- migrate:change table:posts old:id new:id_new

-- migrate:expand
ALTER TABLE posts ADD COLUMN id_new bigint NOT NULL DEFAULT 0;

-- migrate:forward
id_new = id

-- migrate:backward
id = id_new

-- migrate:hold "every instance takes id as bigint"

-- migrate:contract
ALTER TABLE comments DROP CONSTRAINT comments_post_id_fkey;
ALTER TABLE posts ALTER COLUMN id_new DROP DEFAULT;
ALTER SEQUENCE posts_id_seq AS bigint OWNED BY posts.id_new;
ALTER TABLE posts ALTER COLUMN id_new SET DEFAULT nextval('posts_id_seq');
ALTER TABLE posts DROP CONSTRAINT posts_pkey;
ALTER TABLE posts ADD CONSTRAINT posts_pkey PRIMARY KEY USING INDEX posts_id_new_key;
ALTER TABLE posts ALTER COLUMN id DROP DEFAULT;
ALTER TABLE posts RENAME COLUMN id TO id_was;
ALTER TABLE posts RENAME COLUMN id_new TO id;
ALTER TABLE posts DROP COLUMN id_was;
ALTER TABLE comments ADD CONSTRAINT comments_post_id_fkey FOREIGN KEY (post_id) REFERENCES posts (id) NOT VALID;
