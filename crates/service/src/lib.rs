//! Use cases: what handlers and the command line ask for.
//!
//! A use case does all of its job: the change in the catalog and the eviction of what
//! authentication remembers of it, in this process and in others. [`Manage`] and [`Identity`]
//! serve API clients and demand the proof of an [`Authorized`](paneld_auth::Authorized) caller;
//! [`Admin`] serves the operator at the console, who needs none, and so handlers are never given
//! one. [`Upkeep`] is what must be done again and again.
//!
//! This crate knows no HTTP and no SQL.

mod admin;
mod compute;
mod erasure;
mod error;
mod health;
mod identity;
mod manage;
mod once;
mod reports;
mod revocations;
mod track;
mod upkeep;

pub use admin::Admin;

/// What callers track, read from their requests.
pub mod ingest {
    pub use paneld_enrich::{Hints, visitor_address};
    pub use paneld_ingest::*;
}

pub use compute::Compute;
pub use erasure::{ErasedProfile, Erasure};
pub use error::{Conflict, ServiceError};
pub use health::{BackendState, Health, Overall, Readiness};
pub use identity::{Identity, LimitState, WhoAmI};
pub use manage::{Created, Manage, ManageSettings};
pub use once::{Answer, Once};
pub use paneld_events::{EventBatches, EventStore, EventsPage, EventsUrl};
pub use paneld_repository::{
    AuditEntry, AuditFilter, Bootstrap, CatalogUrl, Change, Repository, Resource, Rotated,
};
pub use reports::{
    Annotated, GroupWithMembers, ProfileMetrics, ProfileWithEvents, Reports, Subject,
};
pub use revocations::Revocations;
pub use track::{Track, TrackAnswer, TrackCall, TrackRefusal};
pub use upkeep::{Upkeep, current_salts};
