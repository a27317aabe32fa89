//! `paneld admin share-links`.

use chrono::SecondsFormat;
use clap::Subcommand;
use paneld_domain::{ProjectId, ShareLink, ShareLinkId, Timestamp};
use paneld_service::Admin;
use serde::Serialize;

use super::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum ShareLinksCommand {
    /// List the links of a project, newest first
    List {
        /// The project
        #[arg(long)]
        project: ProjectId,
    },
    /// End a link: it shows nothing any more
    End {
        /// The link
        id: ShareLinkId,
        /// The project that it shows
        #[arg(long)]
        project: ProjectId,
    },
}

impl ShareLinksCommand {
    pub(super) fn is_change(&self) -> bool {
        matches!(self, Self::End { .. })
    }
}

const COLUMNS: &[&str] = &[
    "id",
    "name",
    "hasPassword",
    "createdBy",
    "createdAt",
    "expiresAt",
];

/// A link, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShareLinkBody {
    id: String,
    project_id: String,
    name: String,
    has_password: bool,
    created_by: String,
    created_at: String,
    expires_at: Option<String>,
}

impl From<ShareLink> for ShareLinkBody {
    fn from(link: ShareLink) -> Self {
        Self {
            id: link.id.to_string(),
            project_id: link.project_id.to_string(),
            name: link.name.to_string(),
            has_password: link.has_password,
            created_by: link.created_by.to_string(),
            created_at: text(link.created_at),
            expires_at: link.expires_at.map(text),
        }
    }
}

fn text(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) async fn run(admin: &Admin, command: ShareLinksCommand) -> anyhow::Result<Output> {
    match command {
        ShareLinksCommand::List { project } => {
            let links = admin.list_share_links(project).await?.into_iter();
            Output::list(COLUMNS, links.map(ShareLinkBody::from))
        }
        ShareLinksCommand::End { id, project } => {
            admin.end_share_link(project, id).await?;
            Ok(Output::Done("The link shows nothing any more.".to_owned()))
        }
    }
}
