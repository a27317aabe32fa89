//! Clients and their secrets.

use std::collections::BTreeMap;

use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error as DieselError},
};
use diesel_async::RunQueryDsl;
use paneld_auth::{Credentials, SecretHash, StoredSecret};
use paneld_domain::{
    AddressRange, Client, ClientChanges, ClientId, ClientType, Name, NewClient, Organization,
    OrganizationId, Page, PageRequest, Position, Project, ProjectId, ProjectKey, Timestamp,
    client_problems, keeps_usable_root,
};

use super::{
    Backend, Connection, Store, audit,
    organizations::OrganizationRow,
    projects::{self, ProjectRow},
    receipts,
    schema::{
        client_secrets, clients, deleted_client_ids, organizations, projects as projects_table,
    },
    transaction,
};
use crate::{
    Act, Action, NewCredentials, Once, Outcome, RepositoryError, Resource, RootRule, Rotated,
    audit::Event, lock::Lock, settings,
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = clients, check_for_backend(Backend), treat_none_as_null = true)]
struct ClientRow {
    id: String,
    organization_id: String,
    project_key: Option<i64>,
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
    fn new(client: &Client, project_key: Option<ProjectKey>) -> Result<Self, RepositoryError> {
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

    fn into_client(self, project_id: Option<String>) -> Result<Client, RepositoryError> {
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
type FoundClient = (ClientRow, Option<String>);

impl Store {
    pub(crate) async fn list_clients(
        &self,
        organization: OrganizationId,
        project: Option<ProjectId>,
        page: PageRequest,
    ) -> Result<Page<Client>, RepositoryError> {
        let mut connection = self.reader().await?;
        let mut query = clients::table
            .left_join(projects_table::table)
            .filter(clients::organization_id.eq(organization.as_str()))
            .order((clients::created_at.desc(), clients::id))
            .select((ClientRow::as_select(), projects_table::id.nullable()))
            .into_boxed::<Backend>();
        if let Some(project) = project {
            let project = projects::find_live(&mut connection, &organization, &project).await?;
            query = query.filter(clients::project_key.eq(project.key.0));
        }
        if let Some(Position { created_at, id }) = page.after {
            let tied = clients::created_at.eq(created_at).and(clients::id.gt(id));
            query = query.filter(clients::created_at.lt(created_at).or(tied));
        }
        if let Some(limit) = page.limit {
            query = query.limit(i64::from(limit) + 1);
        }
        let rows = query.load::<FoundClient>(&mut connection).await?;
        let found = rows
            .into_iter()
            .map(|(row, project)| row.into_client(project));
        Ok(Page::cut(
            found.collect::<Result<_, _>>()?,
            page.limit,
            |client| Position {
                created_at: client.created_at,
                id: client.id.to_string(),
            },
        ))
    }

    pub(crate) async fn get_client(
        &self,
        organization: OrganizationId,
        id: ClientId,
    ) -> Result<Client, RepositoryError> {
        let mut connection = self.reader().await?;
        let (client, _) = find(&mut connection, &organization, id).await?;
        Ok(client)
    }

    pub(crate) async fn create_client(
        &self,
        organization: OrganizationId,
        new: NewClient,
        credentials: NewCredentials,
        act: Act,
        once: Option<Once<Client>>,
    ) -> Result<Outcome<Client>, RepositoryError> {
        let lock = Lock::creation(&organization, once.as_ref());
        transaction!(self, lock, async |connection| {
            if let Some(kept) = receipts::find(connection, once.as_ref(), act.at).await? {
                return Ok(Outcome::Kept(kept));
            }
            let key = match &new.project_id {
                Some(id) => {
                    let project = projects::find_live(connection, &organization, id).await?;
                    Some(project.key)
                }
                None => None,
            };
            let client = new.build(credentials.id, organization.clone(), act.at);
            demand_sound(&client)?;
            insert(connection, &client, key, &credentials.hash, &act).await?;
            receipts::keep(connection, once, &client, act.at).await?;
            Ok(Outcome::Made(client))
        })
    }

    pub(crate) async fn update_client(
        &self,
        organization: OrganizationId,
        id: ClientId,
        changes: ClientChanges,
        rule: RootRule,
        act: Act,
    ) -> Result<Client, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let (before, key) = find(connection, &organization, id).await?;
            let mut client = before.clone();
            let sets_allow_list = changes.allowed_ips.is_some();
            changes.apply(&mut client, act.at);
            demand_sound(&client)?;
            update(connection, &client, key).await?;
            let locked_out = match rule {
                RootRule::Enforced { peer } if sets_allow_list && !client.allows(peer) => Some(id),
                RootRule::Enforced { .. } | RootRule::Overridden => None,
            };
            demand_usable_root(connection, &organization, rule, locked_out, act.at).await?;
            let event = Event::changed(Action::Update, &before, &client)?;
            audit::record(connection, &act, &organization, event).await?;
            Ok(client)
        })
    }

    pub(crate) async fn delete_client(
        &self,
        organization: OrganizationId,
        id: ClientId,
        rule: RootRule,
        act: Act,
    ) -> Result<(), RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let (client, _) = find(connection, &organization, id).await?;
            diesel::delete(clients::table.find(id.to_string()))
                .execute(connection)
                .await?;
            remember_deleted(connection, id.to_string(), act.at).await?;
            demand_usable_root(connection, &organization, rule, None, act.at).await?;
            let event = Event::deleted(&client)?;
            audit::record(connection, &act, &organization, [event]).await
        })
    }

    /// Gives a client a new secret. The one it replaces lives on until `previous_expires_at`,
    /// if that is given; every older one ends now.
    pub(crate) async fn rotate_secret(
        &self,
        organization: OrganizationId,
        id: ClientId,
        hash: SecretHash,
        previous_expires_at: Option<Timestamp>,
        act: Act,
        once: Option<Once<Rotated>>,
    ) -> Result<Outcome<Rotated>, RepositoryError> {
        let lock = Lock::creation(&organization, once.as_ref());
        transaction!(self, lock, async |connection| {
            if let Some(kept) = receipts::find(connection, once.as_ref(), act.at).await? {
                return Ok(Outcome::Kept(kept));
            }
            let (mut client, key) = find(connection, &organization, id).await?;
            end_secrets(connection, id, previous_expires_at).await?;
            insert_secret(connection, id, &hash, act.at).await?;
            client.updated_at = act.at;
            update(connection, &client, key).await?;
            let event = Event::rotated(&client, previous_expires_at)?;
            audit::record(connection, &act, &organization, [event]).await?;
            let rotated = Rotated {
                client,
                previous_expires_at,
            };
            receipts::keep(connection, once, &rotated, act.at).await?;
            Ok(Outcome::Made(rotated))
        })
    }

    /// Writes no entry into the audit log: nobody asked for it, and nothing works otherwise.
    pub(crate) async fn replace_hash(
        &self,
        id: ClientId,
        outdated: SecretHash,
        hash: SecretHash,
    ) -> Result<(), RepositoryError> {
        let lock = Lock::Nothing;
        transaction!(self, lock, async |connection| {
            diesel::update(client_secrets::table.find((id.to_string(), outdated.to_stored())))
                .set(client_secrets::hash.eq(hash.to_stored()))
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    pub(crate) async fn record_uses(
        &self,
        uses: BTreeMap<ClientId, Timestamp>,
    ) -> Result<(), RepositoryError> {
        // In the order of their ids: two servers that take the same rows wait for each other.
        let lock = Lock::Nothing;
        transaction!(self, lock, async |connection| {
            for (id, used_at) in uses {
                let known = clients::last_used_at;
                diesel::update(clients::table.find(id.to_string()))
                    .filter(known.is_null().or(known.lt(used_at)))
                    .set(known.eq(used_at))
                    .execute(connection)
                    .await?;
            }
            Ok(())
        })
    }

    pub(crate) async fn find_credentials(
        &self,
        id: ClientId,
    ) -> Result<Option<Credentials>, RepositoryError> {
        let mut connection = self.lookup().await?;
        // First, and also for ids that are not there: their look-up must not be told by its time.
        let secrets = load_secrets(&mut connection, id).await?;
        let found = clients::table
            .inner_join(organizations::table)
            .left_join(projects_table::table)
            .filter(clients::id.eq(id.to_string()))
            .select((
                ClientRow::as_select(),
                OrganizationRow::as_select(),
                Option::<ProjectRow>::as_select(),
            ))
            .first::<(ClientRow, OrganizationRow, Option<ProjectRow>)>(&mut connection)
            .await
            .optional()?;
        let Some((client, organization, project)) = found else {
            return Ok(None);
        };
        let project = project.map(Project::try_from).transpose()?;
        let project_id = project.as_ref().map(|project| project.id.to_string());
        Ok(Some(Credentials {
            client: client.into_client(project_id)?,
            organization: Organization::try_from(organization)?,
            project,
            secrets,
        }))
    }
}

/// A client of the organization, and the key of its project.
async fn find(
    connection: &mut Connection,
    organization: &OrganizationId,
    id: ClientId,
) -> Result<(Client, Option<ProjectKey>), RepositoryError> {
    let (row, project_id) = clients::table
        .left_join(projects_table::table)
        .filter(clients::id.eq(id.to_string()))
        .filter(clients::organization_id.eq(organization.as_str()))
        .select((ClientRow::as_select(), projects_table::id.nullable()))
        .first::<FoundClient>(connection)
        .await
        .optional()?
        .ok_or(RepositoryError::NotFound(Resource::Client))?;
    let key = row.project_key.map(ProjectKey);
    Ok((row.into_client(project_id)?, key))
}

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

async fn update(
    connection: &mut Connection,
    client: &Client,
    project: Option<ProjectKey>,
) -> Result<(), RepositoryError> {
    diesel::update(clients::table.find(client.id.to_string()))
        .set(ClientRow::new(client, project)?)
        .execute(connection)
        .await?;
    Ok(())
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

async fn insert_secret(
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

/// Lets the present secret end at `end`, or now without one; older ones end now.
async fn end_secrets(
    connection: &mut Connection,
    id: ClientId,
    end: Option<Timestamp>,
) -> Result<(), RepositoryError> {
    use client_secrets::{client_id, expires_at};

    let older = client_secrets::table
        .filter(client_id.eq(id.to_string()))
        .filter(expires_at.is_not_null());
    diesel::delete(older).execute(connection).await?;
    let present = client_secrets::table.filter(client_id.eq(id.to_string()));
    match end {
        Some(end) => {
            let update = diesel::update(present).set(expires_at.eq(end));
            update.execute(connection).await?;
        }
        None => {
            diesel::delete(present).execute(connection).await?;
        }
    }
    Ok(())
}

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
        .left_join(projects_table::table)
        .filter(clients::organization_id.eq(organization.as_str()))
        .filter(clients::client_type.eq(ClientType::Root.as_str()))
        .filter(projects_table::delete_at.is_null())
        .select((ClientRow::as_select(), projects_table::id.nullable()))
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

fn demand_sound(client: &Client) -> Result<(), RepositoryError> {
    let problems = client_problems(
        client.client_type,
        client.project_id.is_some(),
        client.ignore_cors_and_secret,
    );
    if problems.is_empty() {
        Ok(())
    } else {
        Err(RepositoryError::Invalid(problems))
    }
}
