//! Clients and their secrets.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_auth::{Credentials, SecretHash};
use paneld_domain::{
    Client, ClientChanges, ClientId, NewClient, Organization, OrganizationId, Page, PageRequest,
    Position, Project, ProjectId, ProjectKey, Timestamp, client_problems,
};

use super::{
    Backend, Connection, Store, audit,
    client_rows::{
        ClientRow, FoundClient, demand_usable_root, insert, insert_secret, load_secrets,
        remember_deleted,
    },
    organizations::OrganizationRow,
    projects::{self, ProjectRow},
    receipts,
    schema::{client_secrets, clients, console_tokens, organizations, projects as projects_table},
    transaction,
};
use crate::{
    Act, Action, NewCredentials, Once, Outcome, RepositoryError, Resource, RootRule, Rotated,
    audit::Event, lock::Lock,
};

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
            // It is the same secret: whoever signed in with it stays signed in.
            diesel::update(console_tokens::table)
                .filter(console_tokens::client_id.eq(id.to_string()))
                .filter(console_tokens::secret_hash.eq(outdated.to_stored()))
                .set(console_tokens::secret_hash.eq(hash.to_stored()))
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
pub(super) async fn find(
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
