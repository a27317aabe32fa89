-- What is known of people: identified profiles, their groups, and other ids they are found by.
-- Properties and lists of groups are JSON texts.
-- No row refers to its project: those of a purged project are removed in portions, after it.

CREATE TABLE profiles (
    project_key INTEGER NOT NULL,
    id TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    avatar TEXT NOT NULL,
    properties TEXT NOT NULL,
    group_ids TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    PRIMARY KEY (project_key, id)
);
CREATE INDEX profiles_by_last_seen ON profiles (project_key, last_seen_at DESC, id);

CREATE TABLE profile_groups (
    project_key INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    properties TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (project_key, id)
);

-- `profile_id` is never an alias itself.
CREATE TABLE profile_aliases (
    project_key INTEGER NOT NULL,
    alias TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (project_key, alias)
);
CREATE INDEX profile_aliases_by_profile ON profile_aliases (project_key, profile_id);

-- What device ids are made with: the present salt, and the one before.
CREATE TABLE salts (
    created_at TIMESTAMP PRIMARY KEY NOT NULL,
    salt BLOB NOT NULL
);

-- How far each server's spool was applied to the tables above.
CREATE TABLE applied_positions (
    spool TEXT PRIMARY KEY NOT NULL,
    position INTEGER NOT NULL
);

-- Projects that are gone, but of which something may be left here or in the event store.
CREATE TABLE purged_projects (
    project_key INTEGER PRIMARY KEY NOT NULL,
    purged_at TIMESTAMP NOT NULL
);
