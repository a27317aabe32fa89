-- Who changed what, and when. Rows outlive what they are about, and are never changed.

CREATE TABLE audit_entries (
    id TEXT COLLATE "C" PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    at TIMESTAMPTZ NOT NULL,
    -- Null for what the operator and the server itself do.
    client_id TEXT,
    peer_address TEXT,
    request_id TEXT,
    resource TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    action TEXT NOT NULL,
    changes TEXT NOT NULL
);
CREATE INDEX audit_entries_by_organization ON audit_entries (organization_id, at DESC, id);
CREATE INDEX audit_entries_by_resource ON audit_entries (organization_id, resource, resource_id, at DESC, id);
