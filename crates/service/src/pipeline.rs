//! Events: what takes them, and where they are kept.

use paneld_events::EventStore;
use paneld_ingest::Ingest;

use crate::BackendState;

/// Where events go: the pipeline that takes them, and the store that it leads to.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// What takes them, to the spool.
    pub ingest: Ingest,
    /// Where they are kept, and questions are answered.
    pub store: EventStore,
}

impl Pipeline {
    /// The state of the spool and of the event store.
    pub(crate) async fn states(&self) -> (BackendState, BackendState) {
        let state = |is_up| {
            if is_up {
                BackendState::Up
            } else {
                BackendState::Down
            }
        };
        let is_writable = self.ingest.is_writable();
        (state(is_writable), state(self.store.is_up().await))
    }

    /// Sets the gauges of what waits and of what is live.
    pub(crate) async fn measure(&self) {
        self.ingest.measure().await;
    }
}
