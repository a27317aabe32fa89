//! The event store: events, sessions, bot visits and recordings.
//!
//! [`EventStore`] is its face. It applies [`Batch`]es of the spool one after another, each once,
//! with the position it came from; and it answers questions in turns that are fair
//! to organizations and their clients ([`EventStore::asked_by`]), each bounded in time and ended
//! when nobody waits for its answer any more. The store may be away: everything then fails with
//! [`EventsError::Away`], and it is looked for again whenever something is asked.
//!
//! Behind the face is one of a closed set of engines: DuckDB keeps everything in a file, ClickHouse
//! in a database on a server; only their folders name their libraries. What an engine is asked and
//! answers has types of its own, and batches of events are [`arrow`]'s. Values are always bound,
//! never pasted into SQL.

mod activity;
mod batch;
mod clickhouse;
mod duckdb;
mod error;
mod events_url;
mod labels;
mod pace;
mod query;
mod removals;
mod settings;
mod sql;
mod store;
mod turns;
mod wide;

/// Arrow, in the version that is used throughout: batches of events are of it.
pub use self::duckdb::arrow;

pub use self::{
    batch::{Batch, Erased, PeopleCopies, PeopleRows, StoreChange},
    error::{Cause, EventsError},
    events_url::{ClickHouseUrl, EventsUrl},
    pace::Pace,
    query::{CountedEdge, CountedSessions, EventsPage, Members, ProfileNumbers, Scope},
    removals::Removals,
    settings::EventStoreSettings,
    store::{EventBatches, EventStore, NewCopies, StillFile, StoreContents},
    turns::{Asker, Crowded},
    wide::Wide,
};
