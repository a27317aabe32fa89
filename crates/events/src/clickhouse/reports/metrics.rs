//! Key figures: `docs/contract/insights.md` §7.1.

use clickhouse::Client;
use paneld_analytics::{
    BucketCounts, BucketRevenue, Buckets, MetricsCounts, MetricsMode, MetricsRequest, MetricsRows,
};

use super::{next_millis, place, sum_of_revenue};
use crate::{
    EventsError, Scope,
    clickhouse::{
        fault::Fault,
        sql::{Conditions, Dialect, Sql, bucket_of},
        store::ClickHouseStore,
    },
};

impl ClickHouseStore {
    pub(crate) async fn metrics(
        &self,
        scope: Scope,
        request: MetricsRequest,
    ) -> Result<MetricsRows, EventsError> {
        let conditions = Conditions {
            dialect: Dialect::ClickHouse,
            scope: &scope,
            window: request.buckets().window(),
            filters: request.filters(),
        };
        let buckets = request.buckets();
        let revenue = revenue(&conditions, buckets);
        let counts = match request.mode() {
            MetricsMode::Sessions => of_sessions(&conditions, buckets),
            MetricsMode::Pages => of_pages(&conditions, buckets),
        };
        let entries = (request.mode() == MetricsMode::Pages).then(|| entries(&conditions, buckets));
        self.read(async |client| {
            let mut rows = counts_of(&client, &counts).await?;
            if let Some(entries) = &entries {
                for (bucket, entries, bounces) in entries.fetch::<(u64, u64, u64)>(&client).await? {
                    rows.add_entries(bucket as usize, entries, bounces);
                }
            }
            let revenue = revenue.fetch::<(u64, u64)>(&client).await?.into_iter();
            rows.revenue = revenue
                .map(|(bucket, revenue)| BucketRevenue {
                    bucket: bucket as usize,
                    revenue,
                })
                .collect();
            Ok(rows)
        })
        .await
    }
}

/// The sums of all buckets, and each of them.
async fn counts_of(client: &Client, counts: &Sql) -> Result<MetricsRows, Fault> {
    type Row = (u8, u64, u64, u64, u64, u64, u64, u64, u64);
    let mut rows = MetricsRows::default();
    for row in counts.fetch::<Row>(client).await? {
        let (
            is_total,
            bucket,
            visitors,
            sessions,
            entries,
            bounces,
            duration_sum_ms,
            duration_count,
            screen_views,
        ) = row;
        let counts = MetricsCounts {
            visitors,
            sessions,
            entries,
            bounces,
            duration_sum_ms,
            duration_count,
            screen_views,
        };
        if is_total == 1 {
            rows.total = counts;
        } else {
            rows.buckets.push(BucketCounts {
                bucket: bucket as usize,
                counts,
            });
        }
    }
    Ok(rows)
}

/// Groups by `bucket`, and all together.
const BY_BUCKET: &str = " GROUP BY GROUPING SETS ((bucket), ())";

/// Sessions that match. Of those of nobody, all are of one visitor.
fn of_sessions(conditions: &Conditions<'_>, buckets: &Buckets) -> Sql {
    let sessions = Dialect::ClickHouse.table("sessions", "s");
    Sql::new(
        "SELECT toUInt8(grouping(bucket) = 1), bucket, uniqExact(visitor),
            count() AS sessions, sessions, countIf(is_bounce), sum(duration),
            countIf(duration > 0), sum(toUInt64(screen_view_count))
        FROM (SELECT s.visitor, s.is_bounce, s.duration, s.screen_view_count, ",
    )
    .add(place(bucket_of(
        Dialect::ClickHouse,
        "s.created_at",
        buckets,
    )))
    .push(&format!(" AS bucket FROM {sessions} WHERE "))
    .add(conditions.sessions())
    .push(")")
    .push(BY_BUCKET)
}

/// Screen views that match.
fn of_pages(conditions: &Conditions<'_>, buckets: &Buckets) -> Sql {
    let next = next_millis("PARTITION BY e.session");
    Sql::new(
        "SELECT toUInt8(grouping(bucket) = 1), bucket, uniqExactIf(visitor, visitor <> 0),
            uniqExactIf(session, session <> 0), toUInt64(0), toUInt64(0),
            toUInt64(ifNull(sumIf(gap, session <> 0 AND gap > 0), 0)),
            countIf(session <> 0 AND gap > 0), count()
        FROM (SELECT e.visitor, e.session, ",
    )
    .push(&next)
    .push(" - toUnixTimestamp64Milli(e.created_at) AS gap, ")
    .add(place(bucket_of(
        Dialect::ClickHouse,
        "e.created_at",
        buckets,
    )))
    .push(" AS bucket FROM events e WHERE e.name = 'screen_view' AND ")
    .add(conditions.events())
    .push(")")
    .push(BY_BUCKET)
}

/// How many sessions of each bucket entered on a page that matches, and how many of them bounced.
fn entries(conditions: &Conditions<'_>, buckets: &Buckets) -> Sql {
    let sessions = Dialect::ClickHouse.table("sessions", "s");
    Sql::new("SELECT ")
        .add(place(bucket_of(
            Dialect::ClickHouse,
            "s.created_at",
            buckets,
        )))
        .push(&format!(
            " AS bucket, count(), countIf(s.is_bounce) FROM {sessions} WHERE "
        ))
        .add(conditions.began())
        .push(" AND ")
        .add(conditions.session_matches())
        .push(" GROUP BY bucket")
}

/// The revenue of the events that match, in the buckets that have some.
fn revenue(conditions: &Conditions<'_>, buckets: &Buckets) -> Sql {
    Sql::new("SELECT ")
        .add(place(bucket_of(
            Dialect::ClickHouse,
            "e.created_at",
            buckets,
        )))
        .push(&format!(
            " AS bucket, {} FROM events e WHERE e.name = 'revenue' AND e.revenue > 0 AND ",
            sum_of_revenue("e.revenue")
        ))
        .add(conditions.events())
        .push(" GROUP BY bucket")
}
