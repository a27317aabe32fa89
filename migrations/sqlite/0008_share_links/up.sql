-- Links that show the overview of a project to whoever has one.

CREATE TABLE share_links (
    id TEXT PRIMARY KEY NOT NULL,
    project_key INTEGER NOT NULL REFERENCES projects (key) ON DELETE CASCADE,
    -- The client that made it: with the client it ends.
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    -- Of the token that stands for the link's own and the password together.
    session_hash TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP
);
CREATE INDEX share_links_by_project ON share_links (project_key, created_at DESC, id);
CREATE INDEX share_links_by_client ON share_links (client_id);
CREATE INDEX share_links_by_end ON share_links (expires_at);
