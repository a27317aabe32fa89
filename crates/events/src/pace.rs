//! How a store is best written to.

use std::time::Duration;

/// In which batches a store takes records of the spool best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many records are applied at once at most.
    pub most: usize,
    /// How long after a batch that was not full the next one begins.
    pub gather: Duration,
    /// The same after a batch of at least [`Self::busy`] records.
    pub gather_busy: Duration,
    /// From how many records on a batch tells that much comes in.
    pub busy: u64,
}

impl Pace {
    /// How long after a batch of so many records, which was not full, the next one begins.
    pub fn gather_after(&self, records: u64) -> Duration {
        if records >= self.busy {
            self.gather_busy
        } else {
            self.gather
        }
    }
}
