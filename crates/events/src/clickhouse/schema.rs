//! The tables, and how they came to be; and what the server must be like.

use clickhouse::Client;

use super::{
    fault::Fault,
    sql::{Sql, Value},
};

/// Applied in this order; the first makes version 1. Statements end with a semicolon at the end of
/// a line.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/clickhouse/0001_events.sql")];

/// The oldest version of ClickHouse that has all that is used here.
const OLDEST: (u32, u32) = (24, 8);

/// So many of the latest inserts must be known again by their tokens, at least.
const LEAST_WINDOW: u64 = 1_000;

/// Demands a server that can be used, and brings the tables to the version that is known here.
pub(crate) async fn prepare(client: &Client, database: &str) -> Result<(), Fault> {
    let version = Sql::new("SELECT version()");
    let version = version.fetch_one::<String>(client).await;
    let version = version.map_err(|fault| of_database(fault, database))?;
    if numbers(&version) < Some(OLDEST) {
        let (major, minor) = OLDEST;
        return Err(away(format!(
            "the server is ClickHouse {version}: {major}.{minor} is the oldest that can be used"
        )));
    }
    migrate(client).await?;
    demand_window(client).await
}

fn away(why: String) -> Fault {
    Fault::Away(why.into())
}

fn of_database(fault: Fault, database: &str) -> Fault {
    match fault {
        Fault::Away(cause) if cause.to_string().contains("UNKNOWN_DATABASE") => away(format!(
            "there is no database {database} in ClickHouse: create it, and let the user of \
             events_url do anything in it"
        )),
        fault => fault,
    }
}

/// The first two numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

async fn migrate(client: &Client) -> Result<(), Fault> {
    Sql::new(
        "CREATE TABLE IF NOT EXISTS schema_version (version UInt64)
        ENGINE = ReplacingMergeTree ORDER BY version",
    )
    .execute(client)
    .await?;
    let version = Sql::new("SELECT max(version) FROM schema_version");
    let version = version.fetch_one::<u64>(client).await?;
    let known = MIGRATIONS.len() as u64;
    if version > known {
        return Err(away(format!(
            "its tables are of version {version}, but this paneld knows no newer one than \
             {known}: a newer paneld has used it"
        )));
    }
    for (number, statements) in (1..).zip(MIGRATIONS).skip(version as usize) {
        for statement in statements.split(";\n") {
            Sql::new(statement).execute(client).await?;
        }
        Sql::with(
            "INSERT INTO schema_version VALUES (?)",
            [Value::Count(number)],
        )
        .execute(client)
        .await?;
    }
    Ok(())
}

/// Without the window, an insert whose reply was lost may be there twice.
async fn demand_window(client: &Client) -> Result<(), Fault> {
    let engine = Sql::new(
        "SELECT engine_full FROM system.tables
        WHERE database = currentDatabase() AND name = 'events'",
    );
    let engine = engine.fetch_one::<String>(client).await?;
    let window = engine
        .split("non_replicated_deduplication_window = ")
        .nth(1);
    let digits = window.map(|rest| rest.trim_start().split(|c: char| !c.is_ascii_digit()));
    let window = digits.and_then(|mut digits| digits.next()?.parse::<u64>().ok());
    if window < Some(LEAST_WINDOW) {
        return Err(away(format!(
            "the table events forgets inserts too early: ALTER TABLE events MODIFY SETTING \
             non_replicated_deduplication_window = {LEAST_WINDOW}, or more"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_two_numbers_that_count() {
        assert_eq!(numbers("26.9.2.1"), Some((26, 9)));
        assert!(numbers("24.8.1.1-lts") >= Some(OLDEST));
        assert!(numbers("24.7.9.9") < Some(OLDEST));
        assert!(numbers("18.16.1") < Some(OLDEST));
        assert!(numbers("head") < Some(OLDEST));
    }

    #[test]
    fn no_statement_has_a_mark_for_a_value_in_it() {
        assert!(
            MIGRATIONS
                .iter()
                .all(|statements| !statements.contains('?'))
        );
    }
}
