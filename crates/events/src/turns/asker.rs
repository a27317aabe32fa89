//! Who asks, and who is turned away.

use paneld_domain::{ClientId, OrganizationId};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Asker {
    /// The id of its organization; empty for the server itself.
    pub(super) organization: String,
    pub(super) client: Option<ClientId>,
}

impl Asker {
    /// A client of an organization.
    pub fn client(organization: &OrganizationId, client: ClientId) -> Self {
        Self {
            organization: organization.as_str().to_owned(),
            client: Some(client),
        }
    }
}

/// Why somebody is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    /// Its client has too many waiting.
    #[error("too many questions of this client wait for their answers: ask again in a moment")]
    Client,
    /// Its organization has.
    #[error(
        "too many questions of this organization wait for their answers: ask again in a moment"
    )]
    Organization,
    /// All have, and nobody has more than its organization.
    #[error("too many questions wait for their answers: ask again in a moment")]
    Server,
}

impl Crowded {
    /// What metrics call it.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Organization => "organization",
            Self::Server => "server",
        }
    }
}
