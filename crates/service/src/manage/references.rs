//! Dated annotations.

use paneld_domain::{
    NewReference, Page, PageRequest, ProjectId, Reference, ReferenceChanges, ReferenceId,
};

use super::{Manage, Manager};
use crate::{Answer, Once, ServiceError};

impl Manage {
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
}
