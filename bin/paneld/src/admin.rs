//! `paneld admin`: the operator's commands on the catalog.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use comfy_table::Table;
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientType, Clock, Name, NewClient, Organization,
    OrganizationId, Project, ProjectId, Timestamp,
};
use paneld_service::{Admin, Repository};
use serde_json::{Value as Json, json};

use crate::cli::print;

/// What can be administered.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Organizations
    #[command(subcommand)]
    Organizations(OrganizationsCommand),
    /// API clients of any type
    #[command(subcommand)]
    Clients(ClientsCommand),
    /// Projects
    #[command(subcommand)]
    Projects(ProjectsCommand),
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum ClientsCommand {
    /// List the clients of an organization, newest first
    List {
        /// The organization; not needed when there is only one
        #[arg(long)]
        organization: Option<OrganizationId>,
    },
    /// Make a client, and print its secret, this once
    Create {
        /// Its name
        #[arg(long)]
        name: Name,
        /// What it may do: read, write or root
        #[arg(long, default_value = "write")]
        r#type: ClientType,
        /// The project it is bound to; needed for read and write clients
        #[arg(long)]
        project: Option<ProjectId>,
        /// The organization; not needed when there is only one
        #[arg(long)]
        organization: Option<OrganizationId>,
    },
    /// Delete a client for good, also a last root client
    Delete {
        /// Its id
        id: ClientId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsCommand {
    /// List the projects of an organization, deleted ones too, newest first
    List {
        /// The organization; not needed when there is only one
        #[arg(long)]
        organization: Option<OrganizationId>,
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

impl AdminCommand {
    /// Whether running servers may have to forget something after it.
    pub(crate) fn is_change(&self) -> bool {
        !matches!(
            self,
            Self::Organizations(OrganizationsCommand::List)
                | Self::Clients(ClientsCommand::List { .. })
                | Self::Projects(ProjectsCommand::List { .. })
        )
    }

    /// Whether it may be the first that is done with a catalog.
    pub(crate) fn may_begin(&self) -> bool {
        matches!(
            self,
            Self::Organizations(OrganizationsCommand::Create { .. })
        )
    }
}

/// Runs a command.
pub(crate) async fn run(
    command: AdminCommand,
    as_json: bool,
    repository: Repository,
    clock: Clock,
) -> anyhow::Result<()> {
    let admin = Admin::new(repository, clock);
    let output = match command {
        AdminCommand::Organizations(command) => organizations(&admin, command).await?,
        AdminCommand::Clients(command) => clients(&admin, command).await?,
        AdminCommand::Projects(command) => projects(&admin, command).await?,
    };
    print(&output.render(as_json)?)
}

async fn organizations(admin: &Admin, command: OrganizationsCommand) -> anyhow::Result<Output> {
    Ok(match command {
        OrganizationsCommand::List => {
            let all = admin.list_organizations().await?;
            Output::Rows(all.iter().map(organization_row).collect())
        }
        OrganizationsCommand::Create { name } => {
            let made = admin.create_organization(name).await?;
            Output::Row(organization_row(&made))
        }
    })
}

async fn clients(admin: &Admin, command: ClientsCommand) -> anyhow::Result<Output> {
    Ok(match command {
        ClientsCommand::List { organization } => {
            let organization = find_organization(admin, organization).await?;
            let all = admin.list_clients(organization).await?;
            Output::Rows(all.iter().map(client_row).collect())
        }
        ClientsCommand::Create {
            name,
            r#type,
            project,
            organization,
        } => {
            let organization = find_organization(admin, organization).await?;
            let new = NewClient {
                name,
                client_type: r#type,
                project_id: project,
                settings: ClientChanges::default(),
            };
            let created = admin
                .create_client(organization, new)
                .await
                .map_err(explain)?;
            let mut row = client_row(&created.made);
            row.push(("secret", json!(created.secret.expose())));
            Output::Row(row)
        }
        ClientsCommand::Delete { id } => {
            admin.delete_client(id).await?;
            Output::Done(format!("Deleted the client {id}."))
        }
    })
}

async fn projects(admin: &Admin, command: ProjectsCommand) -> anyhow::Result<Output> {
    Ok(match command {
        ProjectsCommand::List { organization } => {
            let organization = find_organization(admin, organization).await?;
            let all = admin.list_projects(organization).await?;
            Output::Rows(all.iter().map(project_row).collect())
        }
        ProjectsCommand::Restore { id } => {
            let restored = admin.restore_project(id).await?;
            Output::Row(project_row(&restored))
        }
        ProjectsCommand::Purge { id } => {
            if !admin.purge_project(id.clone()).await? {
                bail!("the project {id} is not deleted: delete it first");
            }
            Output::Done(format!("Purged the project {id}."))
        }
    })
}

async fn find_organization(
    admin: &Admin,
    id: Option<OrganizationId>,
) -> anyhow::Result<OrganizationId> {
    let found = admin.find_organization(id).await?;
    let organization = found.context(
        "there is not exactly one organization: say which with --organization \
         (see: paneld admin organizations list)",
    )?;
    Ok(organization.id)
}

/// Tells what does not go together, which the error itself leaves to its fields.
fn explain(error: paneld_service::ServiceError) -> anyhow::Error {
    match error {
        paneld_service::ServiceError::Invalid(problems) => {
            let problems = problems
                .iter()
                .map(|(path, why)| format!("{} {why}", flag_of(path)));
            anyhow::anyhow!(problems.collect::<Vec<_>>().join("; "))
        }
        other => other.into(),
    }
}

/// The flag that stands for a field of the API.
fn flag_of(path: &[&str]) -> String {
    match path {
        ["projectId"] => "--project".to_owned(),
        path => path.join("."),
    }
}

/// A line of a table: column and value.
type Row = Vec<(&'static str, Json)>;

fn organization_row(organization: &Organization) -> Row {
    vec![
        ("id", json!(organization.id.as_str())),
        ("name", json!(organization.name.as_str())),
        ("timezone", json!(organization.zone.to_string())),
        ("createdAt", time(Some(organization.created_at))),
    ]
}

fn client_row(client: &Client) -> Row {
    vec![
        ("id", json!(client.id.to_string())),
        ("name", json!(client.name.as_str())),
        ("type", json!(client.client_type.as_str())),
        (
            "projectId",
            json!(client.project_id.as_ref().map(ProjectId::as_str)),
        ),
        ("organizationId", json!(client.organization_id.as_str())),
        ("enabled", json!(client.enabled)),
        ("expiresAt", time(client.expires_at)),
        ("lastUsedAt", time(client.last_used_at)),
        ("createdAt", time(Some(client.created_at))),
    ]
}

fn project_row(project: &Project) -> Row {
    vec![
        ("id", json!(project.id.as_str())),
        ("name", json!(project.name.as_str())),
        ("organizationId", json!(project.organization_id.as_str())),
        ("createdAt", time(Some(project.created_at))),
        ("deleteAt", time(project.delete_at)),
    ]
}

fn time(moment: Option<Timestamp>) -> Json {
    let text = moment.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    json!(text)
}

/// What a command has to say.
enum Output {
    /// A list.
    Rows(Vec<Row>),
    /// One thing.
    Row(Row),
    /// That it is done.
    Done(String),
}

impl Output {
    fn render(self, as_json: bool) -> anyhow::Result<String> {
        if as_json {
            let object = |row: Row| {
                let fields = row
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value));
                Json::Object(fields.collect())
            };
            let value = match self {
                Self::Rows(rows) => Json::Array(rows.into_iter().map(object).collect()),
                Self::Row(row) => object(row),
                Self::Done(_) => json!({"success": true}),
            };
            return Ok(serde_json::to_string_pretty(&value)? + "\n");
        }
        Ok(match self {
            Self::Rows(rows) if rows.is_empty() => "There are none.\n".to_owned(),
            Self::Rows(rows) => {
                let mut table = Table::new();
                table.load_style(comfy_table::presets::NOTHING);
                if let Some(first) = rows.first() {
                    table.set_header(first.iter().map(|(name, _)| *name));
                }
                for row in rows {
                    table.add_row(row.iter().map(|(_, value)| plain(value)));
                }
                format!("{}\n", table.trim_fmt())
            }
            Self::Row(row) => {
                let mut table = Table::new();
                table.load_style(comfy_table::presets::NOTHING);
                for (name, value) in &row {
                    table.add_row([(*name).to_owned(), plain(value)]);
                }
                format!("{}\n", table.trim_fmt())
            }
            Self::Done(sentence) => format!("{sentence}\n"),
        })
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::String(text) => without_controls(text),
        other => other.to_string(),
    }
}

/// A text whose control characters are spelled out: names come from API clients, and must not
/// steer the operator's terminal.
fn without_controls(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let name = json!("x\u{1b}]0;pwn\u{7}\u{9b}2J\nfake row 🚀");
        let shown = plain(&name);
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(shown.contains("🚀"));
    }
}
