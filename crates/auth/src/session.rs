//! Sessions of people, as stores know them.

use paneld_domain::{ClientId, Timestamp};

use crate::{SecretHash, Share};

/// What somebody proved when signing in. It is worth as much as that proof is now: with the
/// client and its secret it ends, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The client whose credentials they were.
    pub client_id: ClientId,
    /// The hash of the secret that was known: when that is replaced, the session ends.
    pub secret: SecretHash,
    /// From when on it is over in any case.
    pub expires_at: Timestamp,
}

/// What a store knows of a session.
#[derive(Debug, Clone)]
pub enum StoredSession {
    /// Somebody signed in with a client's credentials.
    Client(Session),
    /// Somebody came with a share link.
    Share(Box<Share>),
}
