//! The spool's file, and the one that is to take its place.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use redb::{Builder, Database, DatabaseError};

use super::fault::Fault;

/// How much of the file is kept in memory.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// How often it is looked whether a spool is closed, and how often at most: for five seconds.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOOKS: usize = 250;

/// Opens a file, and makes it when it is not there.
pub(super) fn open(path: &Path) -> Result<Database, Fault> {
    paneld_files::make_file(path)?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    for _ in 0..LOOKS {
        match builder.create(path) {
            // The data folder is this server's: it is one that was stopped in this process, of
            // which somebody has not let go yet.
            Err(DatabaseError::DatabaseAlreadyOpen) => thread::sleep(LOOK_AGAIN),
            opened => return Ok(opened?),
        }
    }
    Ok(builder.create(path)?)
}

/// Removes what is left of a new file when the process was killed.
pub(super) fn remove_leftover(path: &Path) -> std::io::Result<()> {
    paneld_files::remove(&beside(path))
}

/// Where the file is written anew.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    name.into()
}
