//! `paneld admin projects`.

use anyhow::bail;
use clap::Subcommand;
use paneld_domain::ProjectId;
use paneld_http::ProjectBody;
use paneld_service::Admin;

use super::{WhichOrganization, output::Output};

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsCommand {
    /// List the projects of an organization, deleted ones too, newest first
    List {
        #[command(flatten)]
        organization: WhichOrganization,
    },
    /// Bring a deleted project back, as long as it was not purged
    Restore {
        /// Its id
        id: ProjectId,
    },
    /// Remove a deleted project now, with its clients and references
    Purge {
        /// Its id
        id: ProjectId,
    },
}

impl ProjectsCommand {
    pub(super) fn is_change(&self) -> bool {
        !matches!(self, Self::List { .. })
    }
}

const COLUMNS: &[&str] = &["id", "name", "organizationId", "createdAt", "deleteAt"];

pub(super) async fn run(admin: &Admin, command: ProjectsCommand) -> anyhow::Result<Output> {
    match command {
        ProjectsCommand::List { organization } => {
            let organization = organization.find(admin).await?;
            let all = admin.list_projects(organization).await?;
            Output::list(COLUMNS, all.into_iter().map(ProjectBody::from))
        }
        ProjectsCommand::Restore { id } => {
            let restored = admin.restore_project(id).await?;
            Output::thing(COLUMNS, ProjectBody::from(restored))
        }
        ProjectsCommand::Purge { id } => {
            if !admin.purge_project(id.clone()).await? {
                bail!("the project {id} is not deleted: delete it first");
            }
            Ok(Output::Done(format!("Purged the project {id}.")))
        }
    }
}
