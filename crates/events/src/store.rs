//! The face of the event store, and the closed set of engines behind it.
//!
//! Each method says what it promises, and hands on to the engine; how that keeps it stands there.

mod copies;
mod export;
mod lists;
mod people;
mod reports;
mod upkeep;
mod writing;

use std::time::Duration;

pub use self::{copies::NewCopies, export::EventBatches};
pub use crate::duckdb::{StillFile, StoreContents};
use crate::{
    Asker, EventStoreSettings, EventsUrl, clickhouse::ClickHouseStore, duckdb::DuckDbStore,
};

/// The event store. Clones are handles of the same store.
///
/// Questions are answered at the same time as batches are applied, a few at once, in turns that
/// are fair to those who ask; each sees what was committed when it began.
#[derive(Clone)]
pub struct EventStore {
    engine: Engine,
}

/// What keeps the events.
#[derive(Clone)]
enum Engine {
    DuckDb(DuckDbStore),
    ClickHouse(ClickHouseStore),
}

impl EventStore {
    /// The store at the URL, which is made when it is first needed.
    ///
    /// This opens nothing yet. What cannot be opened makes the store be away; it is tried again,
    /// at most once a second, whenever something is asked.
    pub fn new(settings: EventStoreSettings) -> Self {
        let EventStoreSettings {
            url,
            temp_dir,
            memory,
            spools,
            journal,
        } = settings;
        let engine = match url {
            EventsUrl::DuckDb(path) => Engine::DuckDb(DuckDbStore::new(&path, &temp_dir, memory)),
            EventsUrl::ClickHouse(url) => {
                Engine::ClickHouse(ClickHouseStore::new(url, spools, journal))
            }
        };
        Self { engine }
    }

    /// The same store, with another limit of the time that an answer may take.
    #[must_use]
    pub fn with_read_time(self, read_time: Duration) -> Self {
        let engine = match self.engine {
            Engine::DuckDb(store) => Engine::DuckDb(store.with_read_time(read_time)),
            Engine::ClickHouse(store) => Engine::ClickHouse(store.with_read_time(read_time)),
        };
        Self { engine }
    }

    /// The same store, asked by somebody else than the server itself.
    #[must_use]
    pub fn asked_by(&self, asker: Asker) -> Self {
        let engine = match &self.engine {
            Engine::DuckDb(store) => Engine::DuckDb(store.asked_by(asker)),
            Engine::ClickHouse(store) => Engine::ClickHouse(store.asked_by(asker)),
        };
        Self { engine }
    }

    /// Whether the store can be used now, as far as is known without a question to it.
    pub async fn is_up(&self) -> bool {
        match &self.engine {
            Engine::DuckDb(store) => store.is_up().await,
            Engine::ClickHouse(store) => store.is_up().await,
        }
    }

    /// Closes it, as soon as nothing is at work in it. The store is away ever after.
    pub async fn close(&self) {
        match &self.engine {
            Engine::DuckDb(store) => store.close().await,
            Engine::ClickHouse(store) => store.close().await,
        }
    }
}

impl std::fmt::Debug for EventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore").finish_non_exhaustive()
    }
}
