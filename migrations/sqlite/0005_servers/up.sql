-- The servers that are at work on this catalog. Times are milliseconds since 1970 by the clock of
-- the database, so that servers whose clocks differ agree on them.

CREATE TABLE servers (
    -- That of its spool; of a server without events, a random one.
    id TEXT PRIMARY KEY NOT NULL,
    -- Which start of the server it is: a random id.
    run TEXT NOT NULL,
    has_events BOOLEAN NOT NULL,
    hostname TEXT NOT NULL,
    address TEXT NOT NULL,
    version TEXT NOT NULL,
    -- How often it tells that it is there.
    heartbeat_millis INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL
);

-- From now on the keys of purged projects are kept for ever, so that every event store finds out
-- what it must not keep. Those of before are all that were given out and are gone.
ALTER TABLE purged_projects ADD COLUMN are_people_gone BOOLEAN NOT NULL DEFAULT FALSE;
INSERT INTO purged_projects (project_key, purged_at, are_people_gone)
    WITH RECURSIVE given_out (key) AS (
        SELECT 1 WHERE EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'projects' AND seq >= 1)
        UNION ALL
        SELECT key + 1 FROM given_out
            WHERE key < (SELECT seq FROM sqlite_sequence WHERE name = 'projects')
    )
    SELECT key, strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'), FALSE FROM given_out
        WHERE key NOT IN (SELECT key FROM projects)
            AND key NOT IN (SELECT project_key FROM purged_projects);
