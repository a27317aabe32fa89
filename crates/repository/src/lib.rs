//! The catalog: organizations, projects, clients and references; profiles, groups and salts.
//!
//! [`Repository`] is its face. Each method is one unit of work: it happens whole, in one
//! transaction, or not at all. Methods on what belongs to an organization take that
//! organization's id and see nothing outside of it.
//!
//! A query is written once, in `catalog/`, and compiled for every backend: each backend's
//! module (`sqlite.rs`, `postgres.rs`) brings its own connection, schema and transactions, and includes those
//! files as its children. No backend type leaves this crate, and nothing here knows HTTP.

#![expect(
    clippy::duplicate_mod,
    reason = "a query is written once and compiled for every backend"
)]

mod audit;
mod catalog_url;
mod error;
mod lock;
mod migrations;
mod people;
mod portions;
mod postgres;
mod receipt;
mod repository;
mod salts;
mod servers;
mod settings;
mod sqlite;

pub use audit::{Act, Action, Actor, AuditEntry, AuditFilter, Changes, FieldChange};
pub use catalog_url::{CatalogUrl, PostgresUrl};
pub use error::{RepositoryError, Resource};
pub use people::{Applied, CopyOf, PeopleIds, ProjectChange, SpooledChange, StoredPeople};
pub use receipt::{Once, Outcome, ReplyKey, Seal, SealError};
pub use repository::Repository;
pub use salts::Salts;
pub use servers::{GivesWay, MISSED_HEARTBEATS, NewServer, Registered, RegisteredServer};
pub use sqlite::CatalogContents;

use paneld_auth::{SecretHash, Session, TokenHash};
use paneld_domain::{Client, ClientId, OrganizationId, ProjectKey, ShareLink, Timestamp};
use std::net::IpAddr;

/// The credentials of a client that is made.
#[derive(Debug, Clone)]
pub struct NewCredentials {
    /// The id of the new client.
    pub id: ClientId,
    /// The hash of its secret.
    pub hash: SecretHash,
}

/// Whether an operation must leave the organization a usable root client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootRule {
    /// It must. The caller at this peer address must not shut itself out either.
    Enforced {
        /// Where the caller is.
        peer: IpAddr,
    },
    /// The operator said that it need not.
    Overridden,
}

/// A client after its secret was replaced.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// The client as it is now.
    pub client: Client,
    /// Until when the replaced secret still works; `None` when it ended at once.
    pub previous_expires_at: Option<Timestamp>,
}

/// What became of the client that the configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// The client was made by this start.
    Created,
    /// It was there, and was left as it is.
    Present {
        /// Whether the given secret is its own.
        same_secret: bool,
    },
    /// It was deleted at some time, and is not made again.
    Deleted,
}

/// What a token of the console is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleToken {
    /// A session: it says who somebody is.
    Session,
    /// To sign in with once.
    SignIn,
}

impl ConsoleToken {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SignIn => "sign_in",
        }
    }
}

/// A token of the console to keep.
#[derive(Debug, Clone)]
pub struct NewConsoleToken {
    /// The purpose for which the token is made.
    pub kind: ConsoleToken,
    /// The hash by which it is found.
    pub token: TokenHash,
    /// The session that the token stands for.
    pub session: Session,
    /// The token that somebody signs in with, which is used up by that.
    pub by_link: Option<TokenHash>,
    /// The session that the same browser had, which ends.
    pub instead_of: Option<TokenHash>,
}

/// A share link to make.
#[derive(Debug, Clone)]
pub struct NewShare {
    /// The link; nothing of it is secret.
    pub link: ShareLink,
    /// The hash of its token.
    pub token: TokenHash,
    /// The hash of the token that stands for it and its password together.
    pub session: TokenHash,
    /// The hash of its password, where one is needed.
    pub password: Option<SecretHash>,
}

/// A deleted project whose purge is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueProject {
    /// The key of the project in the event store.
    pub key: ProjectKey,
    /// The id of the project, as it is stored.
    pub id: String,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
}
