//! Raw events, a page at a time or as a stream: `docs/contract/export.md` §3.

mod list;
mod stream;

use duckdb::arrow::array::RecordBatch;
use paneld_analytics::{EventColumn, EventSelection, RawEventsRequest};

use crate::{
    EventsError, EventsPage, Scope,
    duckdb::{
        parts::Parts,
        sql::{Dialect, matching},
        store::DuckDbStore,
    },
};

impl DuckDbStore {
    pub(crate) async fn list_events(
        &self,
        scope: Scope,
        request: RawEventsRequest,
    ) -> Result<EventsPage, EventsError> {
        self.read(move |connection| list::list(connection, &scope, &request))
            .await
    }

    pub(crate) async fn count_selected(
        &self,
        scope: Scope,
        selection: EventSelection,
    ) -> Result<u64, EventsError> {
        self.read(move |connection| {
            list::count(connection, &matching(Dialect::DuckDb, &scope, &selection))
        })
        .await
    }

    pub(crate) async fn stream_events(
        &self,
        scope: Scope,
        request: RawEventsRequest,
        columns: Vec<EventColumn>,
        times_as_text: bool,
    ) -> Result<Parts<RecordBatch>, EventsError> {
        let parts = self.stream(move |connection, outlet| {
            let wanted = stream::Wanted {
                scope: &scope,
                request: &request,
                columns: &columns,
                times_as_text,
            };
            wanted.send(connection, outlet)
        });
        parts.await
    }
}
