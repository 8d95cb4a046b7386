-- migrate:revises none
-- At the contract the database copies posts, and each table that refers to it by
-- a foreign key, whose column gets the new type with it. Readers and writers of
-- these tables wait as long as that takes: no column begins to count without a
-- copy, and none of them may be seen half done. Until the purge bellows change
-- undo takes it back the same way.
-- Where no foreign key refers to posts the database's own statement is the
-- better one, because readers go on while it copies: ALTER TABLE posts MODIFY id
-- bigint NOT NULL AUTO_INCREMENT, ALGORITHM=COPY, LOCK=SHARED; From MariaDB 11.2
-- on it takes LOCK=NONE instead, and writers go on, too. This change is for keys
-- that others refer to, which that statement refuses, and for a way back.
-- If id is unsigned, so should be the new type: --type 'bigint unsigned'.

-- migrate:change table:posts old:id new:id_new form:key

-- migrate:expand
ALTER TABLE posts ADD COLUMN id_new bigint NOT NULL DEFAULT 0;

-- migrate:forward
id_new = id

-- migrate:backward
id = id_new

-- migrate:hold "every instance takes id as bigint"
