//! Migrations go forward and back, on every backend.

use diesel::{
    Connection as _, SqliteConnection, connection::SimpleConnection, migration::MigrationSource,
    prelude::*,
};
use diesel_async::{AsyncConnection as _, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use paneld_domain::ProjectKey;
use paneld_repository::{CatalogUrl, Repository};

use crate::world::Place;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

/// Tables, columns and indexes as SQLite describes them.
const SQLITE_TABLES: &str = "SELECT sql AS line FROM sqlite_master
    WHERE sql IS NOT NULL AND name NOT LIKE '%diesel%' AND name NOT LIKE 'sqlite%' ORDER BY name";

/// Columns, indexes and constraints as PostgreSQL describes them.
const POSTGRES_TABLES: &str = "SELECT line FROM (
    SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable,
            is_identity, column_default) AS line
        FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name NOT LIKE '%diesel%'
    UNION ALL SELECT indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename NOT LIKE '%diesel%'
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%diesel%'
    ) AS tables ORDER BY line";

/// Runs all migrations up, down and up again, and compares what there is.
fn up_down_up<C, B>(
    connection: &mut C,
    migrations: impl Fn() -> EmbeddedMigrations,
    dump: impl Fn(&mut C) -> QueryResult<Vec<Line>>,
) where
    B: diesel::backend::Backend,
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    let dump = |connection: &mut C| -> Vec<String> {
        let lines = dump(connection).unwrap().into_iter();
        lines.map(|row| row.line).collect()
    };
    connection.run_pending_migrations(migrations()).unwrap();
    let up = dump(connection);
    assert!(up.iter().any(|line| line.contains("timeline_references")));
    connection.revert_all_migrations(migrations()).unwrap();
    let down = dump(connection);
    assert!(down.is_empty(), "left behind: {down:?}");
    connection.run_pending_migrations(migrations()).unwrap();
    assert_eq!(dump(connection), up);
}

/// Three projects, of which two were purged by a program that kept nothing of them.
const PURGED_BEFORE: &str = "
    INSERT INTO organizations (id, name, zone, created_at, updated_at)
        VALUES ('acme', 'Acme', 'UTC', '2026-01-15 10:30:00+00:00', '2026-01-15 10:30:00+00:00');
    INSERT INTO projects (id, organization_id, name, cors, cross_domain,
            allow_unsafe_revenue_tracking, filters, types, created_at, updated_at)
        SELECT id, 'acme', id, '[]', FALSE, FALSE, '[]', '[]', created_at, created_at
        FROM (SELECT 'one' AS id UNION SELECT 'three' UNION SELECT 'two') AS ids,
            (SELECT created_at FROM organizations) AS times
        ORDER BY id;
    DELETE FROM projects WHERE id IN ('two', 'three');";

/// Brings tables up to date whose projects were purged before.
fn migrate_purged<C, B>(connection: &mut C, migrations: impl Fn() -> EmbeddedMigrations)
where
    B: diesel::backend::Backend,
    C: MigrationHarness<B> + SimpleConnection,
    EmbeddedMigrations: MigrationSource<B>,
{
    connection.run_pending_migrations(migrations()).unwrap();
    // Back to the version before servers registered (0005).
    let newest = MigrationSource::<B>::migrations(&migrations())
        .unwrap()
        .len();
    for _ in 5..=newest {
        connection.revert_last_migration(migrations()).unwrap();
    }
    connection.batch_execute(PURGED_BEFORE).unwrap();
    connection.run_pending_migrations(migrations()).unwrap();
}

async fn assert_knows_purged(url: &CatalogUrl) {
    let repository = Repository::open(url).await.unwrap();
    let purged = repository.list_purged_projects().await.unwrap();
    // They were numbered in the order of their ids.
    assert_eq!(purged, [ProjectKey(2), ProjectKey(3)]);
    let there = repository.list_retentions().await.unwrap();
    assert_eq!(there, [(ProjectKey(1), None)]);
    while !repository.remove_purged_people().await.unwrap() {}
    assert_eq!(repository.list_purged_projects().await.unwrap(), purged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_purged_before_is_known_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.sqlite");
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    migrate_purged(&mut connection, || SQLITE);
    assert_knows_purged(&CatalogUrl::Sqlite(file)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn what_was_purged_before_is_known_in_postgres() {
    let place = Place::postgres();
    let url = place.database().url().to_string();
    let done = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        let connection = runtime.block_on(diesel_async::AsyncPgConnection::establish(&url));
        let mut connection = AsyncConnectionWrapper::<_>::from(connection.unwrap());
        migrate_purged(&mut connection, || POSTGRES);
    });
    done.await.unwrap();
    assert_knows_purged(&place.url()).await;
}

#[test]
fn sqlite_goes_up_down_and_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.sqlite");
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    up_down_up(
        &mut connection,
        || SQLITE,
        |connection| diesel::sql_query(SQLITE_TABLES).load(connection),
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn postgres_goes_up_down_and_up_again() {
    let place = Place::postgres();
    let url = place.database().url().to_string();
    let done = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        let connection = runtime.block_on(diesel_async::AsyncPgConnection::establish(&url));
        let mut connection = AsyncConnectionWrapper::<_>::from(connection.unwrap());
        up_down_up(
            &mut connection,
            || POSTGRES,
            |connection| diesel::sql_query(POSTGRES_TABLES).load(connection),
        );
    });
    done.await.unwrap();
}

/// Marks the newest migration as not run, or one as run that this program does not have.
fn tamper(file: &std::path::Path, statement: &str) {
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    diesel::sql_query(statement)
        .execute(&mut connection)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.sqlite");
    let url = CatalogUrl::Sqlite(file.clone());
    Repository::open(&url).await.unwrap();
    tamper(
        &file,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')",
    );
    for opened in [
        Repository::open(&url).await,
        Repository::migrate(&url).await,
        Repository::open_present(&url).await,
    ] {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("newer version"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_older_program_is_left_alone_by_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.sqlite");
    let url = CatalogUrl::Sqlite(file.clone());
    Repository::open(&url).await.unwrap();
    tamper(&file, "DELETE FROM __diesel_schema_migrations");
    let error = Repository::open_present(&url)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("run paneld migrate"), "{error}");
}
