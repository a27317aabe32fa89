//! Key figures: `docs/contract/insights.md` §7.1.

mod pages;
mod sessions;

use duckdb::Connection;
use paneld_analytics::{BucketRevenue, Buckets, MetricsMode, MetricsRequest, MetricsRows};

pub(crate) use self::sessions::MetricsPart;
use super::buckets::bucket_of;
use crate::{Scope, conditions::Conditions, counted::Counted, error::Fault, sql::Sql};

/// Counts in the whole window and in its buckets.
pub(super) fn count(
    connection: &Connection,
    counted: &Counted,
    scope: &Scope,
    request: &MetricsRequest,
) -> Result<MetricsRows, Fault> {
    let began = counted.now();
    // All of one moment.
    let snapshot = connection.unchecked_transaction()?;
    let conditions = Conditions {
        scope,
        window: request.buckets().window(),
        filters: request.filters(),
    };
    match request.mode() {
        MetricsMode::Sessions => {
            sessions::count(&snapshot, counted, began, &conditions, request.buckets())
        }
        MetricsMode::Pages => pages::count(&snapshot, &conditions, request),
    }
}

fn revenue(
    connection: &Connection,
    conditions: &Conditions<'_>,
    buckets: &Buckets,
) -> Result<Vec<BucketRevenue>, Fault> {
    Sql::new("SELECT ")
        .add(bucket_of("e.created_at", buckets))
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
