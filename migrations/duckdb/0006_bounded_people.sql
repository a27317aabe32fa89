-- Copies of people tell how much was left out of them, and none is bigger than what is kept of one.
-- Earlier ones may be: all are dropped, unread, and made anew from the catalog.

DROP TABLE profiles;
DROP TABLE groups;

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
    last_seen_at TIMESTAMP_MS NOT NULL,
    left_out UBIGINT NOT NULL
);

CREATE TABLE groups (
    project_key BIGINT NOT NULL,
    id VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    created_at TIMESTAMP_MS NOT NULL,
    updated_at TIMESTAMP_MS NOT NULL,
    left_out UBIGINT NOT NULL
);

UPDATE applied SET people_position = 0;
