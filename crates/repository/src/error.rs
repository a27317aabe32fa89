//! What can go wrong, by what the caller can do about it.

use std::{str::FromStr, sync::Arc};

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use paneld_auth::StoreUnavailable;
use paneld_domain::InvalidValue;

/// A kind of thing in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// An organization, which owns all the others.
    Organization,
    /// A project of an organization.
    Project,
    /// An API client of an organization.
    Client,
    /// A reference: a dated annotation of a project.
    Reference,
    /// A profile of a project.
    Profile,
    /// A group of a project.
    Group,
    /// A share link of a project.
    ShareLink,
}

impl Resource {
    /// The name of the resource in lists and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project => "project",
            Self::Client => "client",
            Self::Reference => "reference",
            Self::Profile => "profile",
            Self::Group => "group",
            Self::ShareLink => "share_link",
        }
    }
}

impl FromStr for Resource {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Organization,
            Self::Project,
            Self::Client,
            Self::Reference,
            Self::Profile,
            Self::ShareLink,
        ]
        .into_iter()
        .find(|resource| resource.as_str() == text)
        .ok_or(InvalidValue::new(
            "must be organization, project, client, reference, profile or share_link",
        ))
    }
}

/// As sentences begin with it.
impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Organization => "Organization",
            Self::Project => "Project",
            Self::Client => "Client",
            Self::Reference => "Reference",
            Self::Profile => "Profile",
            Self::Group => "Group",
            Self::ShareLink => "Share link",
        })
    }
}

/// Why a unit of work was not done. Nothing of it was, then.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// There is no such thing in the organization.
    #[error("{0} not found")]
    NotFound(Resource),
    /// There is one of this id already, in this or another organization.
    #[error("{0} already exists")]
    AlreadyExists(Resource),
    /// It would leave the organization without a usable root client.
    #[error("the organization would be left without a usable root client")]
    LastRoot,
    /// The project has as many share links as one may have.
    #[error("the project has too many share links")]
    TooManyShareLinks,
    /// Another client made the share link.
    #[error("another client made the share link")]
    OthersShareLink,
    /// The same is being done at this moment under the same idempotency key.
    #[error("a request of the same idempotency key is running")]
    Running,
    /// The client's type and settings do not go together, by field.
    #[error("the client's settings do not go together")]
    Invalid(Vec<(&'static str, InvalidValue)>),
    /// There is no catalog, or its tables are not those of this program; and what to do.
    #[error("{0}")]
    Unsuitable(String),
    /// The catalog cannot be reached or written now. Trying again later may help.
    #[error("the catalog is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else: a bug, or a damaged catalog.
    #[error("the catalog failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RepositoryError {
    pub(crate) fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    pub(crate) fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<DieselError> for RepositoryError {
    fn from(error: DieselError) -> Self {
        if is_transient(&error) {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<RepositoryError> for StoreUnavailable {
    fn from(error: RepositoryError) -> Self {
        Self(Arc::new(error))
    }
}

/// Whether nobody has a bug to fix: the database is busy, full, read-only or away.
fn is_transient(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(kind, information) => match kind {
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::UnableToSendCommand => true,
            _ => TRANSIENT_MESSAGES
                .iter()
                .any(|message| information.message().contains(message)),
        },
        DieselError::BrokenTransactionManager => true,
        _ => false,
    }
}

/// Databases tell these apart with a code, but Diesel hands on their message only.
const TRANSIENT_MESSAGES: [&str; 16] = [
    // SQLite
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
    // PostgreSQL, where it speaks English
    "terminating connection",
    "the database system is",
    "canceling statement due to",
    "deadlock detected",
    "could not serialize access",
    "remaining connection slots",
    "too many clients",
    "too many connections",
    "No space left on device",
    "out of shared memory",
];
