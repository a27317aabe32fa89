-- What lets people into the console: sessions, and links that can be used once to begin one. Of
-- each only the hash is kept.

CREATE TABLE console_tokens (
    token_hash TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('session', 'sign_in')),
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- That of the secret that was known: with the secret it ends.
    secret_hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX console_tokens_by_client ON console_tokens (client_id, kind, created_at DESC);
CREATE INDEX console_tokens_by_end ON console_tokens (expires_at);
