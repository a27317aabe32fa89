//! What keeps a store in order, and removes for good what was removed.

use paneld_domain::Timestamp;

use super::{Engine, EventStore};
use crate::{EventsError, Removals, StillFile};

impl EventStore {
    /// Moves what was written to where it stays, out of a log say. It also happens by itself, behind
    /// every erasure, and when the store is closed.
    pub async fn checkpoint(&self) -> Result<(), EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.checkpoint().await,
            // The server keeps its own order.
            Engine::ClickHouse(_) => Ok(()),
        }
    }

    /// Holds its file still, so that another process can copy it, once what is being written is.
    /// Everything is in the file then, and nothing in a log. `None` where events are in no file of
    /// this server.
    ///
    /// # Errors
    /// When the store is away, or something keeps a log from being written to the file.
    pub async fn hold_still(&self) -> Result<Option<StillFile>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.hold_still().await.map(Some),
            Engine::ClickHouse(_) => Ok(None),
        }
    }

    /// Whether answers are being sent in parts. Compacting would wait for them.
    pub fn is_sending_parts(&self) -> bool {
        match &self.engine {
            Engine::DuckDb(store) => store.is_sending_parts(),
            Engine::ClickHouse(_) => false,
        }
    }

    /// The removals of which something may be left in the file; `None` when there are none. Those
    /// that nobody asked for before count from `now` on.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn removals(&self, now: Timestamp) -> Result<Option<Removals>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.removals(now).await,
            Engine::ClickHouse(store) => store.removals(now).await,
        }
    }

    /// Sees to it that nothing is left in any file of what was removed until now. It may take as
    /// much room as everything has once more, and long. Meanwhile nothing is written and no answer
    /// is sent in parts; other questions are answered. It is given up when the future is dropped.
    ///
    /// # Errors
    /// When it could not be done; then everything is as before.
    pub async fn compact(&self, removals: Removals) -> Result<(), EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.compact(removals).await,
            Engine::ClickHouse(store) => store.compact(removals).await,
        }
    }
}
