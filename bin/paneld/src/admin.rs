//! `paneld admin`: the operator's commands on the catalog.

mod audit;
mod clients;
mod console;
mod organizations;
mod output;
mod place;
mod projects;
mod servers;
mod share_links;
mod which_organization;

use clap::Subcommand;
use paneld_domain::Clock;
use paneld_service::{Admin, Repository};

pub(crate) use self::place::Place;
use self::{
    audit::AuditCommand, clients::ClientsCommand, console::ConsoleCommand,
    organizations::OrganizationsCommand, projects::ProjectsCommand, servers::ServersCommand,
    share_links::ShareLinksCommand,
};
use crate::print::print;

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
    /// The audit log: who changed what, and when
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print a link to sign in to the console with, which works once, within 15 minutes
    Console(ConsoleCommand),
    /// Links that show the overview of a project
    #[command(subcommand)]
    ShareLinks(ShareLinksCommand),
    /// The servers that are at work on the catalog
    #[command(subcommand)]
    Servers(ServersCommand),
}

impl AdminCommand {
    /// Whether running servers may have to forget something after it.
    pub(crate) fn is_change(&self) -> bool {
        match self {
            Self::Organizations(command) => command.is_change(),
            Self::Clients(command) => command.is_change(),
            Self::Projects(command) => command.is_change(),
            Self::ShareLinks(command) => command.is_change(),
            Self::Audit(AuditCommand::List { .. })
            | Self::Console(_)
            | Self::Servers(ServersCommand::List) => false,
        }
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
    place: Place,
) -> anyhow::Result<()> {
    let admin = Admin::new(repository, clock);
    let output = match command {
        AdminCommand::Organizations(command) => organizations::run(&admin, command).await?,
        AdminCommand::Clients(command) => clients::run(&admin, command).await?,
        AdminCommand::Projects(command) => projects::run(&admin, command).await?,
        AdminCommand::Audit(command) => audit::run(&admin, command).await?,
        AdminCommand::Console(command) => console::run(&admin, command, &place).await?,
        AdminCommand::ShareLinks(command) => share_links::run(&admin, command).await?,
        AdminCommand::Servers(ServersCommand::List) => servers::list(&admin).await?,
    };
    print(&output.render(as_json)?)
}
