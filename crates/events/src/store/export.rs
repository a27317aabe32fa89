//! Raw events, a page at a time or as a stream.

use paneld_analytics::{EventColumn, EventSelection, RawEventsRequest};

use super::{Engine, EventStore};
use crate::{
    EventsError, EventsPage, Scope, arrow::array::RecordBatch, clickhouse::EventStream,
    duckdb::Parts,
};

impl EventStore {
    /// A part of a list of events, newest first, and how many there are in the whole list.
    pub async fn list_events(
        &self,
        scope: Scope,
        request: RawEventsRequest,
    ) -> Result<EventsPage, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.list_events(scope, request).await,
            Engine::ClickHouse(store) => store.list_events(scope, request).await,
        }
    }

    /// How many events there are.
    pub async fn count_selected(
        &self,
        scope: Scope,
        selection: EventSelection,
    ) -> Result<u64, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.count_selected(scope, selection).await,
            Engine::ClickHouse(store) => store.count_selected(scope, selection).await,
        }
    }

    /// Events, newest first, however many there are: all of one moment, that of the first batch.
    /// Times are Arrow's, or with `times_as_text` as ISO 8601 has them.
    ///
    /// It waits for its turn among a few others that are separate from those of all other
    /// questions. The query goes on as batches are taken, and ends when they are dropped. Until
    /// then it has its turn, also when nobody takes them.
    pub async fn stream_events(
        &self,
        scope: Scope,
        request: RawEventsRequest,
        columns: Vec<EventColumn>,
        times_as_text: bool,
    ) -> Result<EventBatches, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => {
                let parts = store.stream_events(scope, request, columns, times_as_text);
                Ok(EventBatches(Source::DuckDb(parts.await?)))
            }
            Engine::ClickHouse(store) => {
                let stream = store.stream_events(scope, request, columns, times_as_text);
                Ok(EventBatches(Source::ClickHouse(Box::new(stream.await?))))
            }
        }
    }
}

/// Events as they are found: a column for each that was asked for, under its own name. There is
/// at least one batch, which may be empty.
pub struct EventBatches(Source);

/// Where they come from.
enum Source {
    DuckDb(Parts<RecordBatch>),
    ClickHouse(Box<EventStream>),
}

impl EventBatches {
    /// The next batch; `None` when there is none left.
    ///
    /// # Errors
    /// When the store goes away: then there are no more batches.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, EventsError> {
        match &mut self.0 {
            Source::DuckDb(parts) => parts.next().await,
            Source::ClickHouse(parts) => parts.next().await,
        }
    }

    /// Whether somebody else waits for the turn that this has.
    pub fn is_wanted(&self) -> bool {
        match &self.0 {
            Source::DuckDb(parts) => parts.is_wanted(),
            Source::ClickHouse(parts) => parts.is_wanted(),
        }
    }
}

impl std::fmt::Debug for EventBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBatches").finish_non_exhaustive()
    }
}
