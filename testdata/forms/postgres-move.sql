-- migrate:revises none
-- Give each column the type that it has in users, user_id that of id. Where
-- profiles is there already, ALTER TABLE adds the columns to it.
-- A row of users has no row in profiles as long as its columns hold nothing:
-- applications that use profiles insert the row, or write it by an upsert.

-- migrate:change table:users old:bio,site new:bio,site into:profiles by:user_id=id

-- migrate:expand
CREATE TABLE profiles (
  user_id bigint NOT NULL,
  bio varchar(80),
  site varchar(80) NOT NULL DEFAULT '',
  PRIMARY KEY (user_id),
  FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE
);

-- migrate:forward
bio = users.bio,
site = users.site

-- migrate:backward
bio = profiles.bio,
site = profiles.site

-- migrate:hold "every instance reads and writes bio, site in profiles only"
