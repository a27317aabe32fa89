//! How far sinks are with the spool.

/// Up to where sinks have applied what is in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Applied {
    /// All of them.
    pub(crate) everywhere: u64,
    /// The event store, which alone keeps something of records that are not about people.
    pub(crate) by_store: u64,
}

impl Applied {
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            everywhere: self.everywhere.max(other.everywhere),
            by_store: self.by_store.max(other.by_store),
        }
    }

    pub(super) fn min(self, position: u64) -> Self {
        Self {
            everywhere: self.everywhere.min(position),
            by_store: self.by_store.min(position),
        }
    }
}
