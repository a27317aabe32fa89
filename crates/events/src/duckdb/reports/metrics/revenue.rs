//! Revenue, bucket by bucket.

use duckdb::Connection;
use paneld_analytics::{BucketRevenue, Buckets};

use crate::duckdb::{
    fault::Fault,
    sql::{Conditions, Dialect, Sql, bucket_of},
};

/// The revenue of the events that match, in the buckets that have some.
pub(super) fn revenue(
    connection: &Connection,
    conditions: &Conditions<'_>,
    buckets: &Buckets,
) -> Result<Vec<BucketRevenue>, Fault> {
    Sql::new("SELECT ")
        .add(bucket_of(Dialect::DuckDb, "e.created_at", buckets))
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
