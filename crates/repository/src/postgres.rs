//! The catalog in a PostgreSQL database.
//!
//! Several servers may use it at once. What must not happen side by side is kept apart by locks
//! (see [`Lock`]): the row of an organization stands for all that belongs to it.

use std::{error::Error, time::Duration};

use diesel::{ConnectionError, ConnectionResult, QueryDsl as _, connection::SimpleConnection};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _,
    async_connection_wrapper::AsyncConnectionWrapper,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::FutureExt as _;
use paneld_domain::ErrorChain;
use tokio_postgres::{
    Config, NoTls, Socket,
    tls::{MakeTlsConnect, TlsConnect},
};

use crate::{
    PostgresUrl, RepositoryError,
    lock::Lock,
    migrations::{self, Preparation},
    receipt::ReplyKey,
};

mod schema;
mod tls;

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

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Connections for units of work. A server has four such pools' worth at most; see
/// `docs/operations.md` for what that asks of the database.
const CONNECTIONS: usize = 8;
/// Connections for looking up credentials.
const LOOKUPS: usize = 4;
/// How long a connection may take to come about, or to become free.
const TIME_TO_CONNECT: Duration = Duration::from_secs(2);
/// How long a unit of work may take, the wait for a connection included, before the catalog
/// counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every connection gets these. What the server gave up on, the database gives up on too.
const SESSION: &str = "SET statement_timeout = '5s';
    SET idle_in_transaction_session_timeout = '10s';";

/// The number under which servers agree to prepare the tables one after the other.
const PREPARING: i64 = 0x7061_6e65_6c64;
/// The number under which they agree to make the first organization one after the other.
const BEGINNING: i64 = PREPARING + 1;
/// The number under which they agree on the day's salt.
const SALTING: i64 = PREPARING + 2;
/// The number under which they register one after the other.
const REGISTERING: i64 = PREPARING + 3;

/// The Diesel backend for which `catalog/` is compiled here.
type Backend = diesel::pg::Pg;
/// The connection on which its queries run.
type Connection = AsyncPgConnection;

/// The time of the database's clock, in milliseconds since 1970. Not that of the transaction's
/// begin: it may have waited for a lock.
const NOW_MILLIS: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

/// Runs an async closure in a transaction, which begins with taking a lock. Each statement
/// sees what was committed before it, so what follows the lock sees all that was done under it.
macro_rules! transaction {
    ($store:expr, $lock:expr, async |$connection:ident| $work:block) => {{
        let lock: crate::lock::Lock<'_> = $lock;
        let mut connection = $store.connection().await?;
        diesel_async::AsyncConnection::transaction(
            &mut *connection,
            async |$connection: &mut Connection| {
                lock.take($connection).await?;
                $work
            },
        )
        .await
    }};
}
use transaction;

/// A query that locks what it finds to the end of the transaction. Not FOR UPDATE: rows that
/// refer to it may be made meanwhile.
macro_rules! locked {
    ($query:expr) => {
        $query.for_no_key_update()
    };
}
use locked;

/// Writes rows with one statement.
macro_rules! execute_many {
    ($connection:expr, |$rows:ident| $statement:expr) => {
        diesel_async::RunQueryDsl::execute($statement, $connection)
            .await
            .map(drop)
    };
}
use execute_many;

/// The database, and connections to it.
#[derive(Clone)]
pub(crate) struct Store {
    connections: Pool<Connection>,
    /// Apart from the others, so that long lists do not keep callers from being authenticated.
    lookups: Pool<Connection>,
}

impl Store {
    /// Connects to the database, and prepares its tables.
    pub(crate) async fn open(url: &PostgresUrl, how: Preparation) -> Result<Self, RepositoryError> {
        let connection = connect_first(url).await?;
        tokio::task::spawn_blocking(move || prepare(connection.into(), how))
            .await
            .map_err(RepositoryError::internal)??;
        Ok(Self {
            connections: pool(url, CONNECTIONS)?,
            lookups: pool(url, LOOKUPS)?,
        })
    }

    /// A connection for units of work that only read.
    async fn reader(&self) -> Result<Object<Connection>, RepositoryError> {
        self.connection().await
    }

    /// A connection for looking up credentials.
    async fn lookup(&self) -> Result<Object<Connection>, RepositoryError> {
        self.lookups
            .get()
            .await
            .map_err(RepositoryError::unavailable)
    }

    async fn connection(&self) -> Result<Object<Connection>, RepositoryError> {
        self.connections
            .get()
            .await
            .map_err(RepositoryError::unavailable)
    }
}

impl Lock<'_> {
    async fn take(self, connection: &mut Connection) -> Result<(), RepositoryError> {
        match self {
            Self::Nothing => {}
            Self::Organization(id, reply) => {
                if let Some(key) = reply {
                    claim(connection, key).await?;
                }
                // Not FOR UPDATE: rows that refer to it may be made meanwhile.
                schema::organizations::table
                    .find(id.as_str())
                    .select(schema::organizations::id)
                    .for_no_key_update()
                    .load::<String>(connection)
                    .await?;
            }
            Self::Beginning => wait_for(connection, BEGINNING).await?,
            Self::Salts => wait_for(connection, SALTING).await?,
            Self::Servers => wait_for(connection, REGISTERING).await?,
        }
        Ok(())
    }
}

/// Locks a number to the end of the transaction.
async fn wait_for(connection: &mut Connection, number: i64) -> Result<(), RepositoryError> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<diesel::sql_types::BigInt, _>(number)
        .execute(connection)
        .await?;
    Ok(())
}

/// Locks a reply to the end of the transaction, or fails when another has it.
async fn claim(connection: &mut Connection, key: ReplyKey) -> Result<(), RepositoryError> {
    let [a, b, c, d, e, f, g, h, ..] = key.digest;
    let number = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let claimed = diesel::select(pg_try_advisory_xact_lock(number))
        .get_result::<bool>(connection)
        .await?;
    if claimed {
        Ok(())
    } else {
        Err(RepositoryError::Running)
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    fn pg_try_advisory_xact_lock(number: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

/// Ends a unit of work that takes too long: a network may swallow what is sent, and a stopped
/// server never answers.
pub(crate) async fn in_time<T>(
    work: impl Future<Output = Result<T, RepositoryError>>,
) -> Result<T, RepositoryError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|elapsed| Err(RepositoryError::unavailable(elapsed)))
}

fn pool(url: &PostgresUrl, size: usize) -> Result<Pool<Connection>, RepositoryError> {
    let mut config = ManagerConfig::default();
    // A connection knows whether it was closed. Asking the database each time would double the
    // time of a look-up.
    config.recycling_method = RecyclingMethod::Fast;
    let url = url.clone();
    config.custom_setup = Box::new(move |_shown| {
        let url = url.clone();
        async move { connect(&url).await }.boxed()
    });
    Pool::builder(AsyncDieselConnectionManager::new_with_config("", config))
        .max_size(size)
        .runtime(deadpool::Runtime::Tokio1)
        .wait_timeout(Some(TIME_TO_CONNECT))
        .create_timeout(Some(TIME_TO_CONNECT))
        .build()
        .map_err(RepositoryError::internal)
}

/// The first connection. Whoever starts the program is told which database it is that cannot
/// be reached. A server that accepts and is silent counts as away, too.
async fn connect_first(url: &PostgresUrl) -> Result<Connection, RepositoryError> {
    let why = match tokio::time::timeout(TIME_TO_CONNECT, connect(url)).await {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(error)) => ErrorChain(&error).to_string(),
        Err(_elapsed) => "it does not answer".to_owned(),
    };
    let why = format!("cannot connect to {url}: {why}");
    Err(RepositoryError::unavailable(why))
}

async fn connect(url: &PostgresUrl) -> ConnectionResult<Connection> {
    let mut config = url.config().clone();
    config.connect_timeout(TIME_TO_CONNECT);
    // A peer that is gone without a word is noticed by these.
    config.tcp_user_timeout(PATIENCE);
    config.keepalives_idle(Duration::from_secs(10));
    config.keepalives_interval(Duration::from_secs(5));
    config.keepalives_retries(2);
    if config.get_application_name().is_none() {
        config.application_name("paneld");
    }
    let mut connection = if url.demands_tls() {
        establish(&config, tls::connector().map_err(bad_connection)?).await?
    } else {
        establish(&config, NoTls).await?
    };
    connection
        .batch_execute(SESSION)
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

async fn establish<T>(config: &Config, tls: T) -> ConnectionResult<Connection>
where
    T: MakeTlsConnect<Socket, TlsConnect: Send, Stream: Send + 'static>,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await.map_err(bad_connection)?;
    Connection::try_from_client_and_connection(client, connection).await
}

fn bad_connection(error: impl Error + 'static) -> ConnectionError {
    ConnectionError::BadConnection(ErrorChain(&error).to_string())
}

/// Prepares the tables, one server after the other.
fn prepare(
    mut connection: AsyncConnectionWrapper<Connection>,
    how: Preparation,
) -> Result<(), RepositoryError> {
    // Whoever is first may have much to do; and a migration may take its time.
    let wait = format!("SET statement_timeout = 0; SELECT pg_advisory_lock({PREPARING})");
    SimpleConnection::batch_execute(&mut connection, &wait)?;
    match how {
        Preparation::Migrate => migrations::run(&mut connection, MIGRATIONS),
        Preparation::Begin if migrations::is_new(&mut connection)? => {
            migrations::run(&mut connection, MIGRATIONS)
        }
        Preparation::Begin | Preparation::DemandCurrent => {
            migrations::demand_current(&mut connection, MIGRATIONS)
        }
    }
    // The lock ends with the connection.
}
