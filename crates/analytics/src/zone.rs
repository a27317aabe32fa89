//! From wall-clock times to instants, where clocks jump.
//!
//! A clock that is put forward leaves a gap of times that it never shows; one that is put back
//! shows some times twice.

use std::collections::BTreeSet;

use chrono::{DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::{GapInfo, Tz};
use paneld_domain::{Timestamp, Zone};

/// The clock of a zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock(Tz);

impl WallClock {
    pub(crate) fn of(zone: Zone) -> Self {
        // A zone is known to chrono-tz, or it would not be a zone.
        Self(zone.to_string().parse().unwrap_or(Tz::UTC))
    }

    /// What the clock shows.
    pub(crate) fn at(self, instant: Timestamp) -> NaiveDateTime {
        instant.with_timezone(&self.0).naive_local()
    }

    /// When the clock first shows this time; if it never does, the first moment after the gap.
    pub(crate) fn first(self, wall: NaiveDateTime) -> Timestamp {
        match self.0.from_local_datetime(&wall) {
            MappedLocalTime::Single(moment) => moment.to_utc(),
            MappedLocalTime::Ambiguous(one, other) => one.min(other).to_utc(),
            MappedLocalTime::None => self.after_gap(wall),
        }
    }

    /// When the clock last shows this time, or `None` if it never does.
    pub(crate) fn last(self, wall: NaiveDateTime) -> Option<Timestamp> {
        match self.0.from_local_datetime(&wall) {
            MappedLocalTime::Single(moment) => Some(moment.to_utc()),
            MappedLocalTime::Ambiguous(one, other) => Some(one.max(other).to_utc()),
            MappedLocalTime::None => None,
        }
    }

    /// The first moment after the gap in which this time lies.
    pub(crate) fn after_gap(self, wall: NaiveDateTime) -> Timestamp {
        GapInfo::new(&wall, &self.0)
            .and_then(|gap| gap.end)
            .map_or_else(|| wall.and_utc(), |end| end.to_utc())
    }

    /// When a day begins. Days follow one another without gaps and without overlap: a day that
    /// the zone skipped begins and ends in the same moment.
    pub(crate) fn day_start(self, date: NaiveDate) -> Timestamp {
        self.first(date.and_time(NaiveTime::MIN))
    }

    /// The day in which a moment lies.
    ///
    /// That is the date which the clock shows, but for a clock that is put back across midnight:
    /// a new day, once it has begun, goes on.
    pub(crate) fn day_of(self, instant: Timestamp) -> NaiveDate {
        let shown = self.at(instant).date();
        shown
            .succ_opt()
            .filter(|&next| self.day_start(next) <= instant)
            .unwrap_or(shown)
    }

    /// The first moment after `from`, up to and including `to`, at which the clock has been put
    /// forward or back. It is found if there is one such moment between the two.
    pub(crate) fn change_between(self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        if self.offset(from) == self.offset(to) {
            return None;
        }
        // Changes happen at whole seconds.
        let (mut before, mut after) = (from.timestamp(), to.timestamp());
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.offset(from_seconds(middle)) == self.offset(from) {
                before = middle;
            } else {
                after = middle;
            }
        }
        Some(from_seconds(after))
    }

    /// How far the clock is ahead of UTC.
    fn offset(self, instant: Timestamp) -> chrono::TimeDelta {
        self.at(instant) - instant.naive_utc()
    }
}

/// On how many days of a zone these moments lie.
pub fn count_days(moments: impl IntoIterator<Item = Timestamp>, zone: Zone) -> usize {
    let clock = WallClock::of(zone);
    let days = moments.into_iter().map(|moment| clock.day_of(moment));
    days.collect::<BTreeSet<_>>().len()
}

fn from_seconds(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
