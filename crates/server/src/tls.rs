//! TLS: which versions, with which certificate.

mod pair;
mod watch;

use std::sync::Arc;

use paneld_domain::Clock;
use rustls::{
    ServerConfig,
    crypto::ring,
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;

use self::watch::Watch;

pub use pair::TlsError;
pub(crate) use pair::TlsFiles;

/// What is announced: HTTP/2 is not spoken (`docs/decisions/0035-tls.md`).
const PROTOCOL: &[u8] = b"http/1.1";

/// TLS as a server speaks it.
pub(crate) struct Tls {
    /// Does handshakes, with the certificate as it is then.
    pub(crate) acceptor: TlsAcceptor,
    /// Renews the certificate when its files change.
    pub(crate) watch: Watch,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub(crate) fn start(files: TlsFiles, clock: Clock) -> Result<Self, TlsError> {
        let watch = Watch::start(files, clock)?;
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Provider)?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(watch.current());
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self {
            acceptor: Arc::new(config).into(),
            watch,
        })
    }
}
