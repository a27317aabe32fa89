-- Copies of what the catalog keeps of people and groups, for reports that join them. The applier
-- of copies writes here; the authority is the catalog.

CREATE TABLE profiles (
    project_key BIGINT NOT NULL,
    id VARCHAR NOT NULL,
    first_name VARCHAR NOT NULL,
    last_name VARCHAR NOT NULL,
    email VARCHAR NOT NULL,
    avatar VARCHAR NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    groups VARCHAR[] NOT NULL,
    created_at TIMESTAMP_MS NOT NULL,
    last_seen_at TIMESTAMP_MS NOT NULL
);

CREATE TABLE groups (
    project_key BIGINT NOT NULL,
    id VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    created_at TIMESTAMP_MS NOT NULL,
    updated_at TIMESTAMP_MS NOT NULL
);

-- Up to which position in the spool people and groups were copied.
ALTER TABLE applied ADD COLUMN people_position UBIGINT DEFAULT 0;
