//! Clients and their secrets.

use std::{sync::Arc, time::Duration};

use paneld_auth::{PlainSecret, SecretHash, Stale};
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientRateLimits, ClientType, LimitGroup, NewClient, Page,
    PageRequest, Problem, ProjectId, limit_group,
};
use paneld_repository::Rotated;

use super::{Created, Manage, Manager, new_credentials, root_rule};
use crate::{Answer, Once, ServiceError};

impl Manage {
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
