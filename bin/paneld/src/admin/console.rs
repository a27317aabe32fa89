//! `paneld admin console`.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use clap::Args;
use paneld_auth::Token;
use paneld_domain::ClientId;
use paneld_server::{local_url, sign_in_link};
use paneld_service::{Admin, SIGN_IN_TIME};
use serde::Serialize;

use super::{output::Output, place::Place, which_organization::WhichOrganization};

#[derive(Debug, Args)]
pub(crate) struct ConsoleCommand {
    #[command(flatten)]
    organization: WhichOrganization,
    /// The client that whoever has the link acts as: one that reads, or a root client; else the
    /// organization's oldest root client
    #[arg(long)]
    client: Option<ClientId>,
}

const COLUMNS: &[&str] = &["url", "client", "expiresInSeconds"];

/// A link, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkBody {
    url: String,
    client: String,
    expires_in_seconds: u64,
}

pub(super) async fn run(
    admin: &Admin,
    command: ConsoleCommand,
    place: &Place,
) -> anyhow::Result<Output> {
    let client = match command.client {
        Some(id) => {
            let client = admin.get_client(id).await?;
            if !admin.can_sign_in(&client) {
                bail!(
                    "nobody can sign in as this client: it is a write client, or disabled or \
                     expired"
                );
            }
            id
        }
        None => {
            let organization = command.organization.find(admin).await?;
            let root = admin.find_usable_root(organization).await?;
            let root = root.context(
                "no root client of the organization can be used from everywhere now: say which \
                 client with --client (see: paneld admin clients list)",
            )?;
            root.id
        }
    };
    let token = Token::generate();
    admin.allow_sign_in(client, &token).await?;
    Output::thing(
        COLUMNS,
        LinkBody {
            url: sign_in_link(&base_url(admin, place).await?, &token),
            client: client.to_string(),
            expires_in_seconds: SIGN_IN_TIME.as_secs(),
        },
    )
}

/// Where the server is reached: as configured, else where the one that is at work says that it
/// listens, else where it would.
async fn base_url(admin: &Admin, place: &Place) -> anyhow::Result<String> {
    if let Some(url) = &place.public_url {
        return Ok(url.to_string());
    }
    let servers = admin.list_servers().await?.into_iter();
    let mut live = servers.filter(|registered| registered.is_live());
    let told = live.find_map(|registered| told_place(&registered.server.address));
    let (scheme, address) = told.unwrap_or((place.scheme, place.listen));
    Ok(local_url(scheme, address))
}

/// What a server says of where it is, unless that is in another program.
fn told_place(told: &str) -> Option<(&'static str, SocketAddr)> {
    let (scheme, address) = match told.strip_prefix("https://") {
        Some(address) => ("https", address),
        None => ("http", told),
    };
    Some((scheme, address.parse().ok()?))
}
