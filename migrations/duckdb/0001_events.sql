-- The event store: what appliers took from the spool. Nothing else writes here.
-- Columns are those of docs/contract/track.md §6; an empty text means "unknown".
-- Rows are in the order in which they came, which is nearly that of time: zone maps do the rest.

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
    imported_at TIMESTAMP_MS
);

-- One row a session, live ones too.
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
    model VARCHAR NOT NULL
);

-- Requests of listed bots.
CREATE TABLE bot_visits (
    project_key BIGINT NOT NULL,
    id UUID NOT NULL,
    name VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    created_at TIMESTAMP_MS NOT NULL
);

-- Recordings of sessions, in pieces.
CREATE TABLE replay_chunks (
    project_key BIGINT NOT NULL,
    session_id VARCHAR NOT NULL,
    chunk_index USMALLINT NOT NULL,
    started_at TIMESTAMP_MS NOT NULL,
    ended_at TIMESTAMP_MS NOT NULL,
    events_count USMALLINT NOT NULL,
    is_full_snapshot BOOLEAN NOT NULL,
    payload VARCHAR NOT NULL
);

-- One row: the position in the spool up to which everything is here. It is written in the
-- transaction of the rows, so that nothing is applied twice.
CREATE TABLE applied (
    position UBIGINT NOT NULL
);
INSERT INTO applied VALUES (0);
