//! Holding the file still, so that another process can copy it.
//!
//! Another process, because the lock on the file ends when this one closes it anywhere.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::OwnedSemaphorePermit, task::spawn_blocking};

use super::{DuckDbStore, access::Inner};
use crate::{
    EventsError,
    duckdb::{
        contents::{self, StoreContents},
        write::apply,
    },
};

/// The file of an event store, to which nothing is written while this is there: who would write
/// waits. Questions are answered.
#[derive(Debug)]
pub struct StillFile {
    path: PathBuf,
    contents: StoreContents,
    stamp: Stamp,
    _turn: OwnedSemaphorePermit,
}

impl DuckDbStore {
    /// Holds the file still, once what is being written is. Everything is in the file then, and
    /// nothing in its log.
    ///
    /// # Errors
    /// When the store is away, or something keeps its log from being written to the file.
    pub(crate) async fn hold_still(&self) -> Result<StillFile, EventsError> {
        let turn = Arc::clone(&self.inner.writes).acquire_owned().await;
        let turn = turn.map_err(EventsError::away)?;
        let inner = Arc::clone(&self.inner);
        let held = spawn_blocking(move || inner.hold_still(turn)).await;
        held.map_err(EventsError::away)?
    }
}

impl Inner {
    fn hold_still(&self, turn: OwnedSemaphorePermit) -> Result<StillFile, EventsError> {
        let contents = self.write(|writer| {
            apply::checkpoint(&writer.connection)?;
            contents::find(&writer.connection)
        })?;
        if fs::metadata(self.place.log()).is_ok_and(|log| log.len() > 0) {
            let why = "not all of its log could be written to the file";
            return Err(EventsError::Rejected(why.into()));
        }
        let path = self.place.path().to_owned();
        let stamp = Stamp::of(&path).map_err(EventsError::away)?;
        Ok(StillFile {
            path,
            contents,
            stamp,
            _turn: turn,
        })
    }
}

impl StillFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it.
    pub fn contents(&self) -> &StoreContents {
        &self.contents
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.stamp.bytes
    }

    /// Lets go of it.
    ///
    /// # Errors
    /// When it changed all the same: what was copied of it is no good.
    pub fn end(self) -> Result<(), EventsError> {
        let now = Stamp::of(&self.path).map_err(EventsError::away)?;
        if now == self.stamp {
            return Ok(());
        }
        Err(EventsError::away(
            "its file changed while it was held still",
        ))
    }
}

/// What tells of a file that it was written.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified_at: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> std::io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            inode: found.ino(),
            bytes: found.len(),
            modified_at: (found.mtime(), found.mtime_nsec()),
        })
    }
}
