//! What keeps a store in order, and removes for good what was removed.

use paneld_domain::Timestamp;

use super::{Engine, EventStore};
use crate::{EventsError, Removals};

impl EventStore {
    /// Moves what was written from the write-ahead log into the tables' file, after an erasure
    /// say. It also happens by itself, and when the store is closed.
    pub async fn checkpoint(&self) -> Result<(), EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.checkpoint().await,
        }
    }

    /// Whether answers are being sent in parts. Compacting would wait for them.
    pub fn is_sending_parts(&self) -> bool {
        match &self.engine {
            Engine::DuckDb(store) => store.is_sending_parts(),
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
        }
    }

    /// Writes the file anew, so that nothing is left in it of what was removed until now. It
    /// needs room for the file once more, and one second for some 200,000 events.
    ///
    /// Meanwhile nothing is written and no answer is sent in parts. Other questions are answered,
    /// but for a moment at the end, for which they wait. Whatever happens, there is one good file:
    /// the old one, or the new one.
    ///
    /// The copy is given up when the future is dropped.
    ///
    /// # Errors
    /// When the file could not be written anew; then everything is as before.
    pub async fn compact(&self, removals: Removals) -> Result<(), EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.compact(removals).await,
        }
    }
}
