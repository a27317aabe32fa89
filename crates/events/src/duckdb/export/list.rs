//! A page of events.

use duckdb::Connection;
use paneld_analytics::RawEventsRequest;

use crate::{
    EventsPage, Scope,
    duckdb::{
        decode,
        fault::Fault,
        overflow,
        sql::{Dialect, Sql, matching, of_project, start},
    },
};

/// How many events fulfil a condition.
pub(super) fn count(connection: &Connection, condition: &Sql) -> Result<u64, Fault> {
    Sql::new("SELECT count(*) FROM events e WHERE ")
        .add(condition.clone())
        .query_row(connection, |row| row.get(0))
}

/// A part of a list, and how many there are in the whole list.
pub(super) fn list(
    connection: &Connection,
    scope: &Scope,
    request: &RawEventsRequest,
) -> Result<EventsPage, Fault> {
    // Both answers are of the same moment.
    let snapshot = connection.unchecked_transaction()?;
    let matching = matching(Dialect::DuckDb, scope, &request.selection);
    let total = count(&snapshot, &matching)?;
    let (behind, offset) = start(Dialect::DuckDb, request.start);
    let limit = request.limit.unwrap_or(u64::MAX - 1);
    // Rows are chosen by few columns; the others are read only of those, and not, as they would be
    // if the project were not named again, of everybody's between them. One more than wanted tells
    // whether there are more.
    let rows =
        Sql::new("WITH chosen AS MATERIALIZED (SELECT e.rowid AS place FROM events e WHERE ")
            .add(matching)
            .push(" AND ")
            .add(behind)
            .push(" ORDER BY e.created_at DESC, e.id LIMIT ")
            .add(Sql::count(limit + 1))
            .push(" OFFSET ")
            .add(Sql::count(offset))
            .push(&format!(") SELECT {} FROM events e WHERE ", decode::EVENT))
            .add(of_project("e", scope.key))
            .push(
                " AND rowid IN (SELECT place FROM chosen)
                ORDER BY e.created_at DESC, e.id",
            );
    let mut rows = overflow::events(&snapshot, scope.key, &rows)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(EventsPage {
        rows,
        total,
        has_more,
    })
}
