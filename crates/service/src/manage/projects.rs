//! Projects.

use paneld_auth::Stale;
use paneld_domain::{NewProject, Page, PageRequest, Project, ProjectChanges, ProjectId};

use super::{Created, Manage, Manager, TIME_TO_RESTORE, first_client, new_credentials, root_rule};
use crate::{Answer, Once, ServiceError};

impl Manage {
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
}
