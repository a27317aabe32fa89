//! Key figures of sessions.

use std::sync::Arc;

use duckdb::Connection;
use paneld_analytics::{BucketCounts, BucketRevenue, Buckets, MetricsCounts, MetricsRows, Window};
use roaring::{MultiOps as _, RoaringBitmap};

use super::revenue::revenue;
use crate::duckdb::{
    counted::{Moment, Part, Parts},
    fault::Fault,
    reports::visitors::{Visitors, each_pair},
    sql::{Conditions, Dialect, Sql, bucket_of},
};

/// What was counted in a bucket.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct MetricsPart {
    /// But its visitors.
    counts: MetricsCounts,
    visitors: RoaringBitmap,
    revenue: u64,
}

impl Part for MetricsPart {
    fn bytes(&self) -> u64 {
        self.visitors.serialized_size() as u64
    }
}

/// Counts sessions that match. Without filters, only in the buckets of which that is not known.
pub(super) fn count(
    connection: &Connection,
    remembered: &Parts<MetricsPart, ()>,
    began: Moment,
    conditions: &Conditions<'_>,
    buckets: &Buckets,
) -> Result<MetricsRows, Fault> {
    if !conditions.filters.is_empty() {
        let parts = count_parts(connection, conditions, buckets)?;
        return Ok(rows(&parts.into_iter().map(Arc::new).collect::<Vec<_>>()));
    }
    let project = conditions.scope.key;
    let windows = windows(buckets);
    let known = windows.iter().map(|window| {
        let window = (*window)?;
        remembered.find(project, window, ())
    });
    let known = known.collect::<Vec<_>>();
    let Some(window) = unknown(buckets, &known) else {
        return Ok(rows(&known.into_iter().flatten().collect::<Vec<_>>()));
    };
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        window,
        ..*conditions
    };
    let parts = count_parts(connection, &conditions, buckets)?;
    let parts = parts.into_iter().zip(known).zip(windows);
    let parts = parts.map(|((part, known), window)| {
        known.unwrap_or_else(|| {
            let part = Arc::new(part);
            if let Some(window) = window {
                remembered.remember(project, window, (), &part, began);
            }
            part
        })
    });
    Ok(rows(&parts.collect::<Vec<_>>()))
}

/// The time of each bucket, as far as the window has it; of one whose clock was put back there is
/// none, for it has two stretches.
fn windows(buckets: &Buckets) -> Vec<Option<Window>> {
    let mut windows = vec![None; buckets.count()];
    let mut stretches = vec![0; buckets.count()];
    for (bucket, window) in stretches_of(buckets) {
        stretches[bucket] += 1;
        windows[bucket] = (stretches[bucket] == 1).then_some(window);
    }
    windows
}

/// The stretches of time that belong to buckets.
fn stretches_of(buckets: &Buckets) -> impl Iterator<Item = (usize, Window)> {
    let window = buckets.window();
    let spans = buckets.spans();
    let ends = spans.iter().skip(1).map(|next| next.start);
    let ends = ends.chain([window.end]);
    spans.iter().zip(ends).map(move |(span, end)| {
        let start = span.start.max(window.start);
        (span.bucket, Window { start, end })
    })
}

/// The shortest window with all buckets of which nothing is known; `None` when all are.
fn unknown(buckets: &Buckets, known: &[Option<Arc<MetricsPart>>]) -> Option<Window> {
    let stretches = stretches_of(buckets);
    let mut unknown = stretches.filter(|(bucket, _)| known[*bucket].is_none());
    let (_, first) = unknown.next()?;
    let end = unknown.last().map_or(first.end, |(_, last)| last.end);
    Some(Window {
        start: first.start,
        end,
    })
}

/// Counts in the window of the conditions; buckets beside it are empty.
fn count_parts(
    connection: &Connection,
    conditions: &Conditions<'_>,
    buckets: &Buckets,
) -> Result<Vec<MetricsPart>, Fault> {
    let mut parts = vec![MetricsPart::default(); buckets.count()];
    let matching = conditions.sessions();
    let bucket = bucket_of(Dialect::DuckDb, "s.created_at", buckets);
    let visitors = Visitors::of(connection, conditions.scope.key, buckets.count())?;
    let rows = Sql::new("SELECT ")
        .add(bucket.clone())
        .push(
            " AS bucket, count(*), count(*) FILTER (s.is_bounce), sum(s.duration)::UBIGINT,
                count(*) FILTER (s.duration > 0), sum(s.screen_view_count)::UBIGINT, ",
        )
        .push(&visitors.columns())
        .push(" FROM sessions s WHERE ")
        .add(matching.clone())
        .push(" GROUP BY bucket")
        .query(connection, |row| {
            let sessions = row.get(1)?;
            let counts = MetricsCounts {
                visitors: 0,
                sessions,
                entries: sessions,
                bounces: row.get(2)?,
                duration_sum_ms: row.get(3)?,
                duration_count: row.get(4)?,
                screen_views: row.get(5)?,
            };
            let visitors = visitors.set(&row.get::<_, Vec<u8>>(6)?, row.get(7)?);
            Ok((row.get::<_, usize>(0)?, counts, visitors))
        })?;
    for (bucket, counts, visitors) in rows {
        parts[bucket].counts = counts;
        parts[bucket].visitors = visitors;
    }
    if let Visitors::Pairs = visitors {
        each_pair(connection, bucket, matching, |bucket, visitor| {
            parts[bucket].visitors.insert(visitor);
        })?;
    }
    for BucketRevenue { bucket, revenue } in revenue(connection, conditions, buckets)? {
        parts[bucket].revenue = revenue;
    }
    Ok(parts)
}

/// The parts, by their places, and their sum. A session is in one bucket; a visitor may be in
/// many.
fn rows(parts: &[Arc<MetricsPart>]) -> MetricsRows {
    let all = parts.iter().map(|part| &part.visitors);
    let total = parts
        .iter()
        .fold(MetricsCounts::default(), |sum, part| sum + part.counts);
    let total = MetricsCounts {
        visitors: all.union().len(),
        ..total
    };
    let buckets = (0..).zip(parts).map(|(bucket, part)| BucketCounts {
        bucket,
        counts: MetricsCounts {
            visitors: part.visitors.len(),
            ..part.counts
        },
    });
    let revenue = (0..).zip(parts).map(|(bucket, part)| BucketRevenue {
        bucket,
        revenue: part.revenue,
    });
    MetricsRows {
        total,
        buckets: buckets.collect(),
        revenue: revenue.collect(),
    }
}
