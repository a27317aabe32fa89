//! What the applier of the spool writes.

use super::{Engine, EventStore};
use crate::{Batch, Erased, EventsError, Pace};

impl EventStore {
    /// The position in the spool up to which everything was applied; 0 when nothing was.
    pub async fn applied_position(&self) -> Result<u64, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.applied_position().await,
            Engine::ClickHouse(store) => store.applied_position().await,
        }
    }

    /// The position of the last record of a batch that was begun and, as far as is known, not
    /// finished, where the store cannot do both at once. It must be finished before another one is
    /// begun, as it was: the first batch after a start ends there.
    pub async fn unfinished_position(&self) -> Result<Option<u64>, EventsError> {
        match &self.engine {
            Engine::DuckDb(_) => Ok(None),
            Engine::ClickHouse(store) => store.unfinished_position().await,
        }
    }

    /// Applies a batch and its position. When this returns `Ok`, it is on disk. A batch that was
    /// applied before is not applied again. Tells what its erasures removed, in their order;
    /// nothing of a batch that was applied before. No log of the store tells of whom they were any
    /// more, unless there is a warning of it.
    ///
    /// # Errors
    /// Where the engine has transactions, nothing of the batch is there then. Where it has none,
    /// some of it may be: the same batch, sent again, brings what is missing, and nothing twice.
    pub async fn apply(&self, batch: Batch) -> Result<Vec<Erased>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.apply(batch).await,
            Engine::ClickHouse(store) => store.apply(batch).await,
        }
    }

    /// Whether questions are being answered now. They take memory that a batch may lack.
    pub fn is_answering(&self) -> bool {
        match &self.engine {
            Engine::DuckDb(store) => store.is_answering(),
            Engine::ClickHouse(store) => store.is_answering(),
        }
    }

    /// In which batches it is best written to.
    pub fn pace(&self) -> Pace {
        match &self.engine {
            Engine::DuckDb(store) => store.pace(),
            Engine::ClickHouse(store) => store.pace(),
        }
    }
}
