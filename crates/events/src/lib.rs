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

mod answering;
mod answers;
mod append;
mod apply;
mod batch;
mod columns;
mod compaction;
mod conditions;
mod contents;
mod copies;
mod counted;
mod database;
mod decode;
mod erase;
mod error;
mod events_url;
mod export;
mod interrupt;
mod numbers;
mod overflow;
mod own_thread;
mod parts;
mod query;
mod read;
mod record;
mod removals;
mod reports;
mod schema;
mod sessions;
mod sql;
mod store;
mod turns;
mod views;
mod wide;

pub use batch::{Batch, Erased, StoreChange};
pub use conditions::Scope;
pub use contents::StoreContents;
pub use copies::{PeopleCopies, PeopleRows};
pub use error::{Cause, EventsError};
pub use events_url::EventsUrl;
pub use export::EventBatches;
pub use query::{EventsPage, ProfileNumbers};
pub use removals::Removals;
pub use reports::{CountedEdge, CountedSessions, Members};
pub use store::{EventStore, StillFile};
pub use turns::{Asker, Crowded};
pub use wide::Wide;
