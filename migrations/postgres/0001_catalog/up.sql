-- The catalog: organizations, projects, clients, references.
-- Lists and settings are JSON texts.
-- Ids are compared byte by byte (COLLATE "C"), so that lists have the same order in every
-- backend and database.

CREATE TABLE organizations (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- `key` is what events hang on. A key is never given out twice.
CREATE TABLE projects (
    key BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    domain TEXT,
    cors TEXT NOT NULL,
    cross_domain BOOLEAN NOT NULL,
    allow_unsafe_revenue_tracking BOOLEAN NOT NULL,
    filters TEXT NOT NULL,
    types TEXT NOT NULL,
    retention_days BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    delete_at TIMESTAMPTZ
);
CREATE INDEX projects_by_organization ON projects (organization_id, created_at DESC, id);
CREATE INDEX projects_to_purge ON projects (delete_at) WHERE delete_at IS NOT NULL;

-- Every project id that was ever used, so that none is given out again.
CREATE TABLE used_project_ids (
    id TEXT COLLATE "C" PRIMARY KEY,
    used_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE clients (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    project_key BIGINT REFERENCES projects (key),
    name TEXT NOT NULL,
    client_type TEXT NOT NULL CHECK (client_type IN ('read', 'write', 'root')),
    ignore_cors_and_secret BOOLEAN NOT NULL,
    enabled BOOLEAN NOT NULL,
    expires_at TIMESTAMPTZ,
    allowed_ips TEXT NOT NULL,
    cors TEXT,
    rate_limits TEXT,
    last_used_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX clients_by_organization ON clients (organization_id, created_at DESC, id);
CREATE INDEX clients_by_project ON clients (project_key);

-- The present secret of a client, and for a grace the one it replaced.
CREATE TABLE client_secrets (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    PRIMARY KEY (client_id, hash)
);

-- Ids of deleted clients: the bootstrap client is not made again once it was deleted.
CREATE TABLE deleted_client_ids (
    id TEXT COLLATE "C" PRIMARY KEY,
    deleted_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE timeline_references (
    id TEXT COLLATE "C" PRIMARY KEY,
    project_key BIGINT NOT NULL REFERENCES projects (key),
    title TEXT NOT NULL,
    description TEXT,
    date TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX timeline_references_by_project ON timeline_references (project_key, created_at DESC, id);
