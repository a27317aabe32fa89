//! Organizations.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_domain::{Name, Organization, OrganizationChanges, OrganizationId, Timestamp, Zone};

use super::{
    Backend, Connection, Store, audit,
    client_rows::remember_deleted,
    schema::{audit_entries, clients, organizations, projects},
    transaction,
};
use crate::{Act, Action, RepositoryError, Resource, audit::Event, lock::Lock};

/// How many ids are tried for a name. The later ones have twelve random digits.
const ID_ATTEMPTS: u32 = 40;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = organizations, check_for_backend(Backend))]
pub(super) struct OrganizationRow {
    id: String,
    name: String,
    zone: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<&Organization> for OrganizationRow {
    fn from(organization: &Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            name: organization.name.to_string(),
            zone: organization.zone.to_string(),
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

impl TryFrom<OrganizationRow> for Organization {
    type Error = RepositoryError;

    fn try_from(row: OrganizationRow) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id.parse().map_err(RepositoryError::internal)?,
            name: Name::stored(row.name),
            zone: row.zone.parse().map_err(RepositoryError::internal)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    pub(crate) async fn list_organizations(&self) -> Result<Vec<Organization>, RepositoryError> {
        let rows = organizations::table
            .order((organizations::created_at, organizations::id))
            .select(OrganizationRow::as_select())
            .load(&mut self.reader().await?)
            .await?;
        rows.into_iter().map(Organization::try_from).collect()
    }

    pub(crate) async fn get_organization(
        &self,
        id: OrganizationId,
    ) -> Result<Organization, RepositoryError> {
        let mut connection = self.reader().await?;
        find(&mut connection, &id).await
    }

    pub(crate) async fn create_organization(
        &self,
        name: Name,
        act: Act,
    ) -> Result<Organization, RepositoryError> {
        let lock = Lock::Nothing;
        transaction!(self, lock, async |connection| {
            insert(connection, name, &act).await
        })
    }

    pub(crate) async fn update_organization(
        &self,
        id: OrganizationId,
        changes: OrganizationChanges,
        act: Act,
    ) -> Result<Organization, RepositoryError> {
        let lock = Lock::organization(&id);
        transaction!(self, lock, async |connection| {
            let before = find(connection, &id).await?;
            let mut organization = before.clone();
            changes.apply(&mut organization, act.at);
            diesel::update(organizations::table.find(id.as_str()))
                .set(OrganizationRow::from(&organization))
                .execute(connection)
                .await?;
            let event = Event::changed(Action::Update, &before, &organization)?;
            audit::record(connection, &act, &id, event).await?;
            Ok(organization)
        })
    }

    pub(crate) async fn delete_organization(
        &self,
        id: OrganizationId,
        act: Act,
    ) -> Result<bool, RepositoryError> {
        let lock = Lock::organization(&id);
        transaction!(self, lock, async |connection| {
            find(connection, &id).await?;
            let of_it = projects::table.filter(projects::organization_id.eq(id.as_str()));
            if of_it.count().get_result::<i64>(connection).await? > 0 {
                return Ok(false);
            }
            let of_it = clients::table.filter(clients::organization_id.eq(id.as_str()));
            let ids = of_it.select(clients::id).load::<String>(connection).await?;
            for client in ids {
                remember_deleted(connection, client, act.at).await?;
            }
            diesel::delete(of_it).execute(connection).await?;
            // Its audit log is its own, and goes with it.
            diesel::delete(
                audit_entries::table.filter(audit_entries::organization_id.eq(id.as_str())),
            )
            .execute(connection)
            .await?;
            diesel::delete(organizations::table.find(id.as_str()))
                .execute(connection)
                .await?;
            Ok(true)
        })
    }
}

/// Makes an organization with an id of its own.
pub(super) async fn insert(
    connection: &mut Connection,
    name: Name,
    act: &Act,
) -> Result<Organization, RepositoryError> {
    for attempt in 0..ID_ATTEMPTS {
        let organization = Organization {
            id: OrganizationId::candidate(&name, attempt, &mut rand::rng()),
            name: name.clone(),
            zone: Zone::UTC,
            created_at: act.at,
            updated_at: act.at,
        };
        let inserted = diesel::insert_into(organizations::table)
            .values(OrganizationRow::from(&organization))
            .on_conflict_do_nothing()
            .execute(connection)
            .await?;
        if inserted == 1 {
            let event = Event::created(&organization)?;
            audit::record(connection, act, &organization.id, [event]).await?;
            return Ok(organization);
        }
    }
    Err(RepositoryError::internal("no free id was found"))
}

async fn find(
    connection: &mut Connection,
    id: &OrganizationId,
) -> Result<Organization, RepositoryError> {
    organizations::table
        .find(id.as_str())
        .select(OrganizationRow::as_select())
        .first(connection)
        .await
        .optional()?
        .ok_or(RepositoryError::NotFound(Resource::Organization))?
        .try_into()
}
