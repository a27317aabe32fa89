//! The Manage API's use cases: `docs/contract/manage.md`.

use std::{sync::Arc, time::Duration};

use paneld_auth::{Authorized, PlainSecret, SecretHash, Stale, permission};
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientRateLimits, ClientType, Clock, LimitGroup, Limits, Name,
    NewClient, NewProject, NewReference, Organization, OrganizationChanges, Page, PageRequest,
    Problem, Project, ProjectChanges, ProjectId, Reference, ReferenceChanges, ReferenceId,
    limit_group,
};
use paneld_repository::{
    Act, Actor, AuditEntry, AuditFilter, NewCredentials, Outcome, Repository, RepositoryError,
    RootRule, Rotated,
};

use crate::{Answer, Once, Revocations, ServiceError};

/// How long a deleted project can be restored.
pub(crate) const TIME_TO_RESTORE: Duration = Duration::from_secs(24 * 60 * 60);

/// Proof that the caller may manage its organization.
pub(crate) type Manager = Authorized<permission::Manage>;

/// Something that was made together with credentials.
#[derive(Debug, Clone)]
pub struct Created<T> {
    /// What was made.
    pub made: T,
    /// The id of the client whose secret it is.
    pub client_id: ClientId,
    /// The secret, shown this once.
    pub secret: Arc<PlainSecret>,
}

impl<T> Created<T> {
    /// Adds the credentials to what was made.
    fn with(
        client_id: ClientId,
        secret: &Arc<PlainSecret>,
    ) -> impl Fn(T) -> Self + Clone + Send + Sync + 'static {
        let secret = Arc::clone(secret);
        move |made| Self {
            made,
            client_id,
            secret: Arc::clone(&secret),
        }
    }
}

/// What the operator decides about the Manage API.
#[derive(Debug, Clone, Copy)]
pub struct ManageSettings {
    /// The rates that bound what clients may be given.
    pub limits: Limits,
    /// Whether root clients may be made through the API.
    pub allow_root_creation: bool,
}

/// Manages an organization's projects, clients and references on behalf of its root clients.
#[derive(Debug, Clone)]
pub struct Manage {
    repository: Repository,
    revocations: Revocations,
    clock: Clock,
    settings: ManageSettings,
}

impl Manage {
    /// The use cases on this catalog.
    pub fn new(
        repository: Repository,
        revocations: Revocations,
        clock: Clock,
        settings: ManageSettings,
    ) -> Self {
        Self {
            repository,
            revocations,
            clock,
            settings,
        }
    }

    /// The caller's organization.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn get_organization(&self, caller: &Manager) -> Result<Organization, ServiceError> {
        let id = caller.organization_id().clone();
        Ok(self.repository.get_organization(id).await?)
    }

    /// Changes the caller's organization.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn update_organization(
        &self,
        caller: &Manager,
        changes: OrganizationChanges,
    ) -> Result<Organization, ServiceError> {
        let id = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        self.change(Some(Stale::All), async move {
            repository.update_organization(id, changes, act).await
        })
        .await
    }

    /// The organization's projects, newest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_projects(
        &self,
        caller: &Manager,
        include_deleted: bool,
        page: PageRequest,
    ) -> Result<Page<Project>, ServiceError> {
        let organization = caller.organization_id().clone();
        let listed = self
            .repository
            .list_projects(organization, include_deleted, page);
        Ok(listed.await?)
    }

    /// One project.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be asked.
    pub async fn get_project(
        &self,
        caller: &Manager,
        id: ProjectId,
        include_deleted: bool,
    ) -> Result<Project, ServiceError> {
        let organization = caller.organization_id().clone();
        let found = self
            .repository
            .get_project(organization, id, include_deleted);
        Ok(found.await?)
    }

    /// Makes a project and a write client for it.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn create_project(
        &self,
        caller: &Manager,
        new: NewProject,
        once: Option<Once<Created<Project>>>,
    ) -> Result<Answer<Created<Project>>, ServiceError> {
        let (secret, credentials) = new_credentials();
        let client_id = credentials.id;
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        let present = Created::with(client_id, &secret);
        self.create(
            Some(Stale::Client(client_id)),
            once,
            present,
            async move |once| {
                repository
                    .create_project_with_client(
                        organization,
                        new,
                        first_client(),
                        credentials,
                        act,
                        once,
                    )
                    .await
            },
        )
        .await
    }

    /// Changes a project; a deletion is cancelled by that.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn update_project(
        &self,
        caller: &Manager,
        id: ProjectId,
        changes: ProjectChanges,
    ) -> Result<Project, ServiceError> {
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        self.change(Some(Stale::All), async move {
            repository
                .update_project(organization, id, changes, act)
                .await
        })
        .await
    }

    /// Deletes a project: it is gone at once for its users, and purged a day later.
    ///
    /// # Errors
    /// When there is none of this id, when no usable root client would remain, or when the
    /// catalog cannot be written.
    pub async fn delete_project(
        &self,
        caller: &Manager,
        id: ProjectId,
    ) -> Result<(), ServiceError> {
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        let (rule, delete_at) = (root_rule(caller), act.at + TIME_TO_RESTORE);
        let delete = async move {
            repository
                .delete_project(organization, id, rule, act, delete_at)
                .await
        };
        self.change(Some(Stale::All), delete).await?;
        Ok(())
    }

    /// The organization's clients, newest first; of one project, if it is given.
    ///
    /// # Errors
    /// When there is no such project, or the catalog cannot be asked.
    pub async fn list_clients(
        &self,
        caller: &Manager,
        project: Option<ProjectId>,
        page: PageRequest,
    ) -> Result<Page<Client>, ServiceError> {
        let organization = caller.organization_id().clone();
        Ok(self
            .repository
            .list_clients(organization, project, page)
            .await?)
    }

    /// One client.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be asked.
    pub async fn get_client(&self, caller: &Manager, id: ClientId) -> Result<Client, ServiceError> {
        let organization = caller.organization_id().clone();
        Ok(self.repository.get_client(organization, id).await?)
    }

    /// Makes a client.
    ///
    /// # Errors
    /// When there is no such project, when the settings do not go together or are beyond what
    /// the operator allows, or when the catalog cannot be written.
    pub async fn create_client(
        &self,
        caller: &Manager,
        new: NewClient,
        once: Option<Once<Created<Client>>>,
    ) -> Result<Answer<Created<Client>>, ServiceError> {
        if new.client_type == ClientType::Root && !self.settings.allow_root_creation {
            return Err(ServiceError::Forbidden(
                "Root clients cannot be created through the API of this server",
            ));
        }
        self.demand_grantable(new.settings.rate_limits.as_ref())?;
        let (secret, credentials) = new_credentials();
        let client_id = credentials.id;
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        let present = Created::with(client_id, &secret);
        self.create(
            Some(Stale::Client(client_id)),
            once,
            present,
            async move |once| {
                repository
                    .create_client(organization, new, credentials, act, once)
                    .await
            },
        )
        .await
    }

    /// Changes a client.
    ///
    /// # Errors
    /// When there is none of this id, when the settings do not go together or are beyond what
    /// the operator allows, when no usable root client would remain, or when the catalog cannot
    /// be written.
    pub async fn update_client(
        &self,
        caller: &Manager,
        id: ClientId,
        changes: ClientChanges,
    ) -> Result<Client, ServiceError> {
        self.demand_grantable(changes.rate_limits.as_ref())?;
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        let rule = root_rule(caller);
        self.change(Some(Stale::Client(id)), async move {
            repository
                .update_client(organization, id, changes, rule, act)
                .await
        })
        .await
    }

    /// Gives a client a new secret. The one it replaces works for the grace; every older one
    /// ends at once.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn rotate_secret(
        &self,
        caller: &Manager,
        id: ClientId,
        grace: Duration,
        once: Option<Once<Created<Rotated>>>,
    ) -> Result<Answer<Created<Rotated>>, ServiceError> {
        let secret = Arc::new(PlainSecret::generate());
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        let previous_end = (!grace.is_zero()).then(|| act.at + grace);
        let hash = SecretHash::of(&secret);
        let present = Created::with(id, &secret);
        self.create(Some(Stale::Client(id)), once, present, async move |once| {
            repository
                .rotate_secret(organization, id, hash, previous_end, act, once)
                .await
        })
        .await
    }

    /// Removes a client for good. A client may remove itself.
    ///
    /// # Errors
    /// When there is none of this id, when no usable root client would remain, or when the
    /// catalog cannot be written.
    pub async fn delete_client(&self, caller: &Manager, id: ClientId) -> Result<(), ServiceError> {
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        let rule = root_rule(caller);
        self.change(Some(Stale::Client(id)), async move {
            repository.delete_client(organization, id, rule, act).await
        })
        .await
    }

    /// The audit log of the organization, newest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_audit_entries(
        &self,
        caller: &Manager,
        filter: AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, ServiceError> {
        let organization = caller.organization_id().clone();
        let listed = self
            .repository
            .list_audit_entries(organization, filter, page);
        Ok(listed.await?)
    }

    /// The references of the organization's live projects, newest first; of one project, if it
    /// is given.
    ///
    /// # Errors
    /// When there is no such project, or the catalog cannot be asked.
    pub async fn list_references(
        &self,
        caller: &Manager,
        project: Option<ProjectId>,
        page: PageRequest,
    ) -> Result<Page<Reference>, ServiceError> {
        let organization = caller.organization_id().clone();
        let listed = self.repository.list_references(organization, project, page);
        Ok(listed.await?)
    }

    /// One reference.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be asked.
    pub async fn get_reference(
        &self,
        caller: &Manager,
        id: ReferenceId,
    ) -> Result<Reference, ServiceError> {
        let organization = caller.organization_id().clone();
        Ok(self.repository.get_reference(organization, id).await?)
    }

    /// Makes a reference.
    ///
    /// # Errors
    /// When there is no such project, or the catalog cannot be written.
    pub async fn create_reference(
        &self,
        caller: &Manager,
        new: NewReference,
        once: Option<Once<Reference>>,
    ) -> Result<Answer<Reference>, ServiceError> {
        let organization = caller.organization_id().clone();
        let id = ReferenceId::random(&mut rand::rng());
        let (repository, act) = self.at_work(caller);
        let present = |reference| reference;
        self.create(None, once, present, async move |once| {
            repository
                .create_reference(organization, new, id, act, once)
                .await
        })
        .await
    }

    /// Changes a reference.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn update_reference(
        &self,
        caller: &Manager,
        id: ReferenceId,
        changes: ReferenceChanges,
    ) -> Result<Reference, ServiceError> {
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        let updated = repository.update_reference(organization, id, changes, act);
        Ok(updated.await?)
    }

    /// Removes a reference for good.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn delete_reference(
        &self,
        caller: &Manager,
        id: ReferenceId,
    ) -> Result<(), ServiceError> {
        let organization = caller.organization_id().clone();
        let (repository, act) = self.at_work(caller);
        Ok(repository.delete_reference(organization, id, act).await?)
    }

    fn at_work(&self, caller: &Manager) -> (Repository, Act) {
        (self.repository.clone(), act_of(caller, &self.clock))
    }

    /// Carries out a creation, at most once if that is asked for; `present` turns what the
    /// catalog made into what its owner gets.
    async fn create<M: Clone + Send + 'static, T: 'static, F>(
        &self,
        stale: Option<Stale>,
        once: Option<Once<T>>,
        present: impl Fn(M) -> T + Clone + Send + Sync + 'static,
        work: impl FnOnce(Option<paneld_repository::Once<M>>) -> F,
    ) -> Result<Answer<T>, ServiceError>
    where
        F: Future<Output = Result<Outcome<M>, RepositoryError>> + Send + 'static,
    {
        let seal = once.as_ref().map(|once| once.seal.clone());
        let once = once.map(|once| {
            let present = present.clone();
            once.in_catalog(move |made: &M| present(made.clone()))
        });
        let outcome = self.change(stale, work(once)).await?;
        Answer::of(outcome, seal.as_ref(), present)
    }

    /// Carries out a change and forgets what it made stale, both or neither: on a task of its
    /// own, for the caller may go away in between. What failed may have happened all the same.
    async fn change<T: Send + 'static>(
        &self,
        stale: Option<Stale>,
        work: impl Future<Output = Result<T, RepositoryError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let revocations = self.revocations.clone();
        let whole = tokio::spawn(async move {
            let result = work.await;
            if let Some(stale) = stale {
                revocations.forget(stale);
            }
            result
        });
        Ok(whole.await.map_err(ServiceError::internal)??)
    }

    /// Demands that a client is given no rate beyond what the operator allows.
    fn demand_grantable(
        &self,
        given: Option<&Option<ClientRateLimits>>,
    ) -> Result<(), ServiceError> {
        let Some(Some(given)) = given else {
            return Ok(());
        };
        let limits = self.settings.limits;
        let beyond = |group: &LimitGroup| {
            let rate = given.get(*group);
            rate.is_some_and(|rate| !limits.may_grant(*group, rate))
        };
        let problems = limit_group::ALL.into_iter().filter(beyond).map(|group| {
            let why = format!(
                "must be at most {} times the group's rate",
                limits.client_factor
            );
            Problem::at(["rateLimits".into(), group.as_str().into()], why)
        });
        let problems = problems.collect::<Vec<_>>();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ServiceError::Invalid(problems))
        }
    }
}

/// What is done now, for this caller.
pub(crate) fn act_of(caller: &Manager, clock: &Clock) -> Act {
    let actor = Actor {
        client_id: caller.client_id(),
        peer_address: caller.principal().peer(),
        request_id: caller.request_id().to_owned(),
    };
    Act {
        at: clock.now(),
        by: Some(actor),
    }
}

fn root_rule(caller: &Manager) -> RootRule {
    RootRule::Enforced {
        peer: caller.principal().peer(),
    }
}

/// The client that a project is made with.
pub(crate) fn first_client() -> NewClient {
    NewClient {
        name: Name::stored("First client".to_owned()),
        client_type: ClientType::Write,
        project_id: None,
        settings: ClientChanges::default(),
    }
}

/// Fresh credentials, and the secret for the one who asked.
pub(crate) fn new_credentials() -> (Arc<PlainSecret>, NewCredentials) {
    let secret = Arc::new(PlainSecret::generate());
    let credentials = NewCredentials {
        id: ClientId::random(&mut rand::rng()),
        hash: SecretHash::of(&secret),
    };
    (secret, credentials)
}
