//! Lists of events and sessions, and what is in them: `docs/contract/insights.md` §7.14, §7.15 and
//! §7.17; and pages of raw events.

use clickhouse::Row;
use paneld_analytics::{EventSelection, EventsRequest, Paging, RawEventsRequest, SessionsRequest};
use paneld_domain::{Event, ProjectKey, Session};

use super::{
    rows::{EventRow, SessionRow, columns},
    sql::{Dialect, Sql, events_chosen, matching, of_project, sessions_chosen, start},
    store::ClickHouseStore,
};
use crate::{EventsError, EventsPage, Scope};

/// The order of lists of events.
const NEWEST: &str = "e.created_at DESC, e.id";

impl ClickHouseStore {
    pub(crate) async fn find_events(
        &self,
        scope: Scope,
        request: EventsRequest,
    ) -> Result<Vec<Event>, EventsError> {
        let chosen = events_chosen(Dialect::ClickHouse, &scope, &request);
        let rows = rows::<EventRow<'_>>("events", "e", chosen, NEWEST, request.paging);
        self.read(async |client| rows.fetch_wide::<EventRow<'_>, _>(&client).await)
            .await
    }

    pub(crate) async fn find_sessions(
        &self,
        scope: Scope,
        request: SessionsRequest,
    ) -> Result<Vec<Session>, EventsError> {
        let chosen = sessions_chosen(Dialect::ClickHouse, &scope, &request);
        let order = "s.created_at DESC, s.id";
        let rows = rows::<SessionRow<'_>>("sessions", "s", chosen, order, request.paging);
        self.read(async |client| rows.fetch_wide::<SessionRow<'_>, _>(&client).await)
            .await
    }

    pub(crate) async fn event_names(
        &self,
        project: ProjectKey,
        limit: u32,
    ) -> Result<Vec<String>, EventsError> {
        let names = Sql::new("SELECT e.name FROM events e WHERE ")
            .add(of_project("e", project))
            .push(" GROUP BY e.name ORDER BY count() DESC, e.name LIMIT ")
            .add(Sql::count(limit.into()));
        self.read(async |client| names.fetch(&client).await).await
    }

    pub(crate) async fn property_keys(
        &self,
        project: ProjectKey,
        event: Option<String>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, EventsError> {
        let mut chosen = vec![of_project("e", project)];
        chosen.extend(event.map(|name| Sql::new("e.name = ").add(Sql::text(&name))));
        let keys = Sql::new(
            "SELECT DISTINCT arrayJoin(mapKeys(e.properties)) AS key, toString(e.name) AS name
            FROM events e WHERE ",
        )
        .add(Sql::all(chosen))
        .push(" ORDER BY key, name LIMIT ")
        .add(Sql::count(limit.into()));
        self.read(async |client| keys.fetch(&client).await).await
    }

    pub(crate) async fn property_values(
        &self,
        project: ProjectKey,
        event: String,
        key: String,
        limit: u32,
    ) -> Result<Vec<String>, EventsError> {
        let values = Sql::new("SELECT e.properties[")
            .add(Sql::text(&key))
            .push("] AS value FROM events e WHERE ")
            .add(of_project("e", project))
            .push(" AND e.name = ")
            .add(Sql::text(&event))
            .push(
                " AND value <> '' GROUP BY value
                ORDER BY max(e.created_at) DESC, value LIMIT ",
            )
            .add(Sql::count(limit.into()));
        self.read(async |client| values.fetch(&client).await).await
    }

    pub(crate) async fn list_events(
        &self,
        scope: Scope,
        request: RawEventsRequest,
    ) -> Result<EventsPage, EventsError> {
        let chosen = matching(Dialect::ClickHouse, &scope, &request.selection);
        let (behind, offset) = start(Dialect::ClickHouse, request.start);
        let limit = request.limit.unwrap_or(u64::MAX - 1);
        // One more than wanted tells whether there are more.
        let page =
            selected::<EventRow<'_>>("events", "e", chosen.clone().push(" AND ").add(behind))
                .push(&format!(" ORDER BY {NEWEST} LIMIT "))
                .add(Sql::count(limit + 1))
                .push(" OFFSET ")
                .add(Sql::count(offset));
        let total = count(chosen);
        self.read(async |client| {
            let total = total.fetch_one(&client).await?;
            let mut rows = page.fetch_wide::<EventRow<'_>, Event>(&client).await?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let has_more = rows.len() > limit;
            rows.truncate(limit);
            Ok(EventsPage {
                rows,
                total,
                has_more,
            })
        })
        .await
    }

    pub(crate) async fn count_selected(
        &self,
        scope: Scope,
        selection: EventSelection,
    ) -> Result<u64, EventsError> {
        let count = count(matching(Dialect::ClickHouse, &scope, &selection));
        self.read(async |client| count.fetch_one(&client).await)
            .await
    }
}

/// How many events are chosen.
fn count(chosen: Sql) -> Sql {
    Sql::new("SELECT count() FROM events e WHERE ").add(chosen)
}

/// The rows of a table that are chosen.
pub(super) fn selected<R: Row>(table: &str, alias: &str, chosen: Sql) -> Sql {
    let (columns, table) = (columns::<R>(alias), Dialect::ClickHouse.table(table, alias));
    Sql::new(&format!("SELECT {columns} FROM {table} WHERE ")).add(chosen)
}

/// A part of them.
pub(super) fn rows<R: Row>(
    table: &str,
    alias: &str,
    chosen: Sql,
    order: &str,
    paging: Paging,
) -> Sql {
    selected::<R>(table, alias, chosen)
        .push(&format!(" ORDER BY {order} LIMIT "))
        .add(Sql::count(paging.limit.into()))
        .push(" OFFSET ")
        .add(Sql::count(paging.offset))
}
