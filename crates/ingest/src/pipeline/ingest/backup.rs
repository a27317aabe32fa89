//! What a backup needs of the spool.

use std::path::PathBuf;

use tokio::task::spawn_blocking;

use super::Ingest;
use crate::{SpoolContents, SpoolError, pipeline::spool::Snapshot};

/// The spool as it was at one moment.
pub struct SpoolSnapshot(Snapshot);

impl Ingest {
    /// The spool as it is now. It costs nothing, and Track goes on.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn snapshot_spool(&self) -> Result<SpoolSnapshot, SpoolError> {
        self.0.spool.snapshot().map(SpoolSnapshot)
    }
}

impl SpoolSnapshot {
    /// Copies it to a file that is not there yet. Track goes on meanwhile.
    ///
    /// # Errors
    /// When the spool cannot be read, or the copy not be written.
    pub async fn copy_to(self, path: PathBuf) -> Result<SpoolContents, SpoolError> {
        let copied = spawn_blocking(move || self.0.copy_to(&path)).await;
        copied.unwrap_or(Err(SpoolError::Closed))
    }
}
