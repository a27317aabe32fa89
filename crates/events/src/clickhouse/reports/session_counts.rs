//! What is counted of sessions that have something in common.

use paneld_analytics::SessionCounts;

use super::sum_of_revenue;

/// The columns that a [`Counts`] is read of.
pub(super) fn counts() -> String {
    format!(
        "count() AS session_count, countIf(s.is_bounce), sum(s.duration), countIf(s.duration > 0),
        sum(toUInt64(s.screen_view_count)) AS view_count, {}",
        sum_of_revenue("s.revenue")
    )
}

/// Two texts that sessions have in common, and the columns of [`counts`].
pub(super) type Counted = (String, String, u64, u64, u64, u64, u64, u64);

/// The texts and the counts.
pub(super) fn session_counts(row: Counted) -> (String, String, SessionCounts) {
    let (one, other, sessions, bounces, duration_sum_ms, duration_count, screen_views, revenue) =
        row;
    let counts = SessionCounts {
        sessions,
        bounces,
        duration_sum_ms,
        duration_count,
        screen_views,
        revenue,
    };
    (one, other, counts)
}
