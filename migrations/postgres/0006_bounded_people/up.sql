-- How many values of a profile or a group were left out, because there was no room for them; and
-- which aliases were only claimed, by callers without a secret.

ALTER TABLE profiles ADD COLUMN left_out BIGINT NOT NULL DEFAULT 0;
ALTER TABLE profile_groups ADD COLUMN left_out BIGINT NOT NULL DEFAULT 0;
ALTER TABLE profile_aliases ADD COLUMN is_claimed BOOLEAN NOT NULL DEFAULT FALSE;
