ALTER TABLE profile_aliases DROP COLUMN is_claimed;
ALTER TABLE profile_groups DROP COLUMN left_out;
ALTER TABLE profiles DROP COLUMN left_out;
