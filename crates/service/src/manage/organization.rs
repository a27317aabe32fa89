//! The caller's organization, and who changed what in it.

use paneld_auth::Stale;
use paneld_domain::{Organization, OrganizationChanges, Page, PageRequest};
use paneld_repository::{AuditEntry, AuditFilter};

use super::{Manage, Manager};
use crate::ServiceError;

impl Manage {
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
}
