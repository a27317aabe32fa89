//! Key figures of pages: of the screen views that match.

use duckdb::Connection;
use paneld_analytics::{BucketCounts, MetricsCounts, MetricsRequest, MetricsRows};

use super::revenue::revenue;
use crate::duckdb::{
    fault::Fault,
    sql::{Conditions, Dialect, Sql, bucket_of},
};

/// Counts screen views that match, and the sessions that entered on such a page.
pub(super) fn count(
    connection: &Connection,
    conditions: &Conditions<'_>,
    request: &MetricsRequest,
) -> Result<MetricsRows, Fault> {
    let bucket = bucket_of(Dialect::DuckDb, "e.created_at", request.buckets());
    let views = Sql::new("WITH views AS (SELECT ")
        .add(bucket)
        .push(
            " AS bucket, e.visitor, nullif(e.session_id, '') AS session,
                epoch_ms(lead(e.created_at) OVER (
                    PARTITION BY e.session_id ORDER BY e.created_at, e.id
                )) - epoch_ms(e.created_at) AS gap
            FROM events e WHERE e.name = 'screen_view' AND ",
        )
        .add(conditions.events())
        .push(") ");
    let columns = "count(DISTINCT nullif(visitor, 0)), count(DISTINCT session), count(*),
        (coalesce(sum(gap) FILTER (session IS NOT NULL AND gap > 0), 0))::UBIGINT,
        count(*) FILTER (session IS NOT NULL AND gap > 0)";
    let by_bucket = views.clone().push(&format!(
        "SELECT bucket, {columns} FROM views GROUP BY bucket"
    ));
    let buckets = by_bucket.query(connection, |row| {
        Ok(BucketCounts {
            bucket: row.get(0)?,
            counts: page_counts(row, 1)?,
        })
    })?;
    let total = views
        .push(&format!("SELECT {columns} FROM views"))
        .query_row(connection, |row| page_counts(row, 0))?;
    let mut rows = MetricsRows {
        total,
        buckets,
        revenue: revenue(connection, conditions, request.buckets())?,
    };
    for (bucket, entries, bounces) in entries(connection, conditions, request)? {
        rows.add_entries(bucket, entries, bounces);
    }
    Ok(rows)
}

fn page_counts(row: &duckdb::Row<'_>, first: usize) -> duckdb::Result<MetricsCounts> {
    Ok(MetricsCounts {
        visitors: row.get(first)?,
        sessions: row.get(first + 1)?,
        screen_views: row.get(first + 2)?,
        duration_sum_ms: row.get(first + 3)?,
        duration_count: row.get(first + 4)?,
        ..MetricsCounts::default()
    })
}

/// How many sessions of each bucket entered on a page that matches, and how many of them bounced.
fn entries(
    connection: &Connection,
    conditions: &Conditions<'_>,
    request: &MetricsRequest,
) -> Result<Vec<(usize, u64, u64)>, Fault> {
    Sql::new("SELECT ")
        .add(bucket_of(
            Dialect::DuckDb,
            "s.created_at",
            request.buckets(),
        ))
        .push(" AS bucket, count(*), count(*) FILTER (s.is_bounce) FROM sessions s WHERE ")
        .add(conditions.began())
        .push(" AND ")
        .add(conditions.session_matches())
        .push(" GROUP BY bucket")
        .query(connection, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
}
