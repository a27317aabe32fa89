//! The places of screen views among those of their sessions, found anew.
//!
//! Who tracks a view knows its place, as long as views come in the order in which they happened.
//! Otherwise, and when some of a session's views are removed, what stands with the others is not
//! true any more.

use chrono::TimeDelta;
use duckdb::{Connection, params, params_from_iter, types::Value};
use paneld_domain::{ProjectKey, SessionSpan, Timestamp};

use crate::duckdb::{
    fault::Fault,
    sql::moment,
    write::{append::append, columns::Row, record},
};

/// What servers tell of a session may lie so far outside of it.
pub(crate) const BESIDE_SESSION: TimeDelta = TimeDelta::minutes(30);

/// How many views of a session are put in order: a session that has more, as files of before may
/// have, would cost more with each of them.
const MOST_VIEWS: u32 = 10_000;

/// What is sorted is narrow: DuckDB sorts nothing else on the disk.
const PUT_IN_ORDER: &str = "UPDATE events SET
        is_first_view = placed.is_first,
        previous_page = placed.page_before,
        previous_duration = placed.duration_before
    FROM (
        SELECT e.rowid AS row, row_number() OVER same_page = 1 AS is_first,
            coalesce(lag(p.untitled) OVER session, 0) AS page_before,
            coalesce(epoch_ms(e.created_at) - epoch_ms(lag(e.created_at) OVER session), 0)
            AS duration_before,
            count(*) OVER (PARTITION BY e.project_key, e.session_id) AS views
        FROM events e JOIN disordered_sessions d
            ON d.project_key = e.project_key AND d.session_id = e.session_id
            LEFT JOIN pages p ON p.project_key = e.project_key AND p.number = e.page
        WHERE e.name = 'screen_view'
            AND e.created_at BETWEEN ?::TIMESTAMP_MS AND ?::TIMESTAMP_MS
        WINDOW session AS (PARTITION BY e.project_key, e.session_id ORDER BY e.created_at, e.id),
            same_page AS (PARTITION BY e.project_key, e.session_id, hash(e.origin, e.path)
                ORDER BY e.created_at, e.id)
    ) AS placed
    WHERE events.rowid = placed.row AND placed.views <= ?";

/// When the views of sessions were that began and ended then: what servers tell of a session may
/// lie half an hour outside of it.
pub(crate) fn reach(start: Timestamp, end: Timestamp) -> (Timestamp, Timestamp) {
    (start - BESIDE_SESSION, end + BESIDE_SESSION)
}

/// Finds the places of the views of some sessions.
pub(crate) fn put_in_order(
    connection: &Connection,
    spans: &[Row<'_, SessionSpan>],
) -> Result<(), Fault> {
    let start = spans.iter().map(|(_, span)| span.start).min();
    let end = spans.iter().map(|(_, span)| span.end).max();
    let Some((start, end)) = start.zip(end) else {
        return Ok(());
    };
    let (start, end) = reach(start, end);
    connection.execute_batch(
        "CREATE OR REPLACE TEMP TABLE disordered_sessions
        (project_key BIGINT, session_id VARCHAR)",
    )?;
    append(
        connection,
        "disordered_sessions",
        record::session_spans(spans)?,
    )?;
    // One that is there twice would be joined twice.
    connection.execute_batch(
        "CREATE OR REPLACE TEMP TABLE disordered_sessions AS
        SELECT DISTINCT project_key, session_id FROM disordered_sessions",
    )?;
    connection.execute(
        PUT_IN_ORDER,
        params![moment(start), moment(end), MOST_VIEWS],
    )?;
    Ok(connection.execute_batch("DROP TABLE disordered_sessions")?)
}

/// Does something that removes some events of sessions, and mends what is left of them.
///
/// `sessions` selects them: `session_id`, and the two moments between which they were.
pub(crate) fn mend_after<T>(
    connection: &Connection,
    project: ProjectKey,
    sessions: &str,
    values: &[Value],
    remove: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let spans = damaged(connection, sessions, values)?;
    let removed = remove()?;
    let rows = spans.iter().map(|span| (project, span));
    put_in_order(connection, &rows.collect::<Vec<_>>())?;
    Ok(removed)
}

fn damaged(
    connection: &Connection,
    sessions: &str,
    values: &[Value],
) -> Result<Vec<SessionSpan>, Fault> {
    let mut statement = connection.prepare(sessions)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let rows = rows.collect::<duckdb::Result<Vec<(String, i64, i64)>>>()?;
    let spans = rows
        .into_iter()
        .map(|(session_id, start, end)| SessionSpan {
            session_id,
            start: Timestamp::from_timestamp_millis(start).unwrap_or_default(),
            end: Timestamp::from_timestamp_millis(end).unwrap_or_default(),
        });
    Ok(spans.collect())
}
