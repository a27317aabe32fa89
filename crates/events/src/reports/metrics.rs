//! Key figures: `contract/insights.md` §7.1.

use duckdb::Connection;
use paneld_analytics::{
    BucketCounts, BucketRevenue, MetricsCounts, MetricsMode, MetricsRequest, MetricsRows,
};

use super::{buckets::bucket_of, visitors::visitors};
use crate::{Scope, conditions::Conditions, error::Fault, sql::Sql};

/// Counts in the whole window and in its buckets.
pub(super) fn count(
    connection: &Connection,
    scope: &Scope,
    request: &MetricsRequest,
) -> Result<MetricsRows, Fault> {
    // All of one moment.
    let snapshot = connection.unchecked_transaction()?;
    let conditions = Conditions {
        scope,
        window: request.buckets().window(),
        filters: request.filters(),
    };
    let counts = match request.mode() {
        MetricsMode::Sessions => of_sessions(&snapshot, &conditions, request)?,
        MetricsMode::Pages => of_pages(&snapshot, &conditions, request)?,
    };
    let revenue = revenue(&snapshot, &conditions, request)?;
    Ok(MetricsRows { revenue, ..counts })
}

fn of_sessions(
    connection: &Connection,
    conditions: &Conditions<'_>,
    request: &MetricsRequest,
) -> Result<MetricsRows, Fault> {
    let matching = conditions.sessions();
    let bucket = bucket_of("s.created_at", request.buckets());
    let by_bucket = Sql::new("SELECT ")
        .add(bucket.clone())
        .push(
            " AS bucket, count(*), count(*) FILTER (s.is_bounce), sum(s.duration)::UBIGINT,
                count(*) FILTER (s.duration > 0), sum(s.screen_view_count)::UBIGINT
            FROM sessions s WHERE ",
        )
        .add(matching.clone())
        .push(" GROUP BY bucket");
    let mut buckets = by_bucket.query(connection, |row| {
        let sessions = row.get(1)?;
        Ok(BucketCounts {
            bucket: row.get(0)?,
            counts: MetricsCounts {
                visitors: 0,
                sessions,
                entries: sessions,
                bounces: row.get(2)?,
                duration_sum_ms: row.get(3)?,
                duration_count: row.get(4)?,
                screen_views: row.get(5)?,
            },
        })
    })?;
    // A session is in one bucket; a visitor may be in many.
    let visitors = visitors(connection, &bucket, &matching, request.buckets().count())?;
    let mut total = buckets
        .iter()
        .fold(MetricsCounts::default(), |sum, row| sum + row.counts);
    total.visitors = visitors.total;
    for row in &mut buckets {
        row.counts.visitors = visitors.of_bucket(row.bucket);
    }
    Ok(MetricsRows {
        total,
        buckets,
        ..MetricsRows::default()
    })
}

/// Counts screen views that match, and the sessions that entered on such a page.
fn of_pages(
    connection: &Connection,
    conditions: &Conditions<'_>,
    request: &MetricsRequest,
) -> Result<MetricsRows, Fault> {
    let bucket = bucket_of("e.created_at", request.buckets());
    let views = Sql::new("WITH views AS (SELECT ")
        .add(bucket)
        .push(
            " AS bucket, e.profile_id, nullif(e.session_id, '') AS session,
                epoch_ms(lead(e.created_at) OVER (
                    PARTITION BY e.session_id ORDER BY e.created_at, e.id
                )) - epoch_ms(e.created_at) AS gap
            FROM events e WHERE e.name = 'screen_view' AND ",
        )
        .add(conditions.events())
        .push(") ");
    let columns = "count(DISTINCT nullif(profile_id, '')), count(DISTINCT session), count(*),
        (coalesce(sum(gap) FILTER (session IS NOT NULL AND gap > 0), 0))::UBIGINT,
        count(*) FILTER (session IS NOT NULL AND gap > 0)";
    let by_bucket = views.clone().push(&format!(
        "SELECT bucket, {columns} FROM views GROUP BY bucket"
    ));
    let mut buckets = by_bucket.query(connection, |row| {
        Ok(BucketCounts {
            bucket: row.get(0)?,
            counts: page_counts(row, 1)?,
        })
    })?;
    let mut total = views
        .push(&format!("SELECT {columns} FROM views"))
        .query_row(connection, |row| page_counts(row, 0))?;
    for (bucket, entries, bounces) in entries(connection, conditions, request)? {
        total.entries += entries;
        total.bounces += bounces;
        let place = buckets.iter().position(|row| row.bucket == bucket);
        let place = place.unwrap_or_else(|| {
            buckets.push(BucketCounts {
                bucket,
                counts: MetricsCounts::default(),
            });
            buckets.len() - 1
        });
        buckets[place].counts.entries = entries;
        buckets[place].counts.bounces = bounces;
    }
    Ok(MetricsRows {
        total,
        buckets,
        ..MetricsRows::default()
    })
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
        .add(bucket_of("s.created_at", request.buckets()))
        .push(" AS bucket, count(*), count(*) FILTER (s.is_bounce) FROM sessions s WHERE ")
        .add(conditions.began())
        .push(" AND ")
        .add(conditions.session_matches())
        .push(" GROUP BY bucket")
        .query(connection, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
}

fn revenue(
    connection: &Connection,
    conditions: &Conditions<'_>,
    request: &MetricsRequest,
) -> Result<Vec<BucketRevenue>, Fault> {
    Sql::new("SELECT ")
        .add(bucket_of("e.created_at", request.buckets()))
        .push(
            " AS bucket, least(sum(e.revenue), 18446744073709551615)::UBIGINT
            FROM events e WHERE e.name = 'revenue' AND e.revenue > 0 AND ",
        )
        .add(conditions.events())
        .push(" GROUP BY bucket")
        .query(connection, |row| {
            Ok(BucketRevenue {
                bucket: row.get(0)?,
                revenue: row.get(1)?,
            })
        })
}
