//! The operator's use cases. There is no caller to be authorized: whoever can start the
//! program on the data can do anything to it. The server's own copies of what changes here are
//! at most five seconds old.

use std::{sync::Arc, time::Duration};

use paneld_auth::{CredentialStore as _, Credentials, PlainSecret, SecretHash, Session, Token};
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientType, Clock, Name, NewClient, NewProject, Organization,
    OrganizationChanges, OrganizationId, Page, PageRequest, Project, ProjectId, ShareLink,
    ShareLinkId,
};
use paneld_repository::{
    Act, AuditEntry, AuditFilter, Bootstrap, ConsoleToken, NewConsoleToken, NewCredentials,
    RegisteredServer, Repository, RepositoryError, Resource, RootRule, Rotated,
};

use crate::{
    Created, SIGN_IN_TIME, ServiceError,
    manage::{TIME_TO_RESTORE, first_client, new_credentials},
};

/// Administers the catalog for the operator, who needs no permission.
#[derive(Debug, Clone)]
pub struct Admin {
    repository: Repository,
    clock: Clock,
}

impl Admin {
    /// The use cases on this catalog.
    pub fn new(repository: Repository, clock: Clock) -> Self {
        Self { repository, clock }
    }

    /// Whether there is no organization yet.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn is_empty(&self) -> Result<bool, ServiceError> {
        Ok(self.repository.is_empty().await?)
    }

    /// Makes the first organization, and a root client of these credentials. Says whether it
    /// did: only when there was no organization.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn begin(
        &self,
        organization: Option<Name>,
        id: ClientId,
        secret: &PlainSecret,
    ) -> Result<bool, ServiceError> {
        let organization = organization.unwrap_or_else(default_organization);
        let (client, credentials) = first_root_client(id, secret);
        let act = self.act();
        Ok(self
            .repository
            .begin(organization, client, credentials, act)
            .await?)
    }

    /// Makes the root client of these credentials, and its organization if need be; unless the
    /// client is or ever was there.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn bootstrap(
        &self,
        organization: Option<Name>,
        id: ClientId,
        secret: &PlainSecret,
    ) -> Result<Bootstrap, ServiceError> {
        let (client, credentials) = first_root_client(id, secret);
        let act = self.act();
        let bootstrapped = self.repository.bootstrap(
            organization,
            default_organization(),
            client,
            credentials,
            act,
        );
        Ok(bootstrapped.await?)
    }

    /// The servers that are registered, the first to start first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_servers(&self) -> Result<Vec<RegisteredServer>, ServiceError> {
        Ok(self.repository.list_servers().await?)
    }

    /// All organizations, oldest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_organizations(&self) -> Result<Vec<Organization>, ServiceError> {
        Ok(self.repository.list_organizations().await?)
    }

    /// Makes an organization.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn create_organization(&self, name: Name) -> Result<Organization, ServiceError> {
        let act = self.act();
        Ok(self.repository.create_organization(name, act).await?)
    }

    /// Gives an organization another name; its id stays.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn rename_organization(
        &self,
        id: OrganizationId,
        name: Name,
    ) -> Result<Organization, ServiceError> {
        let changes = OrganizationChanges {
            name: Some(name),
            zone: None,
        };
        let renamed = self.repository.update_organization(id, changes, self.act());
        Ok(renamed.await?)
    }

    /// Removes an organization for good, with its clients and its audit log. `false` says that it
    /// still has projects, be it some that wait to be purged.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn delete_organization(&self, id: OrganizationId) -> Result<bool, ServiceError> {
        Ok(self.repository.delete_organization(id, self.act()).await?)
    }

    /// The organization that the operator means: the one named, or the only one there is.
    /// `None` when there are several, or none at all.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be asked.
    pub async fn find_organization(
        &self,
        id: Option<OrganizationId>,
    ) -> Result<Option<Organization>, ServiceError> {
        if let Some(id) = id {
            return Ok(Some(self.repository.get_organization(id).await?));
        }
        let mut all = self.repository.list_organizations().await?;
        Ok(if all.len() == 1 { all.pop() } else { None })
    }

    /// The clients of an organization, newest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_clients(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Client>, ServiceError> {
        let page = PageRequest::default();
        let Page { items, .. } = self
            .repository
            .list_clients(organization, None, page)
            .await?;
        Ok(items)
    }

    /// Makes a client of any type.
    ///
    /// # Errors
    /// When there is no such organization or project, when the settings do not go together, or
    /// when the catalog cannot be written.
    pub async fn create_client(
        &self,
        organization: OrganizationId,
        new: NewClient,
    ) -> Result<Created<Client>, ServiceError> {
        let (secret, credentials) = new_credentials();
        let client_id = credentials.id;
        let act = self.act();
        let made = self
            .repository
            .create_client(organization, new, credentials, act, None)
            .await?
            .made()?;
        Ok(Created {
            made,
            client_id,
            secret,
        })
    }

    /// Makes a client of a known id and secret, of which only the hash is known.
    ///
    /// # Errors
    /// The same as for [`create_client`](Self::create_client); and when there is a client of
    /// this id, of whatever organization.
    pub async fn import_client(
        &self,
        organization: OrganizationId,
        new: NewClient,
        id: ClientId,
        hash: SecretHash,
    ) -> Result<Client, ServiceError> {
        let (credentials, act) = (NewCredentials { id, hash }, self.act());
        let imported = self
            .repository
            .create_client(organization, new, credentials, act, None);
        Ok(imported.await?.made()?)
    }

    /// One client, of any organization.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be asked.
    pub async fn get_client(&self, id: ClientId) -> Result<Client, ServiceError> {
        Ok(self.find_credentials(id).await?.client)
    }

    /// Lets whoever has this token sign in to the console as this client, once, within
    /// [`SIGN_IN_TIME`]. It ends with the client's secret, and nobody learns that.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn allow_sign_in(&self, id: ClientId, token: &Token) -> Result<(), ServiceError> {
        let found = self.find_credentials(id).await?;
        let mut secrets = found.secrets.into_iter();
        let present = secrets.find(|secret| secret.expires_at.is_none());
        let present = present.ok_or_else(|| ServiceError::internal("a client has no secret"))?;
        let now = self.clock.now();
        let new = NewConsoleToken {
            kind: ConsoleToken::SignIn,
            token: token.hash(),
            session: Session {
                client_id: id,
                secret: present.hash,
                expires_at: now + SIGN_IN_TIME,
            },
            by_link: None,
            instead_of: None,
        };
        let organization = found.client.organization_id;
        let created = self.repository.create_console_token(organization, new, now);
        created.await?;
        Ok(())
    }

    /// Whether somebody can sign in to the console as this client now.
    pub fn can_sign_in(&self, client: &Client) -> bool {
        client.client_type != ClientType::Write && client.is_usable(self.clock.now())
    }

    /// The oldest root client of an organization that can sign in now, from everywhere.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn find_usable_root(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<Client>, ServiceError> {
        let clients = self.list_clients(organization).await?.into_iter();
        let mut oldest_first = clients.rev();
        Ok(oldest_first.find(|client| {
            client.client_type == ClientType::Root
                && self.can_sign_in(client)
                && client.allowed_ips.is_empty()
        }))
    }

    /// Changes a client of any organization, also a last root client. Its own rate limits may
    /// be beyond what root clients can give.
    ///
    /// # Errors
    /// When there is none of this id, when the settings do not go together, or when the catalog
    /// cannot be written.
    pub async fn update_client(
        &self,
        id: ClientId,
        changes: ClientChanges,
    ) -> Result<Client, ServiceError> {
        let organization = self.get_client(id).await?.organization_id;
        let (rule, act) = (RootRule::Overridden, self.act());
        let updated = self
            .repository
            .update_client(organization, id, changes, rule, act);
        Ok(updated.await?)
    }

    /// Gives a client of any organization a new secret. The one it replaces works for the grace;
    /// every older one ends at once.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn rotate_secret(
        &self,
        id: ClientId,
        grace: Duration,
    ) -> Result<Created<Rotated>, ServiceError> {
        let organization = self.get_client(id).await?.organization_id;
        let secret = Arc::new(PlainSecret::generate());
        let (hash, act) = (SecretHash::of(&secret), self.act());
        let previous_end = (!grace.is_zero()).then(|| act.at + grace);
        let rotated =
            self.repository
                .rotate_secret(organization, id, hash, previous_end, act, None);
        Ok(Created {
            made: rotated.await?.made()?,
            client_id: id,
            secret,
        })
    }

    /// Removes a client of any organization for good, also a last root client.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn delete_client(&self, id: ClientId) -> Result<(), ServiceError> {
        let client = self.get_client(id).await?;
        let (rule, act) = (RootRule::Overridden, self.act());
        let deleted = self
            .repository
            .delete_client(client.organization_id, id, rule, act);
        Ok(deleted.await?)
    }

    /// The projects of an organization, deleted ones too, newest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_projects(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Project>, ServiceError> {
        let page = PageRequest::default();
        let Page { items, .. } = self
            .repository
            .list_projects(organization, true, page)
            .await?;
        Ok(items)
    }

    /// Makes a project, and its first client.
    ///
    /// # Errors
    /// When there is no such organization, or the catalog cannot be written.
    pub async fn create_project(
        &self,
        organization: OrganizationId,
        new: NewProject,
    ) -> Result<Created<Project>, ServiceError> {
        let (secret, credentials) = new_credentials();
        let client_id = credentials.id;
        let organization = self.repository.get_organization(organization).await?.id;
        let made = self.repository.create_project_with_client(
            organization,
            new,
            first_client(),
            credentials,
            self.act(),
            None,
        );
        Ok(Created {
            made: made.await?.made()?,
            client_id,
            secret,
        })
    }

    /// Deletes a project of any organization: nothing can be tracked for it any more, and it is
    /// purged a day later unless it is restored. Also where that leaves an organization without a
    /// usable root client.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn delete_project(&self, id: ProjectId) -> Result<Project, ServiceError> {
        let organization = self.find_project(&id).await?.organization_id;
        let act = self.act();
        let delete_at = act.at + TIME_TO_RESTORE;
        let rule = RootRule::Overridden;
        let deleted = self
            .repository
            .delete_project(organization, id, rule, act, delete_at);
        Ok(deleted.await?)
    }

    /// Cancels the deletion of a project of any organization, as long as it was not purged.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn restore_project(&self, id: ProjectId) -> Result<Project, ServiceError> {
        let project = self.find_project(&id).await?;
        let act = self.act();
        let restored = self
            .repository
            .restore_project(project.organization_id, id, act);
        Ok(restored.await?)
    }

    /// Removes a deleted project of any organization now, whether it is due or not. A live one
    /// must be deleted first: `false` says that it is live.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn purge_project(&self, id: ProjectId) -> Result<bool, ServiceError> {
        let project = self.find_project(&id).await?;
        let Some(due) = project.delete_at else {
            return Ok(false);
        };
        let purged = self.repository.purge_project(
            project.organization_id,
            project.key,
            due.max(self.clock.now()),
            self.act(),
        );
        Ok(purged.await?)
    }

    /// The newest entries of an organization's audit log, newest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_audit_entries(
        &self,
        organization: OrganizationId,
        filter: AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, ServiceError> {
        let page = PageRequest {
            limit: Some(limit),
            after: None,
        };
        let Page { items, .. } = self
            .repository
            .list_audit_entries(organization, filter, page)
            .await?;
        Ok(items)
    }

    fn act(&self) -> Act {
        Act::of_operator(self.clock.now())
    }

    /// The share links of a project of any organization, newest first.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be asked.
    pub async fn list_share_links(
        &self,
        project: ProjectId,
    ) -> Result<Vec<ShareLink>, ServiceError> {
        let organization = self.find_project(&project).await?.organization_id;
        let listed = self.repository.list_share_links(organization, project);
        Ok(listed.await?)
    }

    /// Ends a share link of a project of any organization.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn end_share_link(
        &self,
        project: ProjectId,
        id: ShareLinkId,
    ) -> Result<(), ServiceError> {
        let organization = self.find_project(&project).await?.organization_id;
        let act = self.act();
        let ended = self
            .repository
            .delete_share_link(organization, project, id, None, act);
        ended.await?;
        Ok(())
    }

    async fn find_credentials(&self, id: ClientId) -> Result<Credentials, ServiceError> {
        let found = self.repository.find_credentials(id).await;
        let found = found.map_err(|error| ServiceError::Unavailable(error.into()))?;
        found.ok_or(ServiceError::NotFound(Resource::Client))
    }

    async fn find_project(&self, id: &ProjectId) -> Result<Project, ServiceError> {
        for organization in self.repository.list_organizations().await? {
            let found = self
                .repository
                .get_project(organization.id, id.clone(), true);
            match found.await {
                Err(RepositoryError::NotFound(_)) => {}
                other => return Ok(other?),
            }
        }
        Err(ServiceError::NotFound(Resource::Project))
    }
}

fn default_organization() -> Name {
    Name::stored("My organization".to_owned())
}

fn first_root_client(id: ClientId, secret: &PlainSecret) -> (NewClient, NewCredentials) {
    let client = NewClient {
        name: Name::stored("First root client".to_owned()),
        client_type: ClientType::Root,
        project_id: None,
        settings: ClientChanges::default(),
    };
    let credentials = NewCredentials {
        id,
        hash: SecretHash::of(secret),
    };
    (client, credentials)
}
