//! A date or a time as a caller writes it.

use std::{fmt, str::FromStr};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _, TimeDelta};
use paneld_domain::{InvalidValue, TimeText, Timestamp};

use super::{MILLISECOND, SECOND};
use crate::{range::next_day, zone::WallClock};

/// A date or a time as a caller writes it: `2026-08-10`, `2026-08-10 09:30:00`, or whatever else
/// [`TimeText`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateText {
    text: String,
    meaning: Meaning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Day(NaiveDate),
    Wall(NaiveDateTime, Precision),
    Moment(Timestamp, Precision),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Second,
    Millisecond,
}

impl Precision {
    fn unit(self) -> TimeDelta {
        match self {
            Self::Second => SECOND,
            Self::Millisecond => MILLISECOND,
        }
    }
}

impl DateText {
    /// The text, as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The moment it names, where clocks show UTC; of a date alone, its midnight.
    pub fn moment_in_utc(&self) -> Timestamp {
        match self.meaning {
            Meaning::Day(date) => date.and_time(NaiveTime::MIN).and_utc(),
            Meaning::Wall(wall, _precision) => wall.and_utc(),
            Meaning::Moment(moment, _precision) => moment,
        }
    }

    pub(super) fn as_start(&self, clock: WallClock) -> Timestamp {
        match self.meaning {
            Meaning::Day(date) => clock.day_start(date),
            Meaning::Wall(wall, _precision) => clock.first(wall),
            Meaning::Moment(moment, _precision) => moment,
        }
    }

    /// The end of a window that begins at `start`.
    pub(super) fn as_end(&self, clock: WallClock, start: Timestamp) -> Timestamp {
        let (last, precision) = match self.meaning {
            Meaning::Day(date) => return clock.day_start(next_day(date)),
            Meaning::Moment(moment, precision) => (moment, precision),
            Meaning::Wall(wall, precision) => match clock.last(wall) {
                Some(moment) => (moment, precision),
                None => return clock.after_gap(wall),
            },
        };
        // From midnight to the same midnight is no window; then the end is taken in as usual.
        let ends_a_day = last == clock.day_start(clock.day_of(last));
        if ends_a_day && last > start {
            last
        } else {
            last + precision.unit()
        }
    }

    /// Whether it is a day that the zone left out, as Samoa did on 30 December 2011.
    pub(super) fn is_skipped_day(&self, clock: WallClock) -> bool {
        match self.meaning {
            Meaning::Day(date) => clock.day_start(date) >= clock.day_start(next_day(date)),
            Meaning::Wall(..) | Meaning::Moment(..) => false,
        }
    }
}

impl FromStr for DateText {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let meaning = meaning_of(text).ok_or_else(|| {
            InvalidValue::new(
                "must be a date or an ISO 8601 date-time, such as 2024-01-15, \
                 2024-01-15 10:00:00 or 2024-01-15T10:00:00.000Z",
            )
        })?;
        Ok(Self {
            text: text.to_owned(),
            meaning,
        })
    }
}

impl fmt::Display for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Events are kept to the millisecond, and so are questions.
fn meaning_of(text: &str) -> Option<Meaning> {
    let precision = if text.contains('.') {
        Precision::Millisecond
    } else {
        Precision::Second
    };
    Some(match TimeText::read(text)? {
        TimeText::Day(date) => Meaning::Day(date),
        TimeText::Wall(wall) => Meaning::Wall(wall.trunc_subsecs(3), precision),
        TimeText::Moment(moment) => Meaning::Moment(moment.trunc_subsecs(3), precision),
    })
}
