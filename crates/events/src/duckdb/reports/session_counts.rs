//! What is counted of sessions that have something in common.

use duckdb::Row;
use paneld_analytics::SessionCounts;

/// The columns that [`session_counts`] reads.
pub(super) const COUNTS: &str = "count(*) AS session_count,
    count(*) FILTER (s.is_bounce), sum(s.duration)::UBIGINT, count(*) FILTER (s.duration > 0),
    sum(s.screen_view_count)::UBIGINT AS view_count,
    least(sum(s.revenue), 18446744073709551615)::UBIGINT";

/// Reads the columns [`COUNTS`], of which the first is at this place.
pub(super) fn session_counts(row: &Row<'_>, first: usize) -> duckdb::Result<SessionCounts> {
    Ok(SessionCounts {
        sessions: row.get(first)?,
        bounces: row.get(first + 1)?,
        duration_sum_ms: row.get(first + 2)?,
        duration_count: row.get(first + 3)?,
        screen_views: row.get(first + 4)?,
        revenue: row.get(first + 5)?,
    })
}
