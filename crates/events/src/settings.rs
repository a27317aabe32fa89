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
}
