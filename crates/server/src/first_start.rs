//! The first credentials: `docs/contract/auth-and-limits.md` §6.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use paneld_auth::{PlainSecret, Token};
use paneld_domain::{ClientId, Name};
use paneld_guard::PublicUrl;
use paneld_service::{Admin, Bootstrap};

use crate::FirstCredentialsError;

/// Where the credentials go of a root client that the first start makes by itself. They are shown
/// this once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstCredentials {
    /// To the file `initial-credentials` in the data folder, which only its owner may read.
    #[default]
    File,
    /// To standard output, for somebody who sits before it.
    Stdout,
}

/// What the first start makes.
#[derive(Debug, Default)]
pub(crate) struct FirstStart {
    /// The name of the organization.
    pub(crate) organization: Option<Name>,
    /// The credentials of the root client, where they are given.
    pub(crate) client: Option<(ClientId, PlainSecret)>,
    /// Where they go else.
    pub(crate) credentials: FirstCredentials,
}

impl FirstStart {
    /// Makes the first organization and root client: those that were given, else ones of its own
    /// in an empty catalog.
    pub(crate) async fn run(
        &self,
        admin: &Admin,
        data_dir: &Path,
        place: &Place,
    ) -> Result<(), FirstCredentialsError> {
        // Those of an earlier start may still be there.
        let file = data_dir.join("initial-credentials");
        paneld_files::close(&file).map_err(FirstCredentialsError::file(&file))?;
        match &self.client {
            Some((id, secret)) => self.make_given(admin, *id, secret).await,
            None if admin.is_empty().await? => self.make_own(admin, &file, place).await,
            None => Ok(()),
        }
    }

    async fn make_given(
        &self,
        admin: &Admin,
        id: ClientId,
        secret: &PlainSecret,
    ) -> Result<(), FirstCredentialsError> {
        let organization = self.organization.clone();
        match admin.bootstrap(organization, id, secret).await? {
            Bootstrap::Created => {
                tracing::info!(client.id = %id, "made the root client of the configuration");
            }
            Bootstrap::Present { same_secret: true } => {}
            Bootstrap::Present { same_secret: false } => tracing::warn!(
                client.id = %id,
                "the bootstrap client has another secret than the configuration says; it is left \
                 as it is"
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
    async fn make_own(
        &self,
        admin: &Admin,
        file: &Path,
        place: &Place,
    ) -> Result<(), FirstCredentialsError> {
        let id = ClientId::random(&mut rand::rng());
        let (secret, token) = (PlainSecret::generate(), Token::generate());
        let mut text = credentials_text(id, &secret, place);
        if let Some(console) = &place.console {
            text += &console_text(&sign_in_link(console, &token));
        }
        let is_for_file = self.credentials == FirstCredentials::File;
        if is_for_file {
            write_privately(file, &text).map_err(FirstCredentialsError::file(file))?;
        }
        let organization = self.organization.clone();
        if !admin.begin(organization, id, &secret).await? {
            tracing::info!("another process made the first root client meanwhile");
            if is_for_file {
                std::fs::remove_file(file).map_err(FirstCredentialsError::file(file))?;
            }
            return Ok(());
        }
        if place.console.is_some() {
            admin.allow_sign_in(id, &token).await?;
        }
        if is_for_file {
            tracing::info!(
                path = %file.display(),
                "made a first root client; its credentials are in a file: read it, then delete it"
            );
        } else {
            let mut out = io::stdout().lock();
            writeln!(out, "\n{text}").map_err(FirstCredentialsError::Print)?;
        }
        Ok(())
    }
}

/// Where the server is reached.
pub(crate) struct Place {
    /// The base of all paths, if it is known.
    api: Option<String>,
    /// The same, if there is a console there.
    console: Option<String>,
}

impl Place {
    /// At this address, of which people outside may know another.
    pub(crate) fn of(
        local_url: Option<String>,
        public_url: Option<&PublicUrl>,
        has_console: bool,
    ) -> Self {
        let public = public_url.map(ToString::to_string);
        let api = public.or(local_url);
        let console = api.clone().filter(|_| has_console);
        Self { api, console }
    }
}

/// The address for somebody on this machine. What listens everywhere is reached from here, too.
pub fn local_url(scheme: &str, address: SocketAddr) -> String {
    let address = match address.ip() {
        ip if !ip.is_unspecified() => address,
        IpAddr::V4(_) => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(_) => (Ipv6Addr::LOCALHOST, address.port()).into(),
    };
    format!("{scheme}://{address}")
}

/// The link with which somebody can sign in to the console once. The token stands behind the
/// hash, which browsers send to nobody.
pub fn sign_in_link(base: &str, token: &Token) -> String {
    format!("{base}/console/#token={}", token.expose())
}

fn credentials_text(id: ClientId, secret: &PlainSecret, place: &Place) -> String {
    let secret = secret.expose();
    let text = format!(
        "A root client was made for you. Its secret is shown this once:\n\
         \n\
         \x20 client id:     {id}\n\
         \x20 client secret: {secret}\n"
    );
    match &place.api {
        Some(url) => format!(
            "{text}\n\
             Try it:\n\
             \n\
             \x20 curl -u {id}:{secret} {url}/manage/me\n"
        ),
        None => text,
    }
}

fn console_text(link: &str) -> String {
    format!(
        "\n\
         Or open the console. This link works once, within 15 minutes; paneld admin console prints\n\
         another one:\n\
         \n\
         \x20 {link}\n"
    )
}

/// Always a new file: one that was there may be a link, or be open for reading elsewhere.
fn write_privately(path: &Path, text: &str) -> io::Result<()> {
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
}
