//! PostgreSQL databases.

use std::net::SocketAddr;

use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_postgres::{Client, NoTls};
use url::Url;

/// A database of its own for one test. It is removed when this is dropped.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: Url,
}

impl Database {
    /// Makes one, on the server that `PANELD_TEST_POSTGRES_URL` names.
    ///
    /// # Panics
    /// When that is not set, or the server does not do it.
    pub fn create() -> Self {
        let name = format!("test_{:032x}", rand::random::<u128>());
        administer(&format!("CREATE DATABASE {name}"));
        let mut url = server();
        url.set_path(&name);
        Self { name, url }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The URL of the same database where somebody passes on to it what arrives there.
    pub fn url_behind(&self, address: SocketAddr) -> String {
        let mut url = self.url.clone();
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        url.into()
    }

    /// The host and port of its server.
    pub fn server(&self) -> String {
        let port = self.url.port().unwrap_or(5432);
        format!("{}:{port}", self.url.host_str().unwrap())
    }

    /// A connection to it, of the runtime this is called on.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn connect(&self) -> Client {
        connect(&self.url).await.0
    }

    /// Ends all connections to it, as a restart of the server does.
    pub fn cut(&self) {
        administer(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }

    /// Lets nobody connect, or lets everybody connect again.
    pub fn allow_connections(&self, allowed: bool) {
        let name = &self.name;
        administer(&format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"
        ));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn server() -> Url {
    crate::told("PANELD_TEST_POSTGRES_URL").parse().unwrap()
}

/// Runs a statement on the server, from a thread of its own: the caller may be in a runtime.
fn administer(statement: &str) {
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            Runtime::new().unwrap().block_on(async {
                let (client, connection) = connect(&server()).await;
                client.batch_execute(statement).await.unwrap();
                // The server must have seen the end before the caller goes on.
                drop(client);
                connection.await.unwrap();
            });
        });
        work.join().expect(statement);
    });
}

async fn connect(url: &Url) -> (Client, JoinHandle<()>) {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await.unwrap();
    // It ends with an error when a test cuts it.
    let connection = tokio::spawn(async { drop(connection.await) });
    (client, connection)
}
