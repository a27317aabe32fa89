//! Where the server is, for links that are printed.

use std::net::SocketAddr;

use paneld_server::PublicUrl;

/// Where the configuration says that the server is.
pub(crate) struct Place {
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) listen: SocketAddr,
    /// How it is spoken with there.
    pub(crate) scheme: &'static str,
}
