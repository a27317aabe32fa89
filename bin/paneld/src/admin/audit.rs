//! `paneld admin audit`.

use clap::Subcommand;
use paneld_http::AuditEntryBody;
use paneld_service::{Admin, AuditFilter, Resource};

use super::{output::Output, which_organization::WhichOrganization};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List the newest entries of an organization, newest first
    List {
        #[command(flatten)]
        organization: WhichOrganization,
        /// Only those about this kind of thing: organization, project, client, reference, profile or
        /// share_link
        #[arg(long)]
        resource: Option<Resource>,
        /// Only those about the thing of this id
        #[arg(long)]
        resource_id: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

const COLUMNS: &[&str] = &[
    "at",
    "action",
    "resourceId",
    "clientId",
    "peerAddress",
    "requestId",
    "changes",
];

pub(super) async fn run(admin: &Admin, command: AuditCommand) -> anyhow::Result<Output> {
    let AuditCommand::List {
        organization,
        resource,
        resource_id,
        limit,
    } = command;
    let organization = organization.find(admin).await?;
    let filter = AuditFilter {
        resource,
        resource_id,
    };
    let entries = admin
        .list_audit_entries(organization, filter, limit)
        .await?;
    Output::list(COLUMNS, entries.into_iter().map(AuditEntryBody::from))
}
