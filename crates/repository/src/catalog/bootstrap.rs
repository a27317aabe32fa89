//! The first organization and client, and whether the catalog answers.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_auth::SecretHash;
use paneld_domain::{ClientId, Name, NewClient, Organization, OrganizationId, Timestamp};

use super::{
    Backend, Connection, Store, client_rows,
    organizations::{self, OrganizationRow},
    schema::{clients as clients_table, deleted_client_ids, organizations as organizations_table},
    transaction,
};
use crate::{Act, Bootstrap, NewCredentials, RepositoryError, lock::Lock};

impl Store {
    pub(crate) async fn is_empty(&self) -> Result<bool, RepositoryError> {
        let organizations = organizations_table::table
            .count()
            .get_result::<i64>(&mut self.reader().await?)
            .await?;
        Ok(organizations == 0)
    }

    /// Makes the first organization and its root client. Says whether it did: only when there
    /// was none.
    pub(crate) async fn begin(
        &self,
        organization: Name,
        client: NewClient,
        credentials: NewCredentials,
        act: Act,
    ) -> Result<bool, RepositoryError> {
        let lock = Lock::Beginning;
        transaction!(self, lock, async |connection| {
            let organizations = organizations_table::table.count();
            if organizations.get_result::<i64>(connection).await? > 0 {
                return Ok(false);
            }
            let organization = organizations::insert(connection, organization, &act).await?;
            let client = client.build(credentials.id, organization.id, act.at);
            client_rows::insert(connection, &client, None, &credentials.hash, &act).await?;
            Ok(true)
        })
    }

    pub(crate) async fn bootstrap(
        &self,
        organization: Option<Name>,
        default_organization: Name,
        client: NewClient,
        credentials: NewCredentials,
        act: Act,
    ) -> Result<Bootstrap, RepositoryError> {
        let lock = Lock::Beginning;
        transaction!(self, lock, async |connection| {
            let NewCredentials { id, hash } = &credentials;
            if let Some(outcome) = find_outcome(connection, *id, hash, act.at).await? {
                return Ok(outcome);
            }
            let organization = match find_organization(connection, organization.as_ref()).await? {
                Some(found) => found,
                None => {
                    let name = organization.unwrap_or(default_organization);
                    organizations::insert(connection, name, &act).await?
                }
            };
            let client = client.build(*id, organization.id, act.at);
            client_rows::insert(connection, &client, None, hash, &act).await?;
            Ok(Bootstrap::Created)
        })
    }
}

/// What became of the client, if it is or was there.
async fn find_outcome(
    connection: &mut Connection,
    id: ClientId,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<Bootstrap>, RepositoryError> {
    let present = clients_table::table
        .find(id.to_string())
        .count()
        .get_result::<i64>(connection)
        .await?;
    if present == 1 {
        let secrets = client_rows::load_secrets(connection, id).await?;
        let mut working = secrets.iter().filter(|secret| secret.works(now));
        let same_secret = working.any(|secret| secret.hash.matches(hash));
        return Ok(Some(Bootstrap::Present { same_secret }));
    }
    let deleted = deleted_client_ids::table
        .find(id.to_string())
        .count()
        .get_result::<i64>(connection)
        .await?;
    Ok((deleted == 1).then_some(Bootstrap::Deleted))
}

/// The organization whose id is that of the name, or without a name the oldest one. Not the one
/// that is called so now: everyone may call their own organization as they like.
async fn find_organization(
    connection: &mut Connection,
    name: Option<&Name>,
) -> Result<Option<Organization>, RepositoryError> {
    let mut query = organizations_table::table
        .order((organizations_table::created_at, organizations_table::id))
        .select(OrganizationRow::as_select())
        .into_boxed::<Backend>();
    if let Some(name) = name {
        let id = OrganizationId::candidate(name, 0, &mut rand::rng());
        query = query.filter(organizations_table::id.eq(id.to_string()));
    }
    let found = query.first(connection).await.optional()?;
    found.map(Organization::try_from).transpose()
}
