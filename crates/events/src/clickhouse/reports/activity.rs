//! When people were active: first, last, and when next.

use clickhouse::Client;
use paneld_analytics::{Activity, ActivityRequest, Buckets, CohortsRequest, LastDay, People, Stay};

use super::place;
use crate::{
    EventsError, Scope,
    activity::{WORD, Word, steps_of},
    clickhouse::{
        fault::Fault,
        sql::{Dialect, Sql, bucket_of, in_window, moment, of_project},
        store::ClickHouseStore,
    },
};

impl ClickHouseStore {
    pub(crate) async fn activity(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Activity, EventsError> {
        self.read(async |client| {
            let Some(buckets) = buckets(&client, &scope, &request).await? else {
                return Ok(Activity::default());
            };
            let words = words(&scope, &request, &buckets);
            let words = words.fetch::<(u64, u64, u64, u64)>(&client).await?;
            let words = words.into_iter().map(|(word, mask, next, people)| Word {
                first: word as usize * WORD,
                mask,
                next: next as usize,
                people,
            });
            let words = words.collect::<Vec<_>>();
            Ok(Activity {
                buckets: Some(buckets),
                steps: steps_of(&words, request.reach()),
            })
        })
        .await
    }

    pub(crate) async fn last_days(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Option<(Buckets, Vec<LastDay>)>, EventsError> {
        self.read(async |client| {
            let Some(buckets) = buckets(&client, &scope, &request).await? else {
                return Ok(None);
            };
            let last_days = Sql::new("SELECT ")
                .add(place(bucket_of(Dialect::ClickHouse, "p.last_at", &buckets)))
                .push(
                    " AS bucket, count()
                    FROM (SELECT max(e.created_at) AS last_at FROM events e WHERE ",
                )
                .add(of_people(&scope, request.people()))
                .push(" AND ")
                .add(in_window("e", buckets.window()))
                .push(" GROUP BY e.visitor) AS p GROUP BY bucket");
            let rows = last_days.fetch::<(u64, u64)>(&client).await?.into_iter();
            let rows = rows.map(|(bucket, people)| LastDay {
                bucket: bucket as usize,
                people,
            });
            Ok(Some((buckets, rows.collect())))
        })
        .await
    }

    pub(crate) async fn stays(
        &self,
        scope: Scope,
        request: CohortsRequest,
    ) -> Result<Vec<Stay>, EventsError> {
        let buckets = request.buckets();
        let week = |moment| place(bucket_of(Dialect::ClickHouse, moment, buckets));
        let stays = Sql::new("SELECT ")
            .add(week("p.first_at"))
            .push(" AS first_week, ")
            .add(week("p.last_at"))
            .push(
                " AS last_week, count()
                FROM (SELECT min(e.created_at) AS first_at, max(e.created_at) AS last_at
                    FROM events e WHERE ",
            )
            .add(of_people(&scope, People::Identified))
            .push(" AND ")
            .add(in_window("e", buckets.window()))
            .push(" GROUP BY e.visitor) AS p GROUP BY first_week, last_week");
        self.read(async |client| {
            let rows = stays.fetch::<(u64, u64, u64)>(&client).await?.into_iter();
            let rows = rows.map(|(first, last, people)| Stay {
                first: first as usize,
                last: last as usize,
                people,
            });
            Ok(rows.collect())
        })
        .await
    }
}

/// People by the parts of the time in which they were active, as words, and by the next one behind
/// each word.
fn words(scope: &Scope, request: &ActivityRequest, buckets: &Buckets) -> Sql {
    let word = WORD;
    let furthest = WORD + request.reach();
    Sql::new("WITH active AS (SELECT e.visitor AS person, ")
        .add(place(bucket_of(
            Dialect::ClickHouse,
            "e.created_at",
            buckets,
        )))
        .push(" AS bucket FROM events e WHERE ")
        .add(of_people(scope, request.people()))
        .push(" AND ")
        .add(in_window("e", buckets.window()))
        .push(&format!(
            "), words AS (
                SELECT person, intDiv(bucket, {word}) AS word,
                    groupBitOr(bitShiftLeft(toUInt64(1), bucket % {word})) AS mask
                FROM active GROUP BY person, word
            ), followed AS (
                SELECT word, mask, leadInFrame(toNullable(
                    word * {word} + bitCount(bitXor(mask, mask - 1)) - 1
                )) OVER (
                    PARTITION BY person ORDER BY word
                    ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
                ) - word * {word} AS next
                FROM words
            )
            SELECT toUInt64(word), mask, toUInt64(least(ifNull(next, {furthest}), {furthest}))
                AS next_place, count()
            FROM followed GROUP BY word, mask, next_place"
        ))
}

/// The time since the first event of the project that counts, in parts.
async fn buckets(
    client: &Client,
    scope: &Scope,
    request: &ActivityRequest,
) -> Result<Option<Buckets>, Fault> {
    let first =
        Sql::new("SELECT toUnixTimestamp64Milli(minOrNull(e.created_at)) FROM events e WHERE ")
            .add(of_people(scope, request.people()))
            .push(" AND ")
            .add(in_window("e", request.window()));
    let first = first.fetch_one::<Option<i64>>(client).await?;
    Ok(first.and_then(|first| request.buckets_since(moment(first))))
}

/// That an event is of somebody who counts.
fn of_people(scope: &Scope, people: People) -> Sql {
    let somebody = Sql::new("e.visitor <> 0");
    let identified = Sql::new("e.profile_id <> e.device_id");
    let project = of_project("e", scope.key);
    match people {
        People::Everyone => Sql::all([project, somebody]),
        People::Identified => Sql::all([project, somebody, identified]),
    }
}
