-- No row is wider than some 16 KiB in a column. DuckDB has 2,048 values of a column in memory at
-- once when it writes them, and then each long text is a buffer that stays: what a row has beyond
-- that is in further rows. Rows of earlier versions stay as they are, but for copies of people,
-- which are made anew from the catalog.

-- What events have beyond their rows, in parts.
CREATE TABLE event_overflow (
    project_key BIGINT NOT NULL,
    -- What the event's row says; not the event's id, which may be there twice.
    number UBIGINT NOT NULL,
    part USMALLINT NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    groups VARCHAR[] NOT NULL
);

-- 0 where there is nothing.
ALTER TABLE events ADD COLUMN overflow UBIGINT DEFAULT 0;

-- The same of copies of people. A group is in no groups.
CREATE TABLE profile_overflow (
    project_key BIGINT NOT NULL,
    id VARCHAR NOT NULL,
    part USMALLINT NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    groups VARCHAR[] NOT NULL
);

CREATE TABLE group_overflow (
    project_key BIGINT NOT NULL,
    id VARCHAR NOT NULL,
    part USMALLINT NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    groups VARCHAR[] NOT NULL
);

-- How many bytes of properties and groups are there.
ALTER TABLE profiles ADD COLUMN overflow UBIGINT DEFAULT 0;
ALTER TABLE groups ADD COLUMN overflow UBIGINT DEFAULT 0;

UPDATE applied SET people_position = 0;

-- A recording's chunk is a row for each piece of its payload, from 0 on.
ALTER TABLE replay_chunks ADD COLUMN piece USMALLINT DEFAULT 0;
