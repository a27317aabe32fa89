//! Links that show the overview of a project.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_auth::{SecretHash, Share, TokenHash};
use paneld_domain::{
    ClientId, Name, Organization, OrganizationId, Project, ProjectId, ShareLink, ShareLinkId,
    Timestamp,
};

use super::{
    Backend, Connection, Store, audit,
    organizations::OrganizationRow,
    projects::{self, ProjectRow},
    receipts,
    schema::{organizations, projects as projects_table, share_links},
    transaction,
};
use crate::{Act, NewShare, Once, Outcome, RepositoryError, Resource, audit::Event, lock::Lock};

/// So many links a project has at most.
const MOST_OF_PROJECT: i64 = 100;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = share_links, check_for_backend(Backend))]
struct ShareRow {
    id: String,
    project_key: i64,
    client_id: String,
    name: String,
    token_hash: String,
    session_hash: String,
    password_hash: Option<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl ShareRow {
    fn to_link(&self, project: &ProjectId) -> Result<ShareLink, RepositoryError> {
        Ok(ShareLink {
            id: self.id.parse().map_err(RepositoryError::internal)?,
            project_id: project.clone(),
            name: Name::stored(self.name.clone()),
            has_password: self.password_hash.is_some(),
            created_by: self.client_id.parse().map_err(RepositoryError::internal)?,
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }
}

/// What a link is found by.
pub(super) enum By {
    /// Its own token.
    Link(TokenHash),
    /// The token that stands for it and its password.
    Session(TokenHash),
}

impl Store {
    pub(crate) async fn list_share_links(
        &self,
        organization: OrganizationId,
        project: ProjectId,
    ) -> Result<Vec<ShareLink>, RepositoryError> {
        let mut connection = self.reader().await?;
        let project = projects::find_live(&mut connection, &organization, &project).await?;
        let rows = share_links::table
            .filter(share_links::project_key.eq(project.key.0))
            .order((share_links::created_at.desc(), share_links::id))
            .select(ShareRow::as_select())
            .load(&mut connection)
            .await?;
        rows.iter().map(|row| row.to_link(&project.id)).collect()
    }

    pub(crate) async fn create_share_link(
        &self,
        organization: OrganizationId,
        new: NewShare,
        act: Act,
        once: Option<Once<ShareLink>>,
    ) -> Result<Outcome<ShareLink>, RepositoryError> {
        let lock = Lock::creation(&organization, once.as_ref());
        transaction!(self, lock, async |connection| {
            if let Some(kept) = receipts::find(connection, once.as_ref(), act.at).await? {
                return Ok(Outcome::Kept(kept));
            }
            let NewShare {
                link,
                token,
                session,
                password,
            } = new;
            let project = projects::find_live(connection, &organization, &link.project_id).await?;
            let present = share_links::table
                .filter(share_links::project_key.eq(project.key.0))
                .filter(
                    share_links::expires_at
                        .is_null()
                        .or(share_links::expires_at.gt(act.at)),
                )
                .count()
                .get_result::<i64>(connection)
                .await?;
            if present >= MOST_OF_PROJECT {
                return Err(RepositoryError::TooManyShareLinks);
            }
            let row = ShareRow {
                id: link.id.to_string(),
                project_key: project.key.0,
                client_id: link.created_by.to_string(),
                name: link.name.to_string(),
                token_hash: token.to_stored(),
                session_hash: session.to_stored(),
                password_hash: password.map(|hash| hash.to_stored()),
                created_at: link.created_at,
                expires_at: link.expires_at,
            };
            diesel::insert_into(share_links::table)
                .values(row)
                .execute(connection)
                .await?;
            audit::record(connection, &act, &organization, [Event::created(&link)?]).await?;
            receipts::keep(connection, once, &link, act.at).await?;
            Ok(Outcome::Made(link))
        })
    }

    pub(crate) async fn delete_share_link(
        &self,
        organization: OrganizationId,
        project: ProjectId,
        id: ShareLinkId,
        maker: Option<ClientId>,
        act: Act,
    ) -> Result<TokenHash, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let project = projects::find_live(connection, &organization, &project).await?;
            let row = diesel::delete(share_links::table.find(id.to_string()))
                .filter(share_links::project_key.eq(project.key.0))
                .returning(ShareRow::as_returning())
                .get_result(connection)
                .await
                .optional()?
                .ok_or(RepositoryError::NotFound(Resource::ShareLink))?;
            let link = row.to_link(&project.id)?;
            if maker.is_some_and(|maker| maker != link.created_by) {
                return Err(RepositoryError::OthersShareLink);
            }
            let event = Event::deleted(&link)?;
            audit::record(connection, &act, &organization, [event]).await?;
            let session = TokenHash::from_stored(&row.session_hash);
            session.ok_or_else(|| RepositoryError::internal("a hash is damaged"))
        })
    }

    pub(crate) async fn find_share(
        &self,
        token: TokenHash,
    ) -> Result<Option<Share>, RepositoryError> {
        find(&mut *self.lookup().await?, By::Link(token)).await
    }
}

/// Removes the links whose time is over.
pub(super) async fn forget(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<(), RepositoryError> {
    diesel::delete(share_links::table)
        .filter(share_links::expires_at.le(now))
        .execute(connection)
        .await?;
    Ok(())
}

/// A link, and what it shows.
pub(super) async fn find(
    connection: &mut Connection,
    by: By,
) -> Result<Option<Share>, RepositoryError> {
    let query = share_links::table
        .inner_join(projects_table::table.inner_join(organizations::table))
        .select((
            ShareRow::as_select(),
            ProjectRow::as_select(),
            OrganizationRow::as_select(),
        ))
        .into_boxed::<Backend>();
    let query = match by {
        By::Link(token) => query.filter(share_links::token_hash.eq(token.to_stored())),
        By::Session(token) => query.filter(share_links::session_hash.eq(token.to_stored())),
    };
    let found = query
        .first::<(ShareRow, ProjectRow, OrganizationRow)>(connection)
        .await
        .optional()?;
    let Some((row, project, organization)) = found else {
        return Ok(None);
    };
    let project = Project::try_from(project)?;
    let password = match &row.password_hash {
        Some(text) => Some(
            SecretHash::from_stored(text)
                .ok_or_else(|| RepositoryError::internal("a hash is damaged"))?,
        ),
        None => None,
    };
    Ok(Some(Share {
        link: row.to_link(&project.id)?,
        organization: Organization::try_from(organization)?,
        project,
        password,
    }))
}
