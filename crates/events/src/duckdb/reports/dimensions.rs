//! Sessions by what they have in common: `docs/contract/insights.md` §7.4.

mod days;
mod values;

use duckdb::Connection;
use paneld_analytics::{Dimension, DimensionRequest};

pub(crate) use self::days::DimensionPart;
use self::values::{counted_sessions, values};
use crate::{
    CountedSessions, Scope,
    duckdb::{
        counted::Parts,
        fault::Fault,
        sql::{Conditions, Dialect, Sql},
    },
};

/// Counts sessions by their values, most sessions first.
pub(super) fn count(
    connection: &Connection,
    known: &Parts<DimensionPart, Dimension>,
    scope: &Scope,
    request: &DimensionRequest,
) -> Result<Vec<CountedSessions>, Fault> {
    let began = known.now();
    let snapshot = connection.unchecked_transaction()?;
    if request.filters.is_empty()
        && let Some(values) = days::count(&snapshot, known, began, scope, request)?
    {
        return Ok(values);
    }
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        scope,
        window: request.window,
        filters: &request.filters,
    };
    values(request)
        .push(" FROM sessions s WHERE ")
        .add(conditions.sessions())
        .push(
            " GROUP BY prefix, value
            ORDER BY session_count DESC, view_count DESC, value, prefix LIMIT ",
        )
        .add(Sql::count(request.paging.limit.into()))
        .push(" OFFSET ")
        .add(Sql::count(request.paging.offset))
        .query(&snapshot, counted_sessions)
}
