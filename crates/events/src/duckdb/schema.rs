//! The tables, and how they came to be.

use duckdb::Connection;

use super::fault::Fault;
use crate::Cause;

/// Applied in this order; the first makes version 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/duckdb/0001_events.sql"),
    include_str!("../../migrations/duckdb/0002_people.sql"),
    include_str!("../../migrations/duckdb/0003_views.sql"),
    include_str!("../../migrations/duckdb/0004_numbers.sql"),
    include_str!("../../migrations/duckdb/0005_removals.sql"),
    include_str!("../../migrations/duckdb/0006_bounded_people.sql"),
    include_str!("../../migrations/duckdb/0007_overflow.sql"),
];

/// Brings the tables to the version that is known here. Refuses a newer one: what is written
/// there may be wrong by its rules.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Cause> {
    migrate_with(connection, MIGRATIONS)
}

fn migrate_with(connection: &mut Connection, migrations: &[&str]) -> Result<(), Cause> {
    let transaction = connection.transaction()?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS schema_version (version UBIGINT NOT NULL)")?;
    let version = known_version(&transaction, migrations.len())?;
    for (index, sql) in migrations.iter().enumerate().skip(version) {
        transaction.execute_batch(sql)?;
        transaction.execute("INSERT INTO schema_version VALUES (?)", [index + 1])?;
    }
    transaction.commit()?;
    Ok(())
}

/// The version of the tables that are there.
pub(crate) fn version(connection: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT coalesce(max(version), 0) FROM schema_version";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Demands that the tables are not those of a newer program.
pub(crate) fn demand_known(connection: &Connection) -> Result<(), Cause> {
    known_version(connection, MIGRATIONS.len()).map(drop)
}

/// The version of the tables, which must be none that is not known.
fn known_version(connection: &Connection, known: usize) -> Result<usize, Cause> {
    let version = version(connection).map_err(Fault::into_cause)? as usize;
    if version <= known {
        return Ok(version);
    }
    Err(format!(
        "its tables are of version {version}, but this paneld knows no newer one than {known}: a \
         newer paneld has used it"
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(connection: &Connection) -> Vec<u64> {
        let sql = "SELECT version FROM schema_version ORDER BY version";
        let mut statement = connection.prepare(sql).unwrap();
        let versions = statement.query_map([], |row| row.get(0)).unwrap();
        versions.map(Result::unwrap).collect()
    }

    #[test]
    fn migrations_are_applied_once_each_and_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE t (a INTEGER)";
        let second = "ALTER TABLE t ADD COLUMN b INTEGER; INSERT INTO t VALUES (1, 2)";
        migrate_with(&mut connection, &[first]).unwrap();
        migrate_with(&mut connection, &[first, second]).unwrap();
        migrate_with(&mut connection, &[first, second]).unwrap();
        assert_eq!(versions(&connection), [1, 2]);
        let rows = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        assert_eq!(rows, Ok(1));
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = "CREATE TABLE t (a INTEGER); nonsense";
        assert!(migrate_with(&mut connection, &[broken]).is_err());
        migrate_with(&mut connection, &["CREATE TABLE t (a INTEGER)"]).unwrap();
        assert_eq!(versions(&connection), [1]);
    }

    #[test]
    fn a_newer_store_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_with(&mut connection, &["SELECT 1", "SELECT 1"]).unwrap();
        let error = migrate_with(&mut connection, &["SELECT 1"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "its tables are of version 2, but this paneld knows no newer one than 1: \
             a newer paneld has used it"
        );
    }
}
