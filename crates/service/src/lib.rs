//! Use cases: what handlers and the command line ask for.
//!
//! A use case does all of its job: the change in the catalog and the eviction of what
//! authentication remembers of it, in this process and in others. [`Manage`] and [`Identity`]
//! serve API clients and demand the proof of an [`Authorized`](paneld_auth::Authorized) caller;
//! [`Admin`] serves the operator at the console, who needs none, and so handlers are never given
//! one. [`Upkeep`] and [`Compaction`] are what must be done again and again.
//!
//! Without the feature `events`, which is on by default, only what needs no events is built: no
//! DuckDB, no spool. [`Pipeline`] and [`Reports`] are then types of which there are no values.
//!
//! This crate knows no HTTP and no SQL.

#![cfg_attr(
    not(feature = "events"),
    allow(dead_code, reason = "what the events' use cases share with others")
)]

mod access;
mod admin;
mod answer_bytes;
mod backend;
mod circle;
#[cfg(feature = "events")]
mod compaction;
mod compute;
mod console;
#[cfg(feature = "events")]
mod erasure;
mod error;
mod health;
mod identity;
#[cfg(feature = "events")]
mod live;
mod manage;
#[cfg(feature = "events")]
mod neighbours;
#[cfg(not(feature = "events"))]
mod no_events;
mod once;
#[cfg(feature = "events")]
mod pipeline;
#[cfg(feature = "events")]
mod profiles;
#[cfg(feature = "events")]
mod reports;
mod revocations;
mod servers;
mod sharing;
#[cfg(feature = "events")]
mod track;
#[cfg(feature = "events")]
mod track_refusal;
mod upkeep;

pub use admin::Admin;
pub use answer_bytes::AnswerBytes;
pub use backend::BackendState;
#[cfg(feature = "events")]
pub use compaction::Compaction;
pub use compute::{CallerCompute, Compute};
pub use console::{Before, Console, OpenSession, SIGN_IN_TIME, VisibleProjects};
#[cfg(feature = "events")]
pub use erasure::{ErasedProfile, Erasure};
pub use error::{Conflict, ServiceError};
pub use health::{Health, Overall, Readiness};
pub use identity::{Identity, LimitState, WhoAmI};
#[cfg(feature = "events")]
pub use live::{Live, News, Portion, Watching};
pub use manage::{Created, Manage, ManageSettings};
#[cfg(not(feature = "events"))]
pub use no_events::{Pipeline, Reports};
pub use once::{Answer, Once};
#[cfg(feature = "events")]
pub use paneld_events::{
    EventBatches, EventStore, EventStoreSettings, EventsPage, EventsUrl, StillFile, StoreContents,
    Wide, arrow,
};
pub use paneld_repository::{
    AuditEntry, AuditFilter, Bootstrap, CatalogContents, CatalogUrl, FieldChange, NewServer,
    RegisteredServer, Repository, Resource, Rotated,
};
#[cfg(feature = "events")]
pub use pipeline::Pipeline;
#[cfg(feature = "events")]
pub use profiles::Profiles;
#[cfg(feature = "events")]
pub use reports::{
    Annotated, Glance, GlanceFigures, GroupWithMembers, ProfileMetrics, ProfileWithEvents,
    ProfilesBeside, Reports, Subject,
};
pub use revocations::Revocations;
pub use servers::{Beside, HEARTBEAT, NotRegistered, Registration, RegistrationError, Standing};
pub use sharing::{MadeShareLink, NewShareLink};
#[cfg(feature = "events")]
pub use track::{ImportTurn, Track, TrackAnswer, TrackCall};
#[cfg(feature = "events")]
pub use track_refusal::TrackRefusal;
pub use upkeep::Upkeep;
#[cfg(feature = "events")]
pub use upkeep::current_salts;

/// What callers track, read from their requests.
#[cfg(feature = "events")]
pub mod ingest {
    pub use paneld_enrich::{Hints, visitor_address};
    pub use paneld_ingest::*;
}
