//! What this server knows of its own writing, in a file beside the spool.
//!
//! A batch is written in steps, and nobody knows how far one went that was broken off. So the file
//! says up to which position everything is there, which batch is being written, and how many of
//! its removals are done: a removal that was done may not be done again, for rows that came behind
//! it may be there.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How far a spool is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// Whose positions these are.
    pub(crate) spool: String,
    /// Nothing that was sent under another journal counts as sent under this one: where one was
    /// lost, erasures are done again, and also remove what was sent behind them.
    pub(crate) id: Uuid,
    /// Up to which position everything is there.
    pub(crate) applied: u64,
    /// Up to which position people are copied.
    pub(crate) copied: u64,
    /// The batch that is being written.
    pub(crate) begun: Option<Begun>,
    /// What was removed, and may be left in other files of the server.
    pub(crate) removals: Removals,
}

/// Removals of which bytes may be left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removals {
    /// How often something was removed.
    pub(crate) made: u64,
    /// Of how many of these nothing is left.
    pub(crate) compacted: u64,
    /// When somebody first saw that something may be left, in milliseconds since 1970.
    pub(crate) seen_at: Option<i64>,
}

/// A batch that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begun {
    /// The position of its last record.
    pub(crate) position: u64,
    /// How many of its removals are done.
    pub(crate) removals: usize,
    /// What its erasures removed, in their order: events and sessions.
    pub(crate) erased: Vec<(u64, u64)>,
}

/// What these do blocks, for the time of a write to the disk.
impl Progress {
    /// Reads the file; without one, nothing was written of this spool. What it says of another
    /// spool says nothing of this one.
    pub(crate) fn read(path: &Path, spool: &str) -> io::Result<Self> {
        let read = match std::fs::read(path) {
            Ok(bytes) => Some(serde_json::from_slice::<Self>(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let read = read.filter(|progress| progress.spool == spool);
        Ok(read.unwrap_or_else(|| Self {
            spool: spool.to_owned(),
            id: Uuid::new_v4(),
            ..Self::default()
        }))
    }

    /// Writes the file: it is on the disk when this returns.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        paneld_files::replace(path, &serde_json::to_vec(self)?)
    }
}
