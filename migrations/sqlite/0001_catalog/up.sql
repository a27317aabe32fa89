-- The catalog: organizations, projects, clients, references.
-- Times are ISO 8601 texts in UTC with microseconds, written by the server alone.
-- Lists and settings are JSON texts.

CREATE TABLE organizations (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- `key` is what events hang on. AUTOINCREMENT: a key is never given out twice.
CREATE TABLE projects (
    key INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    domain TEXT,
    cors TEXT NOT NULL,
    cross_domain BOOLEAN NOT NULL,
    allow_unsafe_revenue_tracking BOOLEAN NOT NULL,
    filters TEXT NOT NULL,
    types TEXT NOT NULL,
    retention_days INTEGER,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    delete_at TIMESTAMP
);
CREATE INDEX projects_by_organization ON projects (organization_id, created_at DESC, id);
CREATE INDEX projects_to_purge ON projects (delete_at) WHERE delete_at IS NOT NULL;

-- Every project id that was ever used, so that none is given out again.
CREATE TABLE used_project_ids (
    id TEXT PRIMARY KEY NOT NULL,
    used_at TIMESTAMP NOT NULL
);

CREATE TABLE clients (
    id TEXT PRIMARY KEY NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_key INTEGER REFERENCES projects (key),
    name TEXT NOT NULL,
    client_type TEXT NOT NULL CHECK (client_type IN ('read', 'write', 'root')),
    ignore_cors_and_secret BOOLEAN NOT NULL,
    enabled BOOLEAN NOT NULL,
    expires_at TIMESTAMP,
    allowed_ips TEXT NOT NULL,
    cors TEXT,
    rate_limits TEXT,
    last_used_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX clients_by_organization ON clients (organization_id, created_at DESC, id);
CREATE INDEX clients_by_project ON clients (project_key);

-- The present secret of a client, and for a grace the one it replaced.
CREATE TABLE client_secrets (
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    PRIMARY KEY (client_id, hash)
);

-- Ids of deleted clients: the bootstrap client is not made again once it was deleted.
CREATE TABLE deleted_client_ids (
    id TEXT PRIMARY KEY NOT NULL,
    deleted_at TIMESTAMP NOT NULL
);

CREATE TABLE timeline_references (
    id TEXT PRIMARY KEY NOT NULL,
    project_key INTEGER NOT NULL REFERENCES projects (key),
    title TEXT NOT NULL,
    description TEXT,
    date TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX timeline_references_by_project ON timeline_references (project_key, created_at DESC, id);
