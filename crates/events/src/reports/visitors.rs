//! How many different people there are, in buckets of time and in all of them.

use duckdb::Connection;

use crate::{error::Fault, sql::Sql};

/// So many buckets fit into the bits of a number.
const MOST_BITS: usize = 60;

/// Different people.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Visitors {
    /// In all buckets together.
    pub(super) total: u64,
    /// In each bucket, by its place.
    by_bucket: Vec<u64>,
}

impl Visitors {
    /// Those of a bucket.
    pub(super) fn of_bucket(&self, bucket: usize) -> u64 {
        self.by_bucket.get(bucket).copied().unwrap_or_default()
    }
}

/// Counts the people of the sessions `s` that match.
///
/// Telling people apart is what takes time. Where the buckets of a person fit into the bits of
/// one number, they are told apart once for the buckets and the total together.
pub(super) fn visitors(
    connection: &Connection,
    bucket: &Sql,
    matching: &Sql,
    buckets: usize,
) -> Result<Visitors, Fault> {
    if buckets <= MOST_BITS {
        by_bits(connection, bucket, matching, buckets)
    } else {
        one_by_one(connection, bucket, matching, buckets)
    }
}

fn by_bits(
    connection: &Connection,
    bucket: &Sql,
    matching: &Sql,
    buckets: usize,
) -> Result<Visitors, Fault> {
    let people = Sql::new("SELECT bits, count(*) FROM (SELECT bit_or(1::BIGINT << (")
        .add(bucket.clone())
        .push(")::INTEGER) AS bits FROM sessions s WHERE ")
        .add(matching.clone())
        .push(" GROUP BY s.profile_id) GROUP BY bits")
        .query(connection, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, u64>(1)?))
        })?;
    let mut visitors = Visitors {
        total: 0,
        by_bucket: vec![0; buckets],
    };
    for (bits, count) in people {
        visitors.total += count;
        for (place, sum) in visitors.by_bucket.iter_mut().enumerate() {
            if bits >> place & 1 == 1 {
                *sum += count;
            }
        }
    }
    Ok(visitors)
}

fn one_by_one(
    connection: &Connection,
    bucket: &Sql,
    matching: &Sql,
    buckets: usize,
) -> Result<Visitors, Fault> {
    let counts = Sql::new("SELECT ")
        .add(bucket.clone())
        .push(" AS bucket, count(DISTINCT s.profile_id) FROM sessions s WHERE ")
        .add(matching.clone())
        .push(" GROUP BY bucket")
        .query(connection, |row| {
            Ok((row.get::<_, usize>(0)?, row.get::<_, u64>(1)?))
        })?;
    let total = Sql::new("SELECT count(DISTINCT s.profile_id) FROM sessions s WHERE ")
        .add(matching.clone())
        .query_row(connection, |row| row.get(0))?;
    let mut by_bucket = vec![0; buckets];
    for (bucket, count) in counts {
        if let Some(sum) = by_bucket.get_mut(bucket) {
            *sum = count;
        }
    }
    Ok(Visitors { total, by_bucket })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn both_ways_count_the_same(
            visits in prop::collection::vec((0..9_u8, 0..MOST_BITS), 0..60),
        ) {
            let connection = Connection::open_in_memory().unwrap();
            let table = "CREATE TABLE sessions (profile_id VARCHAR, bucket INTEGER)";
            connection.execute_batch(table).unwrap();
            for (person, bucket) in visits {
                let insert = format!("INSERT INTO sessions VALUES ('p{person}', {bucket})");
                connection.execute_batch(&insert).unwrap();
            }
            let (bucket, all) = (Sql::new("s.bucket"), Sql::new("TRUE"));
            let bits = by_bits(&connection, &bucket, &all, MOST_BITS).unwrap();
            prop_assert_eq!(bits, one_by_one(&connection, &bucket, &all, MOST_BITS).unwrap());
        }
    }
}
