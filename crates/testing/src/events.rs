//! Databases in ClickHouse, for events.

use std::{
    io::Write as _,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::{Client, StatusCode};
use tokio::runtime::Runtime;
use url::Url;

const SERVER: &str = "PANELD_TEST_CLICKHOUSE_URL";

/// A database of its own for the events of one test. It is removed when this is dropped.
#[derive(Debug)]
pub struct EventsDatabase {
    name: String,
    server: Url,
}

impl EventsDatabase {
    /// Makes one if `PANELD_TEST_EVENTS` asks for ClickHouse; `None` if events are to be in DuckDB.
    ///
    /// # Panics
    /// When the variable asks for something else, or the server does not make one.
    pub fn asked_for() -> Option<Self> {
        are_events_in_clickhouse().then(Self::create)
    }

    /// Makes one, on the server that `PANELD_TEST_CLICKHOUSE_URL` names.
    ///
    /// # Panics
    /// When that is not set, or the server does not do it.
    pub fn create() -> Self {
        let name = format!("test_{:032x}", rand::random::<u128>());
        let server: Url = crate::told(SERVER).parse().unwrap();
        administer(&server, &format!("CREATE DATABASE {name}"));
        Self { name, server }
    }

    /// Makes one, for a test of ClickHouse whatever is asked for; where there is no server, it says
    /// that this is not tested.
    ///
    /// # Panics
    /// When the server does not do it.
    pub fn create_or_skip(tested: &str) -> Option<Self> {
        if std::env::var_os(SERVER).is_some() {
            return Some(Self::create());
        }
        say(&format!("!!! SKIPPED, there is no ClickHouse: {tested}"));
        None
    }

    /// Where it is, as `PANELD_EVENTS_URL` names it.
    pub fn url(&self) -> String {
        self.url_on(&self.server)
    }

    /// The URL of the same database where somebody passes on to it what arrives there.
    ///
    /// # Panics
    /// When the server's URL can have no address.
    pub fn url_behind(&self, address: SocketAddr) -> String {
        let mut server = self.server.clone();
        server.set_ip_host(address.ip()).unwrap();
        server.set_port(Some(address.port())).unwrap();
        self.url_on(&server)
    }

    /// The host and port of its server.
    ///
    /// # Panics
    /// When the server's URL has no host.
    pub fn server(&self) -> String {
        let port = self.server.port().unwrap_or(8123);
        format!("{}:{port}", self.server.host_str().unwrap())
    }

    /// What the server answers to a statement on this database: lines, with tabs between values.
    ///
    /// # Panics
    /// When the statement fails.
    pub fn query(&self, statement: &str) -> String {
        let mut url = self.server.clone();
        url.query_pairs_mut().append_pair("database", &self.name);
        administer(&url, statement)
    }

    /// Has the server fail for this database alone, as `xtask/clickhouse/faults.py` says: the kind,
    /// and the rest of the order. `false` where the server is a real one, which cannot; then it
    /// says that this is not tested.
    ///
    /// # Panics
    /// When there is no such fault.
    pub fn order_fault(&self, kind: &str, rest: &[(&str, &str)]) -> bool {
        let mut url = self.server.clone();
        url.set_path("/faults");
        url.query_pairs_mut()
            .append_pair("database", &self.name)
            .append_pair("fault", kind)
            .extend_pairs(rest);
        let (status, text) = post(&url, "");
        if status == StatusCode::NOT_FOUND {
            say(&format!(
                "!!! SKIPPED, this ClickHouse fails for nobody: {kind}"
            ));
            return false;
        }
        assert!(status.is_success(), "{status}: {text}");
        true
    }

    fn url_on(&self, server: &Url) -> String {
        let mut url = server.clone();
        url.set_path(&self.name);
        // Not `set_scheme`, which keeps to those that browsers know.
        url.as_str().replacen(url.scheme(), "clickhouse", 1)
    }
}

impl Drop for EventsDatabase {
    fn drop(&mut self) {
        // A server that was ended while it made its tables may make one more meanwhile.
        let drop = format!("DROP DATABASE IF EXISTS {} SYNC", self.name);
        let dropped = (0..3).any(|_| post(&self.server, &drop).0.is_success());
        // Where a test has failed, that is what is to be told.
        assert!(dropped || std::thread::panicking(), "{drop}");
    }
}

/// Whether to leave out a test that is about DuckDB's file alone: if events are to be in
/// ClickHouse. It says so, past the test harness, and how many were left out so far.
///
/// # Panics
/// When `PANELD_TEST_EVENTS` asks for an event store that there is not.
pub fn skip_without_duckdb(why: &str) -> bool {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    if !are_events_in_clickhouse() {
        return false;
    }
    let so_far = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    say(&format!(
        "!!! SKIPPED with ClickHouse, {so_far} so far: {why}"
    ));
    true
}

/// Says something past the test harness, which would keep it to itself.
fn say(what: &str) {
    let line = format!("\n{what}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Whether `PANELD_TEST_EVENTS` asks for events in ClickHouse.
///
/// # Panics
/// When it asks for an event store that there is not.
pub fn are_events_in_clickhouse() -> bool {
    match std::env::var("PANELD_TEST_EVENTS").as_deref() {
        Err(_) | Ok("" | "duckdb") => false,
        Ok("clickhouse") => true,
        Ok(other) => panic!("there is no event store called {other}"),
    }
}

fn administer(url: &Url, statement: &str) -> String {
    let (status, text) = post(url, statement);
    assert!(status.is_success(), "{statement}: {status}: {text}");
    text
}

/// Sends a request, from a thread of its own: the caller may be in a runtime.
fn post(url: &Url, body: &str) -> (StatusCode, String) {
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            Runtime::new().unwrap().block_on(async {
                // It is on this machine, whatever proxy the environment names.
                let client = Client::builder().no_proxy().build().unwrap();
                let asked = client.post(url.clone()).body(body.to_owned());
                let reply = asked.send().await.unwrap();
                let status = reply.status();
                (status, reply.text().await.unwrap())
            })
        });
        work.join().expect(body)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "needs ClickHouse: run it with cargo xtask test"]
    fn a_database_is_there_until_it_is_dropped() {
        let Some(database) = EventsDatabase::create_or_skip("databases of tests") else {
            return;
        };
        let name = database.query("SELECT currentDatabase()");
        let url = format!("clickhouse://{}/{}", database.server(), name.trim_end());
        assert_eq!(database.url(), url);
        let elsewhere = database.url_behind("127.0.0.1:9".parse().unwrap());
        assert_eq!(elsewhere, url.replace(&database.server(), "127.0.0.1:9"));

        database.query("CREATE TABLE seen (at UInt64) ENGINE = MergeTree ORDER BY at");
        database.query("INSERT INTO seen VALUES (1), (2)");
        assert_eq!(
            database.query("SELECT count(), max(at) FROM seen"),
            "2\t2\n"
        );

        let (server, name) = (database.server.clone(), database.name.clone());
        drop(database);
        let left = format!("SELECT count() FROM system.databases WHERE name = '{name}'");
        assert_eq!(administer(&server, &left), "0\n");
    }

    #[test]
    #[ignore = "needs ClickHouse: run it with cargo xtask test"]
    fn a_fault_is_met_by_its_database_alone_and_once() {
        let tested = "faults that tests order";
        let Some(database) = EventsDatabase::create_or_skip(tested) else {
            return;
        };
        let other = EventsDatabase::create();
        let mut url = database.server.clone();
        url.query_pairs_mut()
            .append_pair("database", &database.name);
        if !database.order_fault("error", &[("code", "243"), ("containing", "SELECT 2")]) {
            return;
        }
        assert_eq!(other.query("SELECT 2"), "2\n");
        assert_eq!(database.query("SELECT 1"), "1\n");
        let (status, text) = post(&url, "SELECT 2");
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(text.starts_with("Code: 243."), "{text}");
        assert_eq!(database.query("SELECT 2"), "2\n");
    }
}
