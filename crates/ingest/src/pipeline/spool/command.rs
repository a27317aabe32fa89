//! What the writer is asked to do.

use super::{append::Entry, applied::Applied, replies::Waiter};

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Append(Entry, Waiter),
    Trim(Applied),
    ForgetSeen(i64),
    SetAside(u64, Waiter),
    DropSetAside(Vec<u64>, Waiter),
    Compact(i64, Waiter),
}

impl Command {
    /// How many bytes of records and live sessions are to be written.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append(entry, _) => entry.bytes(),
            Self::Trim(_)
            | Self::ForgetSeen(_)
            | Self::SetAside(..)
            | Self::DropSetAside(..)
            | Self::Compact(..) => 0,
        }
    }

    pub(super) fn is_about_people(&self) -> bool {
        matches!(self, Self::Append(entry, _) if entry.records.is_about_people())
    }
}
