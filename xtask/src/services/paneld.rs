//! A private paneld.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use anyhow::{Context, Result};

use super::guarded::Guarded;
use super::{folder, free_address};

/// A root client that the first start makes. Nothing is kept that its secret would protect.
const ID: &str = "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9";
const SECRET: &str = "sec_0123456789abcdef0123";

/// The groups of rate limits, all of which are off.
const LIMITS: [&str; 8] = [
    "manage",
    "export",
    "insights",
    "console",
    "share",
    "track",
    "track-visitor",
    "auth-failures",
];

/// A paneld with one organization and one root client, without rate limits. It ends when this is
/// dropped, and its data with it.
pub(crate) struct Paneld {
    _server: Guarded,
    address: SocketAddr,
}

impl Paneld {
    /// Starts a program that was built.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let folder = folder()?;
        let secret = folder.path().join("secret");
        fs::write(&secret, SECRET)?;
        let address = free_address()?;
        let limits = LIMITS.map(|group| format!("--rate-limit-{group}=off"));
        let settings = [
            format!("--listen={address}"),
            "--data-dir=data".to_owned(),
            "--bootstrap-organization=Acme".to_owned(),
            format!("--bootstrap-client-id={ID}"),
            format!("--bootstrap-client-secret-file={}", secret.display()),
        ];
        let program = program.to_str().context("the program's path is no text")?;
        let command = std::iter::once(program)
            .chain(settings.iter().chain(&limits).map(String::as_str))
            .collect::<Vec<_>>();
        let server = Guarded::start(folder, &command)?;
        server.wait_until(|| Ok(TcpStream::connect(address).is_ok()))?;
        Ok(Self {
            _server: server,
            address,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The id and secret of its root client.
    pub(crate) fn credentials(&self) -> (&'static str, &'static str) {
        (ID, SECRET)
    }
}
