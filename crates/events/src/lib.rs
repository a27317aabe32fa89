//! The event store: events, sessions, bot visits and recordings, in one DuckDB file.
//!
//! [`EventStore`] is its face. It has one writer, which applies [`Batch`]es of the spool, each in
//! one transaction with the position it came from; and a few readers, whose turns are fair to
//! organizations and their clients ([`EventStore::asked_by`]), each bounded in time and
//! interrupted when nobody waits for its answer any more. The store may be away: everything then
//! fails with [`EventsError::Away`], and the store looks for its file again whenever it is asked.
//!
//! No type of DuckDB leaves this crate, and nothing else in the workspace knows DuckDB. Values
//! are always bound, never pasted into SQL.

mod batch;
mod duckdb;
mod error;
mod events_url;
mod query;
mod turns;
mod wide;

pub use self::{
    batch::{Batch, Erased, StoreChange},
    duckdb::{
        CountedEdge, CountedSessions, EventBatches, EventStore, Members, PeopleCopies, PeopleRows,
        Removals, Scope,
    },
    error::{Cause, EventsError},
    events_url::EventsUrl,
    query::{EventsPage, ProfileNumbers},
    turns::{Asker, Crowded},
    wide::Wide,
};
