//! Raw events, a page at a time or as a stream: `docs/contract/export.md` §3.

mod list;
mod stream;

use duckdb::{arrow::array::RecordBatch, types::Value};
use paneld_analytics::{EventColumn, EventPlace, EventSelection, EventsStart, RawEventsRequest};

use crate::{
    EventStore, EventsError, EventsPage, Scope,
    conditions::Conditions,
    parts::Parts,
    read::time,
    sql::{Sql, of_project},
};

impl EventStore {
    /// A part of a list of events, newest first, and how many there are in the whole list.
    pub async fn list_events(
        &self,
        scope: Scope,
        request: RawEventsRequest,
    ) -> Result<EventsPage, EventsError> {
        self.read(move |connection| list::list(connection, &scope, &request))
            .await
    }

    /// How many events there are.
    pub async fn count_selected(
        &self,
        scope: Scope,
        selection: EventSelection,
    ) -> Result<u64, EventsError> {
        self.read(move |connection| list::count(connection, &matching(&scope, &selection)))
            .await
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
        let parts = self.stream(move |connection, outlet| {
            let wanted = stream::Wanted {
                scope: &scope,
                request: &request,
                columns: &columns,
                times_as_text,
            };
            wanted.send(connection, outlet)
        });
        Ok(EventBatches(parts.await?))
    }
}

/// Events as they are found: a column for each that was asked for, under its own name. There is
/// at least one batch, which may be empty.
pub struct EventBatches(Parts<RecordBatch>);

impl EventBatches {
    /// The next batch; `None` when there is none left.
    ///
    /// # Errors
    /// When the store goes away: then there are no more batches.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, EventsError> {
        self.0.next().await
    }

    /// Whether somebody else waits for the turn that this has.
    pub fn is_wanted(&self) -> bool {
        self.0.is_wanted()
    }
}

impl std::fmt::Debug for EventBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBatches").finish_non_exhaustive()
    }
}

/// That the event `e` is one of those that are wanted.
fn matching(scope: &Scope, selection: &EventSelection) -> Sql {
    let conditions = Conditions {
        scope,
        window: selection.window,
        filters: &selection.filters,
    };
    let mut all = vec![conditions.events()];
    if !selection.names.is_empty() {
        let names = selection.names.iter().map(String::as_str);
        all.push(Sql::new("e.name").among(names));
    }
    if let Some(profile_id) = &selection.profile_id {
        all.push(of_profile(scope, profile_id));
    }
    Sql::all(all)
}

/// The profile's own, and those of nobody on every device that ever sent one of its own.
fn of_profile(scope: &Scope, profile_id: &str) -> Sql {
    Sql::new("(e.profile_id = ")
        .add(Sql::text(profile_id))
        .push(
            " OR (e.profile_id = e.device_id AND e.device_id IN (
                SELECT e3.device_id FROM events e3 WHERE e3.device_id <> '' AND ",
        )
        .add(of_project("e3", scope.key))
        .push(" AND e3.profile_id = ")
        .add(Sql::text(profile_id))
        .push(")))")
}

/// That the event `e` stands behind a place, and how many are left out before.
fn start(start: EventsStart) -> (Sql, u64) {
    match start {
        EventsStart::Offset(offset) => (Sql::new("TRUE"), offset),
        EventsStart::Behind(place) => (behind(place), 0),
    }
}

fn behind(EventPlace { created_at, id }: EventPlace) -> Sql {
    let id = Value::Text(uuid::Uuid::from_u128(id).to_string());
    // The first condition is for the zone maps.
    Sql::with(
        "(e.created_at <= ?::TIMESTAMP_MS AND (e.created_at < ?::TIMESTAMP_MS OR e.id > ?::UUID))",
        [time(created_at), time(created_at), id],
    )
}
