//! Sessions by what they have in common: `docs/contract/insights.md` §7.4.

mod days;

use duckdb::Connection;
use paneld_analytics::{DimensionRequest, SessionCounts};

pub(crate) use self::days::DimensionPart;
use crate::{Scope, conditions::Conditions, counted::Counted, error::Fault, sql::Sql};

/// The columns that [`session_counts`] reads.
pub(super) const COUNTS: &str = "count(*) AS session_count,
    count(*) FILTER (s.is_bounce), sum(s.duration)::UBIGINT, count(*) FILTER (s.duration > 0),
    sum(s.screen_view_count)::UBIGINT AS view_count,
    least(sum(s.revenue), 18446744073709551615)::UBIGINT";

/// Sessions that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedSessions {
    /// The value that the dimension's value means nothing without; empty when it has none, or
    /// when it is not known.
    pub prefix: String,
    /// The value, empty when it is not known.
    pub name: String,
    /// What there is of them.
    pub counts: SessionCounts,
}

/// Counts sessions by their values, most sessions first.
pub(super) fn count(
    connection: &Connection,
    counted: &Counted,
    scope: &Scope,
    request: &DimensionRequest,
) -> Result<Vec<CountedSessions>, Fault> {
    let began = counted.now();
    let snapshot = connection.unchecked_transaction()?;
    if request.filters.is_empty()
        && let Some(values) = days::count(&snapshot, counted, began, scope, request)?
    {
        return Ok(values);
    }
    let conditions = Conditions {
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

/// `SELECT` and the columns that [`counted_sessions`] reads.
fn values(request: &DimensionRequest) -> Sql {
    let column = |dimension: paneld_analytics::Dimension| format!("s.{}", dimension.name());
    let prefix = request.dimension.prefix();
    let prefix = prefix.map_or_else(|| "''".to_owned(), column);
    let name = column(request.dimension);
    Sql::new(&format!(
        "SELECT {prefix} AS prefix, {name} AS value, {COUNTS}"
    ))
}

fn counted_sessions(row: &duckdb::Row<'_>) -> duckdb::Result<CountedSessions> {
    Ok(CountedSessions {
        prefix: row.get(0)?,
        name: row.get(1)?,
        counts: session_counts(row, 2)?,
    })
}

/// Reads the columns [`COUNTS`], of which the first is at this place.
pub(super) fn session_counts(row: &duckdb::Row<'_>, first: usize) -> duckdb::Result<SessionCounts> {
    Ok(SessionCounts {
        sessions: row.get(first)?,
        bounces: row.get(first + 1)?,
        duration_sum_ms: row.get(first + 2)?,
        duration_count: row.get(first + 3)?,
        screen_views: row.get(first + 4)?,
        revenue: row.get(first + 5)?,
    })
}
