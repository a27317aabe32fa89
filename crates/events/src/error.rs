//! What can go wrong, named for what the caller can do about it.

use crate::Crowded;

/// What is behind an error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the event store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The store cannot be used now: its file is held by another process, damaged, or its disk
    /// fails. Asking again later may help.
    #[error("the event store is away")]
    Away(#[source] Cause),
    /// Too many questions wait, most of them of whoever asked this one.
    #[error(transparent)]
    Crowded(#[from] Crowded),
    /// The answer took more time or memory than one answer may.
    #[error("the answer takes too long: ask for less")]
    TooSlow,
    /// The answer would be larger than one may be.
    #[error("the answer is too large")]
    TooLarge,
    /// The store works, but refused this. Asking for the same again does not help.
    #[error("the event store refused")]
    Rejected(#[source] Cause),
    /// This took more memory than the store has. Less at once may have room, and all of it when
    /// nothing else is going on.
    #[error("the event store has no room in memory for this")]
    NoRoom(#[source] Cause),
}

impl EventsError {
    pub(crate) fn away(cause: impl Into<Cause>) -> Self {
        Self::Away(cause.into())
    }
}
