-- Replies to requests that are carried out at most once, kept for a day. They are encrypted
-- with a key that only the caller can make, and found by the digest of the caller's own key.

CREATE TABLE idempotent_replies (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    key_digest BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (client_id, key_digest)
);
CREATE INDEX idempotent_replies_by_age ON idempotent_replies (created_at);
