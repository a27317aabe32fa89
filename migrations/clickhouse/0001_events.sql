-- Times are in UTC, to the millisecond; empty texts stand for what is not known. Each statement is
-- sent on its own, and leaves alone what is there.

-- What happened. `spool` and `seq` tell from which spool a row came, and at which position the batch
-- ended that brought it: so a batch of which nobody knows what became of it is found again.
CREATE TABLE IF NOT EXISTS events (
    project_key Int64,
    -- Bytes in the order of the text: a UUID would be sorted by its second half first.
    id FixedString(16),
    name LowCardinality(String),
    created_at DateTime64(3, 'UTC'),
    device_id String,
    -- The device's id while nobody is identified.
    profile_id String,
    session_id String,
    groups Array(String),
    path String,
    origin LowCardinality(String),
    referrer String,
    referrer_name LowCardinality(String),
    referrer_type LowCardinality(String),
    -- In minor units.
    revenue UInt64,
    -- In milliseconds.
    duration UInt64,
    properties Map(String, String),
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    longitude Nullable(Float32),
    latitude Nullable(Float32),
    os LowCardinality(String),
    os_version LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    device LowCardinality(String),
    brand LowCardinality(String),
    model LowCardinality(String),
    sdk_name LowCardinality(String),
    sdk_version LowCardinality(String),
    imported_at Nullable(DateTime64(3, 'UTC')),
    spool LowCardinality(String),
    seq UInt64,
    -- Whoever has the id as a profile's, and the session, as numbers that are compared faster than
    -- texts; 0 stands for nobody, and for no session.
    visitor UInt64 MATERIALIZED if(profile_id = '', 0, sipHash64(profile_id)),
    session UInt64 MATERIALIZED if(session_id = '', 0, sipHash64(session_id)),
    INDEX seq seq TYPE minmax
)
ENGINE = MergeTree
-- An insert is made of one partition only: such a one is there whole, or not at all.
PARTITION BY toYYYYMM(created_at)
ORDER BY (project_key, toDate(created_at), name, visitor, created_at, id)
-- So many of the latest inserts are known again by their tokens.
SETTINGS non_replicated_deduplication_window = 10000;

-- One row a session, live ones too, when earlier versions are left out.
CREATE TABLE IF NOT EXISTS sessions (
    project_key Int64,
    id String,
    device_id String,
    profile_id String,
    groups Array(String),
    created_at DateTime64(3, 'UTC'),
    ended_at DateTime64(3, 'UTC'),
    is_bounce Bool,
    entry_path String,
    entry_origin LowCardinality(String),
    exit_path String,
    exit_origin LowCardinality(String),
    screen_view_count UInt32,
    event_count UInt32,
    -- In minor units.
    revenue UInt64,
    -- In milliseconds.
    duration UInt64,
    referrer String,
    referrer_name LowCardinality(String),
    referrer_type LowCardinality(String),
    utm_source String,
    utm_medium String,
    utm_campaign String,
    utm_content String,
    utm_term String,
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    longitude Nullable(Float32),
    latitude Nullable(Float32),
    os LowCardinality(String),
    os_version LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    device LowCardinality(String),
    brand LowCardinality(String),
    model LowCardinality(String),
    version UInt64,
    visitor UInt64 MATERIALIZED if(profile_id = '', 0, sipHash64(profile_id))
)
ENGINE = ReplacingMergeTree(version)
-- A session may begin earlier than was thought: its time is no part of what tells it apart.
ORDER BY (project_key, id);

-- Requests of listed bots. One that is written twice is one.
CREATE TABLE IF NOT EXISTS bot_visits (
    project_key Int64,
    id FixedString(16),
    name LowCardinality(String),
    type LowCardinality(String),
    path String,
    created_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (project_key, created_at, id);

-- Recordings of sessions, in pieces. One that is written twice is one.
CREATE TABLE IF NOT EXISTS replay_chunks (
    project_key Int64,
    session_id String,
    chunk_index UInt16,
    started_at DateTime64(3, 'UTC'),
    ended_at DateTime64(3, 'UTC'),
    events_count UInt16,
    is_full_snapshot Bool,
    payload String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (project_key, session_id, started_at, chunk_index);

-- Copies of what the catalog keeps of people and groups, for reports that join them. The authority
-- is the catalog.
CREATE TABLE IF NOT EXISTS profiles (
    project_key Int64,
    id String,
    first_name String,
    last_name String,
    email String,
    avatar String,
    properties Map(String, String),
    groups Array(String),
    created_at DateTime64(3, 'UTC'),
    last_seen_at DateTime64(3, 'UTC'),
    left_out UInt64,
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (project_key, id);

CREATE TABLE IF NOT EXISTS groups (
    project_key Int64,
    id String,
    type String,
    name String,
    properties Map(String, String),
    created_at DateTime64(3, 'UTC'),
    updated_at DateTime64(3, 'UTC'),
    left_out UInt64,
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (project_key, id);
