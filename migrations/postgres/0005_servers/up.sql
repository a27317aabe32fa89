-- The servers that are at work on this catalog. Times are milliseconds since 1970 by the clock of
-- the database, so that servers whose clocks differ agree on them.

CREATE TABLE servers (
    -- That of its spool; of a server without events, a random one.
    id TEXT COLLATE "C" PRIMARY KEY,
    -- Which start of the server it is: a random id.
    run TEXT COLLATE "C" NOT NULL,
    has_events BOOLEAN NOT NULL,
    hostname TEXT NOT NULL,
    address TEXT NOT NULL,
    version TEXT NOT NULL,
    -- How often it tells that it is there.
    heartbeat_millis BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL
);

-- From now on the keys of purged projects are kept for ever, so that every event store finds out
-- what it must not keep. Those of before are all that were given out and are gone. The lock waits
-- for projects that are being made at this moment by a server of the version before.
LOCK TABLE projects IN SHARE MODE;
ALTER TABLE purged_projects ADD COLUMN are_people_gone BOOLEAN NOT NULL DEFAULT FALSE;
INSERT INTO purged_projects (project_key, purged_at, are_people_gone)
    SELECT key, now(), FALSE
        FROM generate_series(1,
            (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM projects_key_seq)) AS key
        WHERE key NOT IN (SELECT projects.key FROM projects)
            AND key NOT IN (SELECT project_key FROM purged_projects);
