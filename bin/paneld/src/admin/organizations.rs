//! `paneld admin organizations`.

use clap::Subcommand;
use paneld_domain::Name;
use paneld_http::OrganizationBody;
use paneld_service::Admin;

use super::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationsCommand {
    /// List all organizations, oldest first
    List,
    /// Make an organization
    Create {
        /// Its name
        #[arg(long)]
        name: Name,
    },
}

impl OrganizationsCommand {
    pub(super) fn is_change(&self) -> bool {
        !matches!(self, Self::List)
    }
}

const COLUMNS: &[&str] = &["id", "name", "timezone", "createdAt"];

pub(super) async fn run(admin: &Admin, command: OrganizationsCommand) -> anyhow::Result<Output> {
    match command {
        OrganizationsCommand::List => {
            let all = admin.list_organizations().await?;
            Output::list(COLUMNS, all.into_iter().map(OrganizationBody::from))
        }
        OrganizationsCommand::Create { name } => {
            let made = admin.create_organization(name).await?;
            Output::thing(COLUMNS, OrganizationBody::from(made))
        }
    }
}
