-- Of what was removed, bytes are left in the file until it is written anew (compaction.rs).

-- One row.
CREATE TABLE removals (
    -- How often something was removed.
    made UBIGINT NOT NULL,
    -- How many of these are in the past of this file: nothing is left of what they removed.
    compacted UBIGINT NOT NULL,
    -- When somebody first saw that the file is to be written anew; null while it is not.
    seen_at TIMESTAMP_MS
);

-- An earlier version did not count.
INSERT INTO removals SELECT (position > 0)::UBIGINT, 0, NULL FROM applied;
