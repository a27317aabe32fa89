//! How events are kept: what a [`Builder`](crate::Builder) is told of it.

use std::path::PathBuf;

use chrono::TimeDelta;
use paneld_service::EventsUrl;

/// How events are kept.
#[derive(Debug)]
pub(crate) struct EventSettings {
    pub(crate) url: Kept,
    pub(crate) memory: u64,
    pub(crate) spool_limit: u64,
    pub(crate) sessions_limit: usize,
    pub(crate) erased_within: TimeDelta,
    pub(crate) geoip: Option<PathBuf>,
    pub(crate) asn: Option<PathBuf>,
}

/// Where events are kept.
#[derive(Debug)]
pub(crate) enum Kept {
    InDataDir,
    At(EventsUrl),
    Nowhere,
}

const MIB: u64 = 1024 * 1024;

impl EventSettings {
    /// The setting that is wrong, and what it must be.
    pub(crate) fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.memory < 128 * MIB {
            return Some(("events_memory", "must be 128 MiB or more"));
        }
        if self.spool_limit < MIB {
            return Some(("spool_limit", "must be 1 MiB or more"));
        }
        (self.sessions_limit == 0).then_some(("sessions_limit", "must be 1 or more"))
    }
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            url: Kept::InDataDir,
            memory: 160 * MIB,
            spool_limit: 1024 * MIB,
            sessions_limit: 100_000,
            erased_within: TimeDelta::days(1),
            geoip: None,
            asn: None,
        }
    }
}
