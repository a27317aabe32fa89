//! What is read from the spool.

use super::frames::LiveTold;
use crate::pipeline::record::Record;

/// A record as it stands in the spool.
#[derive(Debug, Clone)]
pub(crate) struct Spooled {
    pub(crate) position: u64,
    pub(crate) record: Record,
    /// The sessions that it changes.
    pub(crate) live: Vec<LiveTold>,
}

/// Which records are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordFilter {
    /// All records.
    All,
    /// Records of which the catalog keeps something.
    AboutPeople,
}

/// Some records that follow one another.
#[derive(Debug, Default)]
pub(crate) struct RecordBatch {
    /// The records among them that the filter lets through.
    pub(crate) records: Vec<Spooled>,
    /// The position of the last of all; `None` when there are none.
    pub(crate) last: Option<u64>,
}
