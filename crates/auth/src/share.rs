//! Projects that are shown to whoever has a link: `docs/decisions/0034-share-links.md`.

use paneld_domain::{Organization, Project, ShareLink};

use crate::{SecretHash, Token};

/// A link, and all that has to be known of what it shows.
#[derive(Debug, Clone)]
pub struct Share {
    /// The link, with its time and the client that made it.
    pub link: ShareLink,
    /// The organization of the project.
    pub organization: Organization,
    /// The project, deleted or not.
    pub project: Project,
    /// The hash of the password, where one is needed.
    pub password: Option<SecretHash>,
}

impl Share {
    /// The token that stands for the link's own together with the password, so that no session of
    /// a viewer has to be written down: who has it has had both.
    pub fn session_token(token: &Token, password: Option<&SecretHash>) -> Token {
        let password = password.map(SecretHash::to_stored).unwrap_or_default();
        token.derive("paneld share session 1", &password)
    }
}
