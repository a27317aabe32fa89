//! Use cases: what handlers and the command line ask for.
//!
//! A use case does all of its job: the change in the catalog and the eviction of what
//! authentication remembers of it, in this process and in others. [`Manage`] and [`Identity`]
//! serve API clients and demand the proof of an [`Authorized`](paneld_auth::Authorized) caller;
//! [`Admin`] serves the operator at the console, who needs none, and so handlers are never given
//! one. [`Upkeep`] and [`Compaction`] are what must be done again and again.
//!
//! This crate knows no HTTP and no SQL.

mod access;
mod admin;
mod answer_bytes;
mod circle;
mod compaction;
mod compute;
mod erasure;
mod error;
mod health;
mod identity;
mod manage;
mod neighbours;
mod once;
mod profiles;
mod reports;
mod revocations;
mod servers;
mod track;
mod upkeep;

pub use admin::Admin;

/// Where events go: the pipeline that takes them, and the store that it leads to.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// What takes them.
    pub ingest: paneld_ingest::Ingest,
    /// Where they are kept.
    pub store: EventStore,
}

/// What callers track, read from their requests.
pub mod ingest {
    pub use paneld_enrich::{Hints, visitor_address};
    pub use paneld_ingest::*;
}

pub use answer_bytes::AnswerBytes;
pub use compaction::Compaction;
pub use compute::{CallerCompute, Compute};
pub use erasure::{ErasedProfile, Erasure};
pub use error::{Conflict, ServiceError};
pub use health::{BackendState, Health, Overall, Readiness};
pub use identity::{Identity, LimitState, WhoAmI};
pub use manage::{Created, Manage, ManageSettings};
pub use once::{Answer, Once};
pub use paneld_events::{EventBatches, EventStore, EventsPage, EventsUrl, Wide};
pub use paneld_repository::{
    AuditEntry, AuditFilter, Bootstrap, CatalogUrl, Change, NewServer, RegisteredServer,
    Repository, Resource, Rotated,
};
pub use profiles::Profiles;
pub use reports::{
    Annotated, GroupWithMembers, ProfileMetrics, ProfileWithEvents, ProfilesBeside, Reports,
    Subject,
};
pub use revocations::Revocations;
pub use servers::{Beside, HEARTBEAT, NotRegistered, Registration, RegistrationError, Standing};
pub use track::{ImportTurn, Track, TrackAnswer, TrackCall, TrackRefusal};
pub use upkeep::{Upkeep, current_salts};
