//! API clients: who may call, and what as.

use std::{net::IpAddr, str::FromStr};

use crate::{
    AddressRange, ClientId, ClientRateLimits, CorsEntry, InvalidValue, Name, OrganizationId,
    ProjectId, Timestamp, organization::set,
};

/// A holder of API credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The id of the client, the public half of its credentials.
    pub id: ClientId,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// The project it is bound to; `None` is the whole organization.
    pub project_id: Option<ProjectId>,
    /// The name that people know the client by.
    pub name: Name,
    /// What the client may do.
    pub client_type: ClientType,
    /// Whether its events are accepted without a secret and from any origin.
    pub ignore_cors_and_secret: bool,
    /// Whether it may be used.
    pub enabled: bool,
    /// From when on it may not be used any more.
    pub expires_at: Option<Timestamp>,
    /// The peer addresses it may be used from; empty is all.
    pub allowed_ips: Vec<AddressRange>,
    /// Its own allowed origins; `None` is the project's.
    pub cors: Option<Vec<CorsEntry>>,
    /// The client's own rate limits, where they differ from the groups'.
    pub rate_limits: Option<ClientRateLimits>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When the client was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// A client that may be used from now on, from everywhere and for ever: named after its type,
    /// and bound to no project.
    pub fn new(
        id: ClientId,
        organization_id: OrganizationId,
        client_type: ClientType,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            organization_id,
            project_id: None,
            name: Name::stored(client_type.as_str().to_owned()),
            client_type,
            ignore_cors_and_secret: false,
            enabled: true,
            expires_at: None,
            allowed_ips: Vec::new(),
            cors: None,
            rate_limits: None,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it can be used at this time, by whoever knows its secret: it is enabled, and not
    /// expired. (Whether its project is live, the client does not know.)
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.enabled && !self.is_expired(now)
    }

    /// Whether it may be used from this peer address.
    pub fn allows(&self, peer: IpAddr) -> bool {
        self.allowed_ips.is_empty() || self.allowed_ips.iter().any(|entry| entry.contains(peer))
    }

    /// Whether it can manage the organization now.
    fn is_usable_root(&self, now: Timestamp) -> bool {
        self.client_type == ClientType::Root && self.is_usable(now)
    }
}

/// Whether a usable root client remains among the organization's `clients` of live projects,
/// when all changes are made. `locked_out` is a client whose new allow-list shuts out the very
/// caller who sets it; that one does not count.
pub fn keeps_usable_root<'a>(
    clients: impl IntoIterator<Item = &'a Client>,
    locked_out: Option<ClientId>,
    now: Timestamp,
) -> bool {
    clients
        .into_iter()
        .any(|client| client.is_usable_root(now) && Some(client.id) != locked_out)
}

/// For how many seconds a replaced secret may go on to work, at most: a week.
pub const LONGEST_GRACE_SECONDS: u32 = 7 * 24 * 60 * 60;

/// What a client may do, as `docs/contract/auth-and-limits.md` §2 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientType {
    /// Read answers and raw events of its project.
    Read,
    /// Send events to its project.
    Write,
    /// All of that for every project of its organization, and manage it.
    Root,
    /// Look at the overview of its project: what somebody stands for who has a share link. No
    /// client that is made has this type.
    Share,
}

impl ClientType {
    /// All types of clients that can be made, in the order in which they are documented.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Root];

    /// The name of the type on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Root => "root",
            Self::Share => "share",
        }
    }
}

impl FromStr for ClientType {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or(InvalidValue::new("must be one of read, write, root"))
    }
}

/// A client to make, without an id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    /// The name that people will know it by.
    pub name: Name,
    /// What it will be allowed to do.
    pub client_type: ClientType,
    /// The project it is bound to; `None` is the whole organization.
    pub project_id: Option<ProjectId>,
    /// Everything else that differs from the defaults.
    pub settings: ClientChanges,
}

impl NewClient {
    /// The client with this id: the defaults, then the settings.
    pub fn build(self, id: ClientId, organization_id: OrganizationId, now: Timestamp) -> Client {
        let mut client = Client {
            project_id: self.project_id,
            name: self.name,
            ..Client::new(id, organization_id, self.client_type, now)
        };
        self.settings.apply(&mut client, now);
        client
    }
}

/// What is wrong with a client of this type, by field: some settings and types do not go
/// together, whoever asks for them.
pub fn client_problems(
    client_type: ClientType,
    has_project: bool,
    ignores_cors_and_secret: bool,
) -> Vec<(&'static str, InvalidValue)> {
    let mut problems = Vec::new();
    if client_type != ClientType::Root && !has_project {
        let problem = InvalidValue::new("is required for read and write clients");
        problems.push(("projectId", problem));
    }
    if client_type != ClientType::Write && ignores_cors_and_secret {
        let problem = InvalidValue::new("can only be true for write clients");
        problems.push(("ignoreCorsAndSecret", problem));
    }
    problems
}

/// What to change of a client; `None` leaves a field as it is. Type and project never change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientChanges {
    /// A new name for the client.
    pub name: Option<Name>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
    /// A new end; `Some(None)` is never.
    pub expires_at: Option<Option<Timestamp>>,
    /// A new list of addresses that it may be used from.
    pub allowed_ips: Option<Vec<AddressRange>>,
    /// Its own allowed origins; `Some(None)` is the project's.
    pub cors: Option<Option<Vec<CorsEntry>>>,
    /// Its own rate limits; `Some(None)` is the groups'.
    pub rate_limits: Option<Option<ClientRateLimits>>,
    /// Whether to accept its events without a secret and from any origin.
    pub ignore_cors_and_secret: Option<bool>,
}

impl ClientChanges {
    /// Makes the changes. Without any, `updated_at` stays as it is.
    pub fn apply(self, client: &mut Client, now: Timestamp) {
        if self == Self::default() {
            return;
        }
        let Self {
            name,
            enabled,
            expires_at,
            allowed_ips,
            cors,
            rate_limits,
            ignore_cors_and_secret,
        } = self;
        set(&mut client.name, name);
        set(&mut client.enabled, enabled);
        set(&mut client.expires_at, expires_at);
        set(&mut client.allowed_ips, allowed_ips);
        set(&mut client.cors, cors);
        set(&mut client.rate_limits, rate_limits);
        set(&mut client.ignore_cors_and_secret, ignore_cors_and_secret);
        client.updated_at = now;
    }
}
