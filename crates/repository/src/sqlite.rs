//! The catalog in one SQLite file.
//!
//! One connection writes, a few read: in WAL mode readers and the writer do not wait for each
//! other. The command line may write the same file from its own process; `BEGIN IMMEDIATE` and
//! a busy timeout put the writers in line.

use std::{
    collections::HashSet,
    ffi::OsString,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use diesel_async::{
    SimpleAsyncConnection as _,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::FutureExt as _;
use url::Url;

use crate::{
    RepositoryError,
    lock::Lock,
    migrations::{self, Preparation},
    receipt::ReplyKey,
};

mod compaction;
mod copying;
mod schema;

pub use self::copying::CatalogContents;

#[path = "catalog/audit.rs"]
mod audit;
#[path = "catalog/bootstrap.rs"]
mod bootstrap;
#[path = "catalog/bulk.rs"]
mod bulk;
#[path = "catalog/client_rows.rs"]
mod client_rows;
#[path = "catalog/clients.rs"]
mod clients;
#[path = "catalog/console.rs"]
mod console;
#[path = "catalog/copies.rs"]
mod copies;
#[path = "catalog/organizations.rs"]
mod organizations;
#[path = "catalog/people.rs"]
mod people;
#[path = "catalog/profiles.rs"]
mod profiles;
#[path = "catalog/projects.rs"]
mod projects;
#[path = "catalog/purges.rs"]
mod purges;
#[path = "catalog/receipts.rs"]
mod receipts;
#[path = "catalog/references.rs"]
mod references;
#[path = "catalog/salts.rs"]
mod salts;
#[path = "catalog/servers.rs"]
mod servers;
#[path = "catalog/shares.rs"]
mod shares;
#[path = "catalog/sizes.rs"]
mod sizes;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Every connection gets these. FULL: what was acknowledged, a revocation say, must survive a
/// power cut. What is deleted is overwritten.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;";

/// As many readers as can be at work at once; they only ever wait for the disk.
const READERS: usize = 4;
/// How long a unit of work waits for a connection before the catalog counts as away.
const WAIT_FOR_CONNECTION: std::time::Duration = std::time::Duration::from_secs(5);

/// The Diesel backend for which `catalog/` is compiled here.
type Backend = diesel::sqlite::Sqlite;
/// The connection on which its queries run.
type Connection = SyncConnectionWrapper<SqliteConnection>;

/// The time of the database's clock, in milliseconds since 1970.
const NOW_MILLIS: &str = "CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)";

/// Runs an async closure in a transaction that may write, from its first statement on: SQLite
/// cannot wait for a lock when a reading transaction begins to write. Writers are in line, so
/// that each has the whole catalog locked.
macro_rules! transaction {
    ($store:expr, $lock:expr, async |$connection:ident| $work:block) => {{
        let _claim = $store.claim($lock)?;
        let mut connection = $store.writer().await?;
        connection
            .immediate_transaction(async |$connection| $work)
            .await
    }};
}
use transaction;

/// A query that locks what it finds. Writers are in line: the whole catalog is locked.
macro_rules! locked {
    ($query:expr) => {
        $query
    };
}
use locked;

/// Writes rows, each with the same statement, which SQLite needs to prepare but once. All on one
/// thread: going to another for each row would take longer than writing it.
macro_rules! execute_many {
    ($connection:expr, |$rows:ident| $statement:expr) => {
        $connection
            .spawn_blocking(move |connection| {
                for $rows in $rows {
                    diesel::RunQueryDsl::execute($statement, connection)?;
                }
                Ok(())
            })
            .await
    };
}
use execute_many;

/// The catalog's file, open.
#[derive(Clone)]
pub(crate) struct Store {
    readers: Pool<Connection>,
    /// Apart from the others, so that long lists do not keep callers from being authenticated.
    lookups: Pool<Connection>,
    writer: Pool<Connection>,
    file: Arc<OpenFile>,
    /// The replies that are being made.
    claims: Arc<Mutex<HashSet<ReplyKey>>>,
}

impl Store {
    /// Opens the file, and prepares its tables.
    pub(crate) async fn open(path: PathBuf, how: Preparation) -> Result<Self, RepositoryError> {
        let prepare = move || {
            prepare(&path, how)?;
            OpenFile::of(path).map_err(RepositoryError::unavailable)
        };
        let file = tokio::task::spawn_blocking(prepare)
            .await
            .map_err(RepositoryError::internal)??;
        let url = url_of(&file.path)?;
        Ok(Self {
            readers: pool(&url, READERS)?,
            lookups: pool(&url, READERS)?,
            writer: pool(&url, 1)?,
            file: Arc::new(file),
            claims: Arc::default(),
        })
    }

    /// A connection for units of work that only read.
    async fn reader(&self) -> Result<Object<Connection>, RepositoryError> {
        self.demand_in_place()?;
        self.readers
            .get()
            .await
            .map_err(RepositoryError::unavailable)
    }

    /// A connection for looking up credentials.
    async fn lookup(&self) -> Result<Object<Connection>, RepositoryError> {
        self.lookups
            .get()
            .await
            .map_err(RepositoryError::unavailable)
    }

    /// The connection for units of work that write.
    async fn writer(&self) -> Result<Object<Connection>, RepositoryError> {
        self.demand_in_place()?;
        self.writer
            .get()
            .await
            .map_err(RepositoryError::unavailable)
    }

    /// Locks what must not be waited for. The rest needs no lock: writers are in line.
    fn claim(&self, lock: Lock<'_>) -> Result<Option<Claim>, RepositoryError> {
        let Lock::Organization(_, Some(key)) = lock else {
            return Ok(None);
        };
        let claims = Arc::clone(&self.claims);
        if !claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key)
        {
            return Err(RepositoryError::Running);
        }
        Ok(Some(Claim { claims, key }))
    }

    /// Demands that the file is still the one that was opened. One that was removed or replaced
    /// can be written as before, and what is written is lost.
    fn demand_in_place(&self) -> Result<(), RepositoryError> {
        if self.file.is_in_place() {
            Ok(())
        } else {
            Err(RepositoryError::unavailable(
                "the file of the catalog was removed or replaced: restart the server",
            ))
        }
    }
}

/// A reply that is being made. One process has the catalog to itself, so that it is enough to
/// know here.
struct Claim {
    claims: Arc<Mutex<HashSet<ReplyKey>>>,
    key: ReplyKey,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.remove(&self.key);
    }
}

/// Which file it is, whatever it is called later.
struct OpenFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl OpenFile {
    fn of(path: PathBuf) -> std::io::Result<Self> {
        let found = std::fs::metadata(&path)?;
        Ok(Self {
            path,
            device: found.dev(),
            inode: found.ino(),
        })
    }

    fn is_in_place(&self) -> bool {
        std::fs::metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
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

/// The file as SQLite's URI (<https://sqlite.org/uri.html>), which opens but never makes it: an
/// empty catalog in the place of a lost one would be worse than none.
fn url_of(path: &Path) -> Result<String, RepositoryError> {
    let path = std::path::absolute(path).map_err(RepositoryError::unavailable)?;
    let url = Url::from_file_path(path)
        .map_err(|()| RepositoryError::internal("the path of the catalog is no path"))?;
    Ok(format!("{url}?mode=rw"))
}

/// The file, and those that SQLite puts beside it: its log, and an index of that.
fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = OsString::from(path);
        name.push(suffix);
        name.into()
    })
}

/// Prepares the tables of the file.
fn prepare(path: &Path, how: Preparation) -> Result<(), RepositoryError> {
    for file in files(path) {
        // SQLite gives the files that it makes later the mode of the first.
        paneld_files::close(&file).map_err(RepositoryError::unavailable)?;
    }
    match how {
        Preparation::Begin | Preparation::Migrate => {
            paneld_files::make_file(path).map_err(RepositoryError::unavailable)?;
            // All or none; and the disk is waited for once, not for each of them.
            establish(path)?
                .immediate_transaction(|connection| migrations::run(connection, MIGRATIONS))
        }
        Preparation::DemandCurrent if !path.exists() => {
            let path = path.display();
            Err(RepositoryError::Unsuitable(format!(
                "there is no catalog at {path}: is the data folder right (--data-dir)?"
            )))
        }
        Preparation::DemandCurrent => migrations::demand_current(&mut establish(path)?, MIGRATIONS),
    }
}

fn establish(path: &Path) -> Result<SqliteConnection, RepositoryError> {
    let url = url_of(path)?;
    let mut connection = SqliteConnection::establish(&url).map_err(RepositoryError::unavailable)?;
    connection.batch_execute(PRAGMAS)?;
    Ok(connection)
}
