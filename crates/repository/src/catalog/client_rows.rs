//! The rows of clients and of their secrets, as far as several units of work need them.

use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error as DieselError},
};
use diesel_async::RunQueryDsl;
use paneld_auth::{SecretHash, StoredSecret};
use paneld_domain::{
    AddressRange, Client, ClientId, ClientType, Name, OrganizationId, ProjectKey, Timestamp,
    keeps_usable_root,
};

use super::{
    Backend, Connection, audit,
    schema::{client_secrets, clients, deleted_client_ids, projects},
};
use crate::{Act, RepositoryError, Resource, RootRule, audit::Event, settings};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = clients, check_for_backend(Backend), treat_none_as_null = true)]
pub(super) struct ClientRow {
    id: String,
    organization_id: String,
    pub(super) project_key: Option<i64>,
    name: String,
    client_type: String,
    ignore_cors_and_secret: bool,
    enabled: bool,
    expires_at: Option<Timestamp>,
    allowed_ips: String,
    cors: Option<String>,
    rate_limits: Option<String>,
    /// Written by `record_uses` alone, which does not wait for other changes.
    #[diesel(skip_update)]
    last_used_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl ClientRow {
    pub(super) fn new(
        client: &Client,
        project_key: Option<ProjectKey>,
    ) -> Result<Self, RepositoryError> {
        let allowed_ips = client.allowed_ips.iter().map(AddressRange::as_str);
        let cors = client.cors.as_deref().map(settings::cors_to_text);
        let rate_limits = client.rate_limits.as_ref();
        let rate_limits = rate_limits.map(settings::rate_limits_to_text);
        Ok(Self {
            id: client.id.to_string(),
            organization_id: client.organization_id.to_string(),
            project_key: project_key.map(|key| key.0),
            name: client.name.to_string(),
            client_type: client.client_type.as_str().to_owned(),
            ignore_cors_and_secret: client.ignore_cors_and_secret,
            enabled: client.enabled,
            expires_at: client.expires_at,
            allowed_ips: settings::to_text(&allowed_ips.collect::<Vec<_>>())?,
            cors: cors.transpose()?,
            rate_limits: rate_limits.transpose()?,
            last_used_at: client.last_used_at,
            created_at: client.created_at,
            updated_at: client.updated_at,
        })
    }

    pub(super) fn into_client(self, project_id: Option<String>) -> Result<Client, RepositoryError> {
        let project_id = project_id.map(|id| id.parse()).transpose();
        let cors = self.cors.as_deref().map(settings::cors_from_text);
        let rate_limits = self.rate_limits.as_deref();
        let rate_limits = rate_limits.map(settings::rate_limits_from_text);
        let organization_id = self.organization_id.parse();
        Ok(Client {
            id: self.id.parse().map_err(RepositoryError::internal)?,
            organization_id: organization_id.map_err(RepositoryError::internal)?,
            project_id: project_id.map_err(RepositoryError::internal)?,
            name: Name::stored(self.name),
            client_type: self
                .client_type
                .parse()
                .map_err(RepositoryError::internal)?,
            ignore_cors_and_secret: self.ignore_cors_and_secret,
            enabled: self.enabled,
            expires_at: self.expires_at,
            allowed_ips: settings::ranges_from_text(&self.allowed_ips)?,
            cors: cors.transpose()?,
            rate_limits: rate_limits.transpose()?,
            last_used_at: self.last_used_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// A client's row, and the readable id of its project.
pub(super) type FoundClient = (ClientRow, Option<String>);

/// Makes a client with its secret, and notes it in the audit log.
pub(super) async fn insert(
    connection: &mut Connection,
    client: &Client,
    project: Option<ProjectKey>,
    hash: &SecretHash,
    act: &Act,
) -> Result<(), RepositoryError> {
    let inserted = diesel::insert_into(clients::table)
        .values(ClientRow::new(client, project)?)
        .execute(connection)
        .await;
    inserted.map_err(|error| match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            RepositoryError::AlreadyExists(Resource::Client)
        }
        other => other.into(),
    })?;
    insert_secret(connection, client.id, hash, act.at).await?;
    let event = Event::created(client)?;
    audit::record(connection, act, &client.organization_id, [event]).await
}

/// Remembers the id of a deleted client, so that no bootstrap makes it again.
pub(super) async fn remember_deleted(
    connection: &mut Connection,
    id: String,
    now: Timestamp,
) -> Result<(), RepositoryError> {
    diesel::insert_into(deleted_client_ids::table)
        .values((
            deleted_client_ids::id.eq(id),
            deleted_client_ids::deleted_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes a secret the present one of a client.
pub(super) async fn insert_secret(
    connection: &mut Connection,
    id: ClientId,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<(), RepositoryError> {
    diesel::insert_into(client_secrets::table)
        .values((
            client_secrets::client_id.eq(id.to_string()),
            client_secrets::hash.eq(hash.to_stored()),
            client_secrets::created_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// The secrets of a client, those that end included.
pub(super) async fn load_secrets(
    connection: &mut Connection,
    id: ClientId,
) -> Result<Vec<StoredSecret>, RepositoryError> {
    let rows = client_secrets::table
        .filter(client_secrets::client_id.eq(id.to_string()))
        .select((client_secrets::hash, client_secrets::expires_at))
        .load::<(String, Option<Timestamp>)>(connection)
        .await?;
    let secrets = rows.into_iter().map(|(hash, expires_at)| {
        let hash = SecretHash::from_stored(&hash)
            .ok_or_else(|| RepositoryError::internal("a secret's hash is damaged"))?;
        Ok(StoredSecret { hash, expires_at })
    });
    secrets.collect()
}

/// Demands that a usable root client remains after a change, in the transaction of the change:
/// writers are in line there, so that two cannot remove each other.
pub(super) async fn demand_usable_root(
    connection: &mut Connection,
    organization: &OrganizationId,
    rule: RootRule,
    locked_out: Option<ClientId>,
    now: Timestamp,
) -> Result<(), RepositoryError> {
    if rule == RootRule::Overridden {
        return Ok(());
    }
    let rows = clients::table
        .left_join(projects::table)
        .filter(clients::organization_id.eq(organization.as_str()))
        .filter(clients::client_type.eq(ClientType::Root.as_str()))
        .filter(projects::delete_at.is_null())
        .select((ClientRow::as_select(), projects::id.nullable()))
        .load::<FoundClient>(connection)
        .await?;
    let roots = rows
        .into_iter()
        .map(|(row, project)| row.into_client(project));
    let roots = roots.collect::<Result<Vec<_>, _>>()?;
    if keeps_usable_root(&roots, locked_out, now) {
        Ok(())
    } else {
        Err(RepositoryError::LastRoot)
    }
}
