//! The first credentials: `docs/contract/auth-and-limits.md` §6.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, IsTerminal as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use paneld_auth::PlainSecret;
use paneld_domain::ClientId;
use paneld_service::{Admin, Bootstrap};

use crate::config::Config;

/// Makes the first organization and root client: those that the configuration asks for, else
/// ones of its own in an empty catalog.
pub(crate) async fn run(admin: &Admin, config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    // Those of an earlier start may still be there.
    let file = file(config);
    paneld_files::close(&file)
        .with_context(|| format!("cannot close {} to others", file.display()))?;
    match &config.bootstrap.client {
        Some((id, secret)) => make_given(admin, config, *id, secret).await,
        None if admin.is_empty().await? => make_own(admin, config, address).await,
        None => Ok(()),
    }
}

fn file(config: &Config) -> PathBuf {
    config.data_dir.join("initial-credentials")
}

async fn make_given(
    admin: &Admin,
    config: &Config,
    id: ClientId,
    secret: &PlainSecret,
) -> anyhow::Result<()> {
    let organization = config.bootstrap.organization.clone();
    match admin.bootstrap(organization, id, secret).await? {
        Bootstrap::Created => {
            tracing::info!(client.id = %id, "made the root client of the configuration");
        }
        Bootstrap::Present { same_secret: true } => {}
        Bootstrap::Present { same_secret: false } => tracing::warn!(
            client.id = %id,
            "the bootstrap client has another secret than the configuration says; it is left as \
             it is"
        ),
        Bootstrap::Deleted => tracing::warn!(
            client.id = %id,
            "the bootstrap client was deleted, and is not made again"
        ),
    }
    Ok(())
}

/// A secret that is lost between the catalog and its owner leaves a server that nobody can
/// manage. So the file is written first; a terminal is at hand when it is not.
async fn make_own(admin: &Admin, config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    let id = ClientId::random(&mut rand::rng());
    let secret = PlainSecret::generate();
    let text = credentials_text(id, &secret, address);
    let on_terminal = std::io::stdout().is_terminal();
    let file = file(config);
    if !on_terminal {
        write_privately(&file, &text)?;
    }
    let organization = config.bootstrap.organization.clone();
    if !admin.begin(organization, id, &secret).await? {
        tracing::info!("another process made the first root client meanwhile");
        if !on_terminal {
            std::fs::remove_file(&file).context("cannot remove credentials that are not used")?;
        }
    } else if on_terminal {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{text}").context("cannot print the first credentials")?;
    } else {
        tracing::info!(
            path = %file.display(),
            "made a first root client; its credentials are in a file: read it, then delete it"
        );
    }
    Ok(())
}

fn credentials_text(id: ClientId, secret: &PlainSecret, address: SocketAddr) -> String {
    let secret = secret.expose();
    // What listens everywhere is reached from here, too.
    let address = match address.ip() {
        ip if !ip.is_unspecified() => address,
        IpAddr::V4(_) => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(_) => (Ipv6Addr::LOCALHOST, address.port()).into(),
    };
    format!(
        "A root client was made for you. Its secret is shown this once:\n\
         \n\
         \x20 client id:     {id}\n\
         \x20 client secret: {secret}\n\
         \n\
         Try it:\n\
         \n\
         \x20 curl -u {id}:{secret} http://{address}/manage/me\n"
    )
}

/// Always a new file: one that was there may be a link, or be open for reading elsewhere.
fn write_privately(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // The file's name must be on disk too.
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().with_context(|| format!("cannot write the first credentials to {}", path.display()))
}
