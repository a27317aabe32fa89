//! Why there is no backup.

use std::{io, path::PathBuf};

use crate::{DataDirError, StartError, error::Cause};

/// Why a backup could not be made, restored or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// One at a time is made.
    #[error("another backup is under way")]
    Busy,
    /// The event store may stand still no longer.
    #[error(
        "the backup was given up, so that nothing that is tracked is refused: while the event \
         store was copied, more came in than half of spool_limit. Make it in a quieter hour, write \
         it to a faster disk, or set a larger spool_limit"
    )]
    Backlog,
    /// What is removed from the spool makes room on the disk.
    #[error("the backup was given up: the spool cannot be written, perhaps for the disk is full")]
    NoRoom,
    /// Whoever makes it has stopped, or its disk is very slow.
    #[error("the backup was given up: a file was not copied within {minutes} minutes")]
    TooSlow {
        /// How many minutes there are for each file.
        minutes: u64,
    },
    /// The event store could not be held still, read or checked.
    #[error("{}: the event store cannot be used", super::EVENTS)]
    Events(#[source] Cause),
    /// The spool could not be copied, read or checked.
    #[error("{}: the spool cannot be used", super::SPOOL)]
    Spool(#[source] Cause),
    /// The catalog could not be copied, read or checked.
    #[error("{}: the catalog cannot be used", super::CATALOG)]
    Catalog(#[source] Cause),
    /// Stores do not go together.
    #[error(
        "the event store has records up to position {store}, but the spool ends at {spool}: they \
         are not of the same server"
    )]
    Apart {
        /// Up to where the event store has records.
        store: u64,
        /// The last position of the spool.
        spool: u64,
    },
    /// There is data already.
    #[error(
        "there is data at {}: a backup is restored into an empty folder only",
        .0.display()
    )]
    Occupied(PathBuf),
    /// There is nothing to be backed up or checked.
    #[error("there is nothing of paneld in {}: look at --data-dir", .0.display())]
    Nothing(PathBuf),
    /// A file could not be read or written.
    #[error("{}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The data folder is in use, or cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The stores cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A server has the data folder, and does not answer.
    #[error(
        "a server is using the data folder, but does not answer on {}: it is starting or stopping, \
         it is of an older version, or its log says why there is no socket",
        .0.display()
    )]
    NoAnswer(PathBuf),
    /// The connection to the server broke.
    #[error("the connection to the server ended")]
    Connection(#[source] io::Error),
    /// The server is of another version.
    #[error("the server is paneld {server}, and this is {}: use the program of the server", env!("CARGO_PKG_VERSION"))]
    Version {
        /// The version of the server.
        server: String,
    },
    /// The server refused, for this reason.
    #[error("the server says: {0}")]
    Refused(String),
}

impl BackupError {
    pub(super) fn events(error: impl Into<Cause>) -> Self {
        Self::Events(error.into())
    }

    pub(super) fn spool(error: impl Into<Cause>) -> Self {
        Self::Spool(error.into())
    }

    pub(super) fn catalog(error: impl Into<Cause>) -> Self {
        Self::Catalog(error.into())
    }

    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
