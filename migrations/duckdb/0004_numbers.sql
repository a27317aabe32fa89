-- Numbers for people and pages, so that reports can tell them apart by the million. Who writes
-- rows gives them (numbers.rs); 0 stands for nobody, and for no page.

-- Whoever has an id as a profile's: from 1 on in each project.
CREATE TABLE visitors (
    project_key BIGINT NOT NULL,
    -- The first half of the SHA-256 of the id.
    digest UUID NOT NULL,
    number UINTEGER NOT NULL
);

-- What was viewed, once for each of its titles and once without: from 1 on in each project.
CREATE TABLE pages (
    project_key BIGINT NOT NULL,
    -- The first half of the SHA-256 of the texts; see below.
    digest UUID NOT NULL,
    number UINTEGER NOT NULL,
    -- The number of the same page without a title; its own if it has none.
    untitled UINTEGER NOT NULL,
    origin VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    title VARCHAR NOT NULL
);

INSERT INTO visitors
SELECT project_key, left(sha256(profile_id), 32)::UUID,
    row_number() OVER (PARTITION BY project_key ORDER BY profile_id)
FROM (
    SELECT project_key, profile_id FROM events WHERE profile_id <> ''
    UNION SELECT project_key, profile_id FROM sessions WHERE profile_id <> ''
);

INSERT INTO pages
SELECT project_key,
    left(sha256(concat(strlen(origin), ' ', strlen(path), ' ', origin, path, title)), 32)::UUID,
    number, max(number) FILTER (title = '') OVER (PARTITION BY project_key, origin, path),
    origin, path, title
FROM (
    SELECT *, row_number() OVER (PARTITION BY project_key ORDER BY origin, path, title) AS number
    FROM (
        SELECT project_key, origin, path, coalesce(title, '') AS title FROM events
        WHERE name = 'screen_view' AND path <> ''
        UNION SELECT project_key, origin, path, '' FROM events
        WHERE name = 'screen_view' AND path <> ''
        UNION SELECT project_key, entry_origin, entry_path, '' FROM sessions
        WHERE entry_path <> ''
    )
);

-- Tables are made anew, in the order of time, for joins mix the rows: to change that many in their
-- places takes hours.

ALTER TABLE events RENAME TO unnumbered_events;

CREATE TABLE events (
    project_key BIGINT NOT NULL,
    id UUID NOT NULL,
    name VARCHAR NOT NULL,
    created_at TIMESTAMP_MS NOT NULL,
    device_id VARCHAR NOT NULL,
    -- The device's id while nobody is identified.
    profile_id VARCHAR NOT NULL,
    session_id VARCHAR NOT NULL,
    groups VARCHAR[] NOT NULL,
    path VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    referrer VARCHAR NOT NULL,
    referrer_name VARCHAR NOT NULL,
    referrer_type VARCHAR NOT NULL,
    -- In minor units.
    revenue UBIGINT NOT NULL,
    -- In milliseconds.
    duration UBIGINT NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    country VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    city VARCHAR NOT NULL,
    longitude FLOAT,
    latitude FLOAT,
    os VARCHAR NOT NULL,
    os_version VARCHAR NOT NULL,
    browser VARCHAR NOT NULL,
    browser_version VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
    brand VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    sdk_name VARCHAR NOT NULL,
    sdk_version VARCHAR NOT NULL,
    imported_at TIMESTAMP_MS,
    visitor UINTEGER NOT NULL,
    -- Of a screen view: its page with its title.
    page UINTEGER NOT NULL,
    -- Whether no earlier view of the session was of the same page; false for all other events.
    -- Null where nobody knows: for imported views with sessions of their own.
    is_first_view BOOLEAN,
    -- The page that the session saw before, without title, and for how many milliseconds.
    previous_page UINTEGER NOT NULL,
    previous_duration UBIGINT NOT NULL
);

INSERT INTO events BY NAME
SELECT e.* EXCLUDE (title, previous_origin, previous_path), coalesce(v.number, 0) AS visitor,
    CASE WHEN e.name = 'screen_view' THEN coalesce(p.number, 0) ELSE 0 END AS page,
    coalesce(b.number, 0) AS previous_page
FROM unnumbered_events e
    LEFT JOIN visitors v ON v.project_key = e.project_key
        AND v.digest = left(sha256(e.profile_id), 32)::UUID
    LEFT JOIN pages p ON p.project_key = e.project_key
        AND p.origin = e.origin AND p.path = e.path AND p.title = coalesce(e.title, '')
    LEFT JOIN pages b ON b.project_key = e.project_key AND b.title = ''
        AND b.origin = e.previous_origin AND b.path = e.previous_path
ORDER BY e.created_at;

DROP TABLE unnumbered_events;

ALTER TABLE sessions RENAME TO unnumbered_sessions;

CREATE TABLE sessions (
    project_key BIGINT NOT NULL,
    id VARCHAR NOT NULL,
    device_id VARCHAR NOT NULL,
    profile_id VARCHAR NOT NULL,
    groups VARCHAR[] NOT NULL,
    created_at TIMESTAMP_MS NOT NULL,
    ended_at TIMESTAMP_MS NOT NULL,
    is_bounce BOOLEAN NOT NULL,
    entry_path VARCHAR NOT NULL,
    entry_origin VARCHAR NOT NULL,
    exit_path VARCHAR NOT NULL,
    exit_origin VARCHAR NOT NULL,
    screen_view_count UINTEGER NOT NULL,
    event_count UINTEGER NOT NULL,
    -- In minor units.
    revenue UBIGINT NOT NULL,
    -- In milliseconds.
    duration UBIGINT NOT NULL,
    referrer VARCHAR NOT NULL,
    referrer_name VARCHAR NOT NULL,
    referrer_type VARCHAR NOT NULL,
    utm_source VARCHAR NOT NULL,
    utm_medium VARCHAR NOT NULL,
    utm_campaign VARCHAR NOT NULL,
    utm_content VARCHAR NOT NULL,
    utm_term VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    city VARCHAR NOT NULL,
    longitude FLOAT,
    latitude FLOAT,
    os VARCHAR NOT NULL,
    os_version VARCHAR NOT NULL,
    browser VARCHAR NOT NULL,
    browser_version VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
    brand VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    visitor UINTEGER NOT NULL,
    -- The page that it began with, without title.
    entry_page UINTEGER NOT NULL
);

INSERT INTO sessions BY NAME
SELECT s.*, coalesce(v.number, 0) AS visitor, coalesce(p.number, 0) AS entry_page
FROM unnumbered_sessions s
    LEFT JOIN visitors v ON v.project_key = s.project_key
        AND v.digest = left(sha256(s.profile_id), 32)::UUID
    LEFT JOIN pages p ON p.project_key = s.project_key AND p.title = ''
        AND p.origin = s.entry_origin AND p.path = s.entry_path
ORDER BY s.created_at;

DROP TABLE unnumbered_sessions;
