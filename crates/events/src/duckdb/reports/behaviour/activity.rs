//! When people were active: first, last, and when next.

use duckdb::Connection;
use paneld_analytics::{Activity, ActivityRequest, Buckets, CohortsRequest, LastDay, People, Stay};
use paneld_domain::Timestamp;

use crate::{
    Scope,
    activity::{WORD, Word, steps_of},
    duckdb::{
        fault::Fault,
        sql::{Dialect, Sql, bucket_of, in_window, of_project},
    },
};

/// From which part of the time to which next one how many people went.
pub(super) fn steps(
    connection: &Connection,
    scope: &Scope,
    request: &ActivityRequest,
) -> Result<Activity, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let Some(buckets) = buckets(&snapshot, scope, request)? else {
        return Ok(Activity::default());
    };
    let word = WORD;
    let furthest = WORD + request.reach();
    let words = Sql::new("WITH active AS (SELECT e.visitor AS person, ")
        .add(bucket_of(Dialect::DuckDb, "e.created_at", &buckets))
        .push("::BIGINT AS bucket FROM events e WHERE ")
        .add(of_people("e", scope, request.people()))
        .push(" AND ")
        .add(in_window("e", buckets.window()))
        .push(&format!(
            "), words AS (
                SELECT person, bucket // {word} AS word,
                    bit_or(1::BIGINT << (bucket % {word})) AS mask
                FROM active GROUP BY ALL
            )"
        ));
    // Whoever has one word has no next one.
    let next = if buckets.count() > WORD {
        format!(
            "lead(word * {word} + bit_count((mask & -mask) - 1))
                OVER (PARTITION BY person ORDER BY word) - word * {word}"
        )
    } else {
        "NULL::BIGINT".to_owned()
    };
    let rows = words
        .push(&format!(
            ", followed AS (SELECT word, mask, {next} AS next FROM words)
            SELECT word::UBIGINT, mask::UBIGINT, least(next, {furthest})::UBIGINT AS next, count(*)
            FROM followed GROUP BY ALL"
        ))
        .query(&snapshot, |row| {
            Ok(Word {
                first: row.get::<_, usize>(0)? * WORD,
                mask: row.get(1)?,
                next: row.get(2)?,
                people: row.get(3)?,
            })
        })?;
    Ok(Activity {
        buckets: Some(buckets),
        steps: steps_of(&rows, request.reach()),
    })
}

/// On which day people were active last.
pub(super) fn last_days(
    connection: &Connection,
    scope: &Scope,
    request: &ActivityRequest,
) -> Result<Option<(Buckets, Vec<LastDay>)>, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let Some(buckets) = buckets(&snapshot, scope, request)? else {
        return Ok(None);
    };
    let last_days = Sql::new("SELECT ")
        .add(bucket_of(Dialect::DuckDb, "p.last_at", &buckets))
        .push(
            " AS bucket, count(*)
            FROM (SELECT max(e.created_at) AS last_at FROM events e WHERE ",
        )
        .add(of_people("e", scope, request.people()))
        .push(" AND ")
        .add(in_window("e", buckets.window()))
        .push(" GROUP BY e.visitor) AS p GROUP BY bucket")
        .query(&snapshot, |row| {
            Ok(LastDay {
                bucket: row.get(0)?,
                people: row.get(1)?,
            })
        })?;
    Ok(Some((buckets, last_days)))
}

/// In which weeks identified people were active first and last.
pub(super) fn stays(
    connection: &Connection,
    scope: &Scope,
    request: &CohortsRequest,
) -> Result<Vec<Stay>, Fault> {
    let buckets = request.buckets();
    Sql::new("SELECT ")
        .add(bucket_of(Dialect::DuckDb, "p.first_at", buckets))
        .push(" AS first_week, ")
        .add(bucket_of(Dialect::DuckDb, "p.last_at", buckets))
        .push(
            " AS last_week, count(*)
            FROM (SELECT min(e.created_at) AS first_at, max(e.created_at) AS last_at
                FROM events e WHERE ",
        )
        .add(of_people("e", scope, People::Identified))
        .push(" AND ")
        .add(in_window("e", buckets.window()))
        .push(" GROUP BY e.visitor) AS p GROUP BY first_week, last_week")
        .query(connection, |row| {
            Ok(Stay {
                first: row.get(0)?,
                last: row.get(1)?,
                people: row.get(2)?,
            })
        })
}

/// The time since the first event of the project that counts, in parts.
fn buckets(
    connection: &Connection,
    scope: &Scope,
    request: &ActivityRequest,
) -> Result<Option<Buckets>, Fault> {
    let first = Sql::new("SELECT epoch_ms(min(e.created_at)) FROM events e WHERE ")
        .add(of_people("e", scope, request.people()))
        .push(" AND ")
        .add(in_window("e", request.window()))
        .query_row(connection, |row| row.get::<_, Option<i64>>(0))?;
    let first = first.and_then(Timestamp::from_timestamp_millis);
    Ok(first.and_then(|first| request.buckets_since(first)))
}

/// That an event is of somebody who counts.
fn of_people(alias: &str, scope: &Scope, people: People) -> Sql {
    let somebody = Sql::new(&format!("{alias}.visitor <> 0"));
    let identified = Sql::new(&format!("{alias}.profile_id <> {alias}.device_id"));
    let project = of_project(alias, scope.key);
    match people {
        People::Everyone => Sql::all([project, somebody]),
        People::Identified => Sql::all([project, somebody, identified]),
    }
}
