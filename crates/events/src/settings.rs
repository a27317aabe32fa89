//! What a store has to know to begin.

use std::path::PathBuf;

use crate::EventsUrl;

/// Which store is to be used, and how. An engine takes from it what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStoreSettings {
    /// Where events are kept.
    pub url: EventsUrl,
    /// Where that goes which has no room in memory. Nothing else may use this folder.
    pub temp_dir: PathBuf,
    /// About how many bytes of memory the store may take in this process.
    pub memory: u64,
    /// From which spool everything comes that is applied: positions are its. Behind it those that it
    /// was restored from, whose positions it goes on with.
    pub spools: Vec<String>,
    /// A file for what a store has to know of its own writing when it is elsewhere; made when it is
    /// first needed, and to be kept as long as the spool is.
    pub journal: PathBuf,
}
