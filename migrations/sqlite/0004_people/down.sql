DROP TABLE purged_projects;
DROP TABLE applied_positions;
DROP TABLE salts;
DROP TABLE profile_aliases;
DROP TABLE profile_groups;
DROP TABLE profiles;
