//! The time that a question is about: `docs/contract/insights.md` §3.3. There is one rule for all
//! endpoints:
//!
//! - Dates and times without an offset are what the clock of the zone shows; those with an offset
//!   are moments.
//! - A date alone is the whole day. A day begins when its midnight first strikes.
//! - A time names a second, or a millisecond where it has a fraction. An end takes that second or
//!   millisecond in; but an end at midnight ends the day before, so that windows which follow one
//!   another share no moment.
//! - A time that the clock skipped is the first moment after the gap. One that the clock showed
//!   twice is the first as a start, and the last as an end.
//! - Both dates win over a range. A start alone runs to now. An end alone takes its start from the
//!   range.

mod date_text;
mod request;

use chrono::{DurationRound, NaiveDate, NaiveTime, TimeDelta};
use paneld_domain::{Event, InvalidValue, Timestamp};

pub use self::{
    date_text::DateText,
    request::{DefaultWindow, WindowRequest, echo, resolve},
};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);
const SECOND: TimeDelta = TimeDelta::seconds(1);
/// So far do reports look ahead: whatever the calendar, to the end of a year that begins now.
const AHEAD: TimeDelta = TimeDelta::days(366);

/// A stretch of time, in whole milliseconds. It is never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment of it.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl Window {
    /// All the time that a date can name: the years 1 to 9999.
    pub fn everything() -> Self {
        let midnight = |year| {
            NaiveDate::from_yo_opt(year, 1)
                .unwrap_or_default()
                .and_time(NaiveTime::MIN)
                .and_utc()
        };
        Self {
            start: midnight(1),
            end: midnight(10_000),
        }
    }

    /// So much time up to now. What happens now is in it, and nothing later.
    pub fn until_now(length: TimeDelta, now: Timestamp) -> Self {
        Self {
            start: now - length,
            end: just_after(now),
        }
    }

    /// The part of it in which something can count: nothing happened before
    /// [`Event::earliest`], and nobody plans more than a year ahead.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn that_counts(self, now: Timestamp) -> Result<Self, WindowProblem> {
        let (earliest, latest) = (Event::earliest(), now + AHEAD);
        if self.end <= earliest {
            let message = "must not be before 2000-01-01: nothing older counts";
            return Err(WindowProblem::new(Bound::End, message));
        }
        if self.start >= latest {
            let message = "must not be more than a year in the future";
            return Err(WindowProblem::new(Bound::Start, message));
        }
        Ok(Self {
            start: self.start.max(earliest),
            end: self.end.min(latest),
        })
    }

    /// Whether it begins where time begins, for all that counts: whoever asks for that means the
    /// beginning of their own events.
    pub(crate) fn is_from_the_beginning(&self) -> bool {
        self.start == Event::earliest()
    }

    /// Whether a moment lies in it.
    pub fn contains(&self, moment: Timestamp) -> bool {
        (self.start..self.end).contains(&moment)
    }

    /// The last millisecond of it.
    pub fn last(&self) -> Timestamp {
        self.end - MILLISECOND
    }
}

/// A window up to now takes in what happens now.
pub(crate) fn just_after(now: Timestamp) -> Timestamp {
    now.duration_trunc(MILLISECOND).unwrap_or(now) + MILLISECOND
}

/// Which end of a window is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The start of the window.
    Start,
    /// The end of the window.
    End,
}

/// Why there is no such window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WindowProblem {
    /// The end of the window that is wrong.
    pub field: Bound,
    /// What is wrong with it: "must not be before the start".
    pub message: InvalidValue,
}

impl WindowProblem {
    pub(crate) fn new(field: Bound, message: &'static str) -> Self {
        Self {
            field,
            message: InvalidValue::new(message),
        }
    }
}

#[cfg(test)]
mod tests;
