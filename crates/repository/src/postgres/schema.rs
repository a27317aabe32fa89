//! The tables of `migrations/postgres`, as Diesel sees them.

diesel::table! {
    organizations (id) {
        id -> Text,
        name -> Text,
        zone -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    projects (key) {
        key -> BigInt,
        id -> Text,
        organization_id -> Text,
        name -> Text,
        domain -> Nullable<Text>,
        cors -> Text,
        cross_domain -> Bool,
        allow_unsafe_revenue_tracking -> Bool,
        filters -> Text,
        types -> Text,
        retention_days -> Nullable<BigInt>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        delete_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    used_project_ids (id) {
        id -> Text,
        used_at -> Timestamptz,
    }
}

diesel::table! {
    clients (id) {
        id -> Text,
        organization_id -> Text,
        project_key -> Nullable<BigInt>,
        name -> Text,
        client_type -> Text,
        ignore_cors_and_secret -> Bool,
        enabled -> Bool,
        expires_at -> Nullable<Timestamptz>,
        allowed_ips -> Text,
        cors -> Nullable<Text>,
        rate_limits -> Nullable<Text>,
        last_used_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    client_secrets (client_id, hash) {
        client_id -> Text,
        hash -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    deleted_client_ids (id) {
        id -> Text,
        deleted_at -> Timestamptz,
    }
}

diesel::table! {
    timeline_references (id) {
        id -> Text,
        project_key -> BigInt,
        title -> Text,
        description -> Nullable<Text>,
        date -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    audit_entries (id) {
        id -> Text,
        organization_id -> Text,
        at -> Timestamptz,
        client_id -> Nullable<Text>,
        peer_address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        resource -> Text,
        resource_id -> Text,
        action -> Text,
        changes -> Text,
    }
}

diesel::table! {
    idempotent_replies (client_id, key_digest) {
        client_id -> Text,
        key_digest -> Binary,
        sealed -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    profiles (project_key, id) {
        project_key -> BigInt,
        id -> Text,
        first_name -> Text,
        last_name -> Text,
        email -> Text,
        avatar -> Text,
        properties -> Text,
        group_ids -> Text,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        left_out -> BigInt,
    }
}

diesel::table! {
    profile_groups (project_key, id) {
        project_key -> BigInt,
        id -> Text,
        kind -> Text,
        name -> Text,
        properties -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        left_out -> BigInt,
    }
}

diesel::table! {
    profile_aliases (project_key, alias) {
        project_key -> BigInt,
        alias -> Text,
        profile_id -> Text,
        created_at -> Timestamptz,
        is_claimed -> Bool,
    }
}

diesel::table! {
    salts (created_at) {
        created_at -> Timestamptz,
        salt -> Binary,
    }
}

diesel::table! {
    applied_positions (spool) {
        spool -> Text,
        position -> BigInt,
    }
}

diesel::table! {
    purged_projects (project_key) {
        project_key -> BigInt,
        purged_at -> Timestamptz,
        are_people_gone -> Bool,
    }
}

diesel::table! {
    servers (id) {
        id -> Text,
        run -> Text,
        has_events -> Bool,
        hostname -> Text,
        address -> Text,
        version -> Text,
        heartbeat_millis -> BigInt,
        started_at -> BigInt,
        heartbeat_at -> BigInt,
    }
}

diesel::table! {
    console_tokens (token_hash) {
        token_hash -> Text,
        kind -> Text,
        client_id -> Text,
        secret_hash -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    share_links (id) {
        id -> Text,
        project_key -> BigInt,
        client_id -> Text,
        name -> Text,
        token_hash -> Text,
        session_hash -> Text,
        password_hash -> Nullable<Text>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(share_links -> projects (project_key));
diesel::joinable!(projects -> organizations (organization_id));
diesel::joinable!(clients -> organizations (organization_id));
diesel::joinable!(clients -> projects (project_key));
diesel::joinable!(client_secrets -> clients (client_id));
diesel::joinable!(timeline_references -> projects (project_key));
diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    projects,
    used_project_ids,
    clients,
    client_secrets,
    deleted_client_ids,
    timeline_references,
    share_links,
);
diesel::allow_tables_to_appear_in_same_query!(projects, purged_projects);
