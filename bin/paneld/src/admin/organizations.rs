//! `paneld admin organizations`.

use anyhow::bail;
use clap::Subcommand;
use paneld_domain::{Name, OrganizationId};
use paneld_http::OrganizationBody;
use paneld_service::Admin;

use super::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationsCommand {
    /// List all organizations, oldest first
    List,
    /// Make an organization
    Create {
        /// The name of the organization, as people read it
        #[arg(long)]
        name: Name,
    },
    /// Give an organization another name; its id stays
    Rename {
        /// The id of the organization, as `organizations list` shows it
        id: OrganizationId,
        /// The name that it has from now on
        #[arg(long)]
        name: Name,
    },
    /// Delete an organization for good, with its clients and its audit log, once its projects are
    /// purged
    Delete {
        /// The id of the organization, as `organizations list` shows it
        id: OrganizationId,
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
        OrganizationsCommand::Rename { id, name } => {
            let renamed = admin.rename_organization(id, name).await?;
            Output::thing(COLUMNS, OrganizationBody::from(renamed))
        }
        OrganizationsCommand::Delete { id } => {
            if !admin.delete_organization(id.clone()).await? {
                bail!(
                    "the organization {id} still has projects: delete and purge them first \
                     (see: paneld admin projects list --organization {id})"
                );
            }
            Ok(Output::Done(format!("Deleted the organization {id}.")))
        }
    }
}
