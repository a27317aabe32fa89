//! Which organization a command is about.

use anyhow::Context as _;
use clap::Args;
use paneld_domain::OrganizationId;
use paneld_service::Admin;

/// Which organization is meant.
#[derive(Debug, Args)]
pub(crate) struct WhichOrganization {
    /// The organization; not needed when there is only one
    #[arg(long)]
    organization: Option<OrganizationId>,
}

impl WhichOrganization {
    /// The organization that is named; or the only one that there is.
    pub(super) async fn find(self, admin: &Admin) -> anyhow::Result<OrganizationId> {
        let found = admin.find_organization(self.organization).await?;
        let organization = found.context(
            "there is not exactly one organization: say which with --organization \
             (see: paneld admin organizations list)",
        )?;
        Ok(organization.id)
    }
}
