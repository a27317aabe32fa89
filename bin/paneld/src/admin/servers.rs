//! `paneld admin servers`.

use chrono::SecondsFormat;
use clap::Subcommand;
use paneld_domain::Timestamp;
use paneld_service::{Admin, RegisteredServer};
use serde::Serialize;

use super::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum ServersCommand {
    /// List the servers that are registered, the first to start first
    List,
}

const COLUMNS: &[&str] = &[
    "id",
    "hostname",
    "address",
    "version",
    "events",
    "startedAt",
    "heartbeatAt",
    "live",
];

/// A server, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerBody {
    id: String,
    hostname: String,
    address: String,
    version: String,
    /// `duckdb`, or `off` where it keeps none.
    events: &'static str,
    started_at: String,
    heartbeat_at: String,
    /// Whether it has told lately that it is there.
    live: bool,
}

impl From<RegisteredServer> for ServerBody {
    fn from(registered: RegisteredServer) -> Self {
        let live = registered.is_live();
        let RegisteredServer {
            server,
            started_at,
            heartbeat_at,
            ..
        } = registered;
        Self {
            id: server.id,
            hostname: server.hostname,
            address: server.address,
            version: server.version,
            events: if server.has_events { "duckdb" } else { "off" },
            started_at: text(started_at),
            heartbeat_at: text(heartbeat_at),
            live,
        }
    }
}

fn text(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) async fn list(admin: &Admin) -> anyhow::Result<Output> {
    let servers = admin.list_servers().await?.into_iter();
    Output::list(COLUMNS, servers.map(ServerBody::from))
}
