//! The catalog in one SQLite file.
//!
//! One connection writes, a few read: in WAL mode readers and the writer do not wait for each
//! other. The command line may write the same file from its own process; `BEGIN IMMEDIATE` and
//! a busy timeout put the writers in line.

use std::path::{Path, PathBuf};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use diesel_async::{
    SimpleAsyncConnection as _,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use futures_util::FutureExt as _;

use crate::RepositoryError;

mod schema;

#[path = "catalog/bootstrap.rs"]
mod bootstrap;
#[path = "catalog/clients.rs"]
mod clients;
#[path = "catalog/organizations.rs"]
mod organizations;
#[path = "catalog/projects.rs"]
mod projects;
#[path = "catalog/references.rs"]
mod references;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Every connection gets these. FULL: what was acknowledged, a revocation say, must survive a
/// power cut.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;";

/// As many readers as can be at work at once; they only ever wait for the disk.
const READERS: usize = 4;
/// How long a unit of work waits for a connection before the catalog counts as away.
const WAIT_FOR_CONNECTION: std::time::Duration = std::time::Duration::from_secs(5);

/// The Diesel backend for which `catalog/` is compiled here.
type Backend = diesel::sqlite::Sqlite;
/// The connection on which its queries run.
type Connection = SyncConnectionWrapper<SqliteConnection>;

/// Runs an async closure in a transaction that may write, from its first statement on: SQLite
/// cannot wait for a lock when a reading transaction begins to write.
macro_rules! transaction {
    ($connection:expr, $work:expr) => {
        $connection.immediate_transaction($work)
    };
}
use transaction;

/// The catalog's file, open.
#[derive(Clone)]
pub(crate) struct Store {
    readers: Pool<Connection>,
    writer: Pool<Connection>,
}

impl Store {
    /// Opens the file, makes it when it is not there, and brings its tables up to date.
    pub(crate) async fn open(path: PathBuf) -> Result<Self, RepositoryError> {
        let url = path
            .to_str()
            .ok_or_else(|| RepositoryError::internal("the path of the catalog is not UTF-8"))?
            .to_owned();
        let to_migrate = url.clone();
        tokio::task::spawn_blocking(move || {
            make_private(&path).map_err(RepositoryError::unavailable)?;
            migrate(&to_migrate)
        })
        .await
        .map_err(RepositoryError::internal)??;
        Ok(Self {
            readers: pool(&url, READERS)?,
            writer: pool(&url, 1)?,
        })
    }

    /// A connection for units of work that only read.
    async fn reader(&self) -> Result<Object<Connection>, RepositoryError> {
        self.readers
            .get()
            .await
            .map_err(RepositoryError::unavailable)
    }

    /// The connection for units of work that write.
    async fn writer(&self) -> Result<Object<Connection>, RepositoryError> {
        self.writer
            .get()
            .await
            .map_err(RepositoryError::unavailable)
    }
}

fn pool(url: &str, size: usize) -> Result<Pool<Connection>, RepositoryError> {
    let mut config = ManagerConfig::default();
    // A file does not go away between two uses as a server does.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|url| connect(url).boxed());
    Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config))
        .max_size(size)
        .runtime(deadpool::Runtime::Tokio1)
        .wait_timeout(Some(WAIT_FOR_CONNECTION))
        .build()
        .map_err(RepositoryError::internal)
}

async fn connect(url: &str) -> diesel::ConnectionResult<Connection> {
    let mut connection = <Connection as diesel_async::AsyncConnection>::establish(url).await?;
    connection
        .batch_execute(PRAGMAS)
        .await
        .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Makes the file, readable by its owner alone, unless it is there. SQLite gives the files it
/// puts beside it the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let options = options.create(true).append(true).mode(0o600);
    options.open(path).map(drop)
}

fn migrate(url: &str) -> Result<(), RepositoryError> {
    let mut connection = establish(url)?;
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(RepositoryError::Internal)?;
    Ok(())
}

fn establish(url: &str) -> Result<SqliteConnection, RepositoryError> {
    let mut connection = SqliteConnection::establish(url).map_err(RepositoryError::unavailable)?;
    connection.batch_execute(PRAGMAS)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables, columns and indexes as SQLite describes them.
    fn dump(connection: &mut SqliteConnection) -> Vec<String> {
        use diesel::prelude::*;
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            sql: String,
        }
        diesel::sql_query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
            .load::<Row>(connection)
            .unwrap()
            .into_iter()
            .map(|row| row.sql)
            .collect()
    }

    #[test]
    fn migrations_go_up_down_and_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("catalog.sqlite");
        let mut connection = establish(file.to_str().unwrap()).unwrap();
        connection.run_pending_migrations(MIGRATIONS).unwrap();
        let up = dump(&mut connection);
        assert!(up.iter().any(|sql| sql.contains("timeline_references")));

        connection.revert_all_migrations(MIGRATIONS).unwrap();
        let down = dump(&mut connection);
        assert!(
            down.iter()
                .all(|sql| sql.contains("__diesel") || sql.contains("sqlite_sequence")),
            "left behind: {down:?}"
        );
        connection.run_pending_migrations(MIGRATIONS).unwrap();
        assert_eq!(dump(&mut connection), up);
    }
}
