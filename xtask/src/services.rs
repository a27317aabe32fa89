//! The servers that tests and measurements need: private ones on free ports, which end with this
//! process, however it ends.

mod chromium;
mod clickhouse;
mod guarded;
mod paneld;
mod postgres;
mod programs;
mod redis;

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, Result};
use tempfile::TempDir;

pub(crate) use self::clickhouse::{ClickHouse, ENGINE, engine};
pub(crate) use chromium::chromium;
pub(crate) use paneld::Paneld;
pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;

/// The variables that tell tests where the servers are, and this task that they are there already.
pub(crate) const POSTGRES_URL: &str = "PANELD_TEST_POSTGRES_URL";
pub(crate) const REDIS_URL: &str = "PANELD_TEST_REDIS_URL";
pub(crate) const CLICKHOUSE_URL: &str = "PANELD_TEST_CLICKHOUSE_URL";
/// The variable that tells tests of the console where the browser is.
pub(crate) const CHROMIUM: &str = "PANELD_E2E_CHROMIUM";

/// A folder for the data of servers, gone when dropped.
pub(crate) fn folder() -> Result<TempDir> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    // A server may have to run as somebody else, who must get to its own folder inside.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// Taken by the kernel and given back at once: in the moment between, nobody else is likely to take it.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to find a free port")?;
    Ok(listener.local_addr()?)
}
