-- What is known of people: identified profiles, their groups, and other ids they are found by.
-- Properties and lists of groups are JSON texts.
-- No row refers to its project: those of a purged project are removed in portions, after it.

CREATE TABLE profiles (
    project_key BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    avatar TEXT NOT NULL,
    properties TEXT NOT NULL,
    group_ids TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (project_key, id)
);
CREATE INDEX profiles_by_last_seen ON profiles (project_key, last_seen_at DESC, id);

CREATE TABLE profile_groups (
    project_key BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    properties TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (project_key, id)
);

-- `profile_id` is never an alias itself.
CREATE TABLE profile_aliases (
    project_key BIGINT NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    profile_id TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (project_key, alias)
);
CREATE INDEX profile_aliases_by_profile ON profile_aliases (project_key, profile_id);

-- What device ids are made with: the present salt, and the one before.
CREATE TABLE salts (
    created_at TIMESTAMPTZ PRIMARY KEY,
    salt BYTEA NOT NULL
);

-- How far each server's spool was applied to the tables above.
CREATE TABLE applied_positions (
    spool TEXT COLLATE "C" PRIMARY KEY,
    position BIGINT NOT NULL
);

-- Projects that are gone, but of which something may be left here or in the event store.
CREATE TABLE purged_projects (
    project_key BIGINT PRIMARY KEY,
    purged_at TIMESTAMPTZ NOT NULL
);
