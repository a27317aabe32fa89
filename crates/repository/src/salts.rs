//! What device ids are made with.

use paneld_domain::{Timestamp, is_ahead};

/// The salts of today and of the time before, which tie device ids to a day. A secret: with
/// them, somebody's address and user agent can be told from a device id.
#[derive(Clone, PartialEq, Eq)]
pub struct Salts {
    /// The salt of the current day.
    pub current: [u8; 16],
    /// The salt of the day before.
    pub previous: [u8; 16],
    /// Since when the current one is.
    pub since: Timestamp,
}

impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salts")
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

impl Salts {
    /// Whether they are those of this moment's day, in UTC.
    pub(crate) fn are_of(&self, now: Timestamp) -> bool {
        self.since.date_naive() >= now.date_naive() && !is_of_the_future(self.since, now)
    }
}

/// Whether salts of this time were made by a clock that was ahead. Those of a few minutes after
/// the next midnight were not: the clocks of servers differ a little, and else each of two would
/// replace what the other made.
pub(crate) fn is_of_the_future(since: Timestamp, now: Timestamp) -> bool {
    since.date_naive() > now.date_naive() && is_ahead(since, now)
}
