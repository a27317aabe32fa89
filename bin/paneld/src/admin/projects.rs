//! `paneld admin projects`.

use anyhow::bail;
use clap::Subcommand;
use paneld_domain::{Name, NewProject, ProjectChanges, ProjectId};
use paneld_http::ProjectBody;
use paneld_service::Admin;
use serde_json::Value as Json;

use super::{output::Output, which_organization::WhichOrganization};

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsCommand {
    /// List the projects of an organization, deleted ones too, newest first
    List {
        #[command(flatten)]
        organization: WhichOrganization,
    },
    /// Make a project, and print the secret of its first client, this once
    Create {
        /// The name of the project, of which its id is made
        #[arg(long)]
        name: Name,
        #[command(flatten)]
        organization: WhichOrganization,
    },
    /// Delete a project; it can be restored for a day
    Delete {
        /// The id of the project, as `projects list` shows it
        id: ProjectId,
    },
    /// Bring a deleted project back, as long as it was not purged
    Restore {
        /// The id of the project, as `projects list` shows it
        id: ProjectId,
    },
    /// Remove a deleted project now, with its clients and references
    Purge {
        /// The id of the project, as `projects list` shows it
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
            let all = all.into_iter().map(ProjectBody::from).map(without_count);
            Output::list(COLUMNS, all.collect::<Result<Vec<_>, _>>()?.into_iter())
        }
        ProjectsCommand::Create { name, organization } => {
            let organization = organization.find(admin).await?;
            let settings = ProjectChanges::default();
            let created = admin
                .create_project(organization, NewProject { name, settings })
                .await?;
            Output::thing(COLUMNS, ProjectBody::from(created))
        }
        ProjectsCommand::Delete { id } => {
            let deleted = admin.delete_project(id).await?;
            Output::thing(COLUMNS, without_count(ProjectBody::from(deleted))?)
        }
        ProjectsCommand::Restore { id } => {
            let restored = admin.restore_project(id).await?;
            Output::thing(COLUMNS, without_count(ProjectBody::from(restored))?)
        }
        ProjectsCommand::Purge { id } => {
            if !admin.purge_project(id.clone()).await? {
                bail!("the project {id} is not deleted: delete it first");
            }
            Ok(Output::Done(format!("Purged the project {id}.")))
        }
    }
}

/// A project, without the number of its events: only the server that keeps them knows it, and 0
/// would be wrong.
fn without_count(project: ProjectBody) -> serde_json::Result<Json> {
    let mut shown = serde_json::to_value(project)?;
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("eventsCount");
    }
    Ok(shown)
}
