//! Time in equal parts, for series: `docs/contract/insights.md` §3.4 and §3.5.
//!
//! A bucket is what the clock of the zone makes of it. Days of 23 and 25 hours are one bucket
//! each. Hours and minutes that the clock shows twice are one bucket with one label, made of two
//! spans; those that it skips are no bucket. So labels are unique and ascending, and the spans
//! share out the window without gaps or overlap.

use std::{fmt, str::FromStr};

use chrono::{
    Datelike, Days, DurationRound, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
};
use paneld_domain::{InvalidValue, Timestamp, Zone};

use crate::{
    range::{days_before, first_of_month},
    window::Window,
    zone::WallClock,
};

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interval {
    /// One minute of the wall clock.
    Minute,
    /// One hour of the wall clock.
    Hour,
    /// One calendar day of the zone.
    Day,
    /// One week of the zone, from Monday to Sunday.
    Week,
    /// One calendar month of the zone.
    Month,
}

impl Interval {
    /// Every interval, from the shortest to the longest.
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The interval that suits a window: hours within a day, days up to about three months,
    /// weeks up to about six, else months.
    pub fn suited_to(window: &Window, zone: Zone) -> Self {
        let clock = WallClock::of(zone);
        if clock.day_of(window.start) == clock.day_of(window.last()) {
            return Self::Hour;
        }
        let length = clock.at(window.last()) - clock.at(window.start);
        match length.num_days() {
            ..=92 => Self::Day,
            93..=186 => Self::Week,
            _ => Self::Month,
        }
    }

    /// The first day of the bucket in which a day lies.
    fn first_day(self, date: NaiveDate) -> NaiveDate {
        match self {
            Self::Minute | Self::Hour | Self::Day => date,
            Self::Week => days_before(date, date.weekday().num_days_from_monday().into()),
            Self::Month => first_of_month(date),
        }
    }

    /// The first day of the bucket after the one that begins with this day.
    fn next_first_day(self, date: NaiveDate) -> NaiveDate {
        let next = match self {
            Self::Minute | Self::Hour | Self::Day => date.succ_opt(),
            Self::Week => date.checked_add_days(Days::new(7)),
            Self::Month => date.checked_add_months(Months::new(1)),
        };
        next.unwrap_or(NaiveDate::MAX)
    }
}

impl FromStr for Interval {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let interval = Self::ALL.into_iter().find(|known| known.name() == text);
        interval.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            InvalidValue::new(format!("must be one of {names}"))
        })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the clock shows where a bucket begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(NaiveDateTime);

impl Label {
    /// The label of the bucket that begins when the clock shows this.
    pub fn new(wall: NaiveDateTime) -> Self {
        Self(wall)
    }

    /// The time on the zone's wall clock where the bucket begins.
    pub fn wall_clock(self) -> NaiveDateTime {
        self.0
    }

    /// As Insights prints it: the zone's wall-clock time as if it were UTC. Dashboards depend on
    /// that.
    pub fn as_if_utc(self) -> String {
        self.0.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
    }

    /// As charts print it: a date for weeks and months, else a time without offset.
    pub fn for_charts(self, interval: Interval) -> String {
        let format = match interval {
            Interval::Minute | Interval::Hour | Interval::Day => "%Y-%m-%d %H:%M:%S",
            Interval::Week | Interval::Month => "%Y-%m-%d",
        };
        self.0.format(format).to_string()
    }
}

/// A part of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Its first moment, which may lie before the window.
    pub start: Timestamp,
    /// The name of the bucket: the wall clock at which it begins.
    pub label: Label,
}

/// Time that belongs to one bucket. It ends where the next span begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment that belongs to the bucket.
    pub start: Timestamp,
    /// The place of its bucket in the list.
    pub bucket: usize,
}

/// A window cut into buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    window: Window,
    buckets: Vec<Bucket>,
    spans: Vec<Span>,
}

impl Buckets {
    /// More are not made: no chart can show them.
    pub const MOST: usize = 10_000;

    /// Cuts a window: from the bucket in which it starts up to the last that begins before its
    /// end.
    ///
    /// # Errors
    /// When there would be more than [`Buckets::MOST`].
    pub fn new(window: Window, interval: Interval, zone: Zone) -> Result<Self, InvalidValue> {
        let clock = WallClock::of(zone);
        let starts: Vec<_> = match interval {
            Interval::Minute => clock_spans(window, TimeDelta::minutes(1), clock)
                .take(Self::MOST + 1)
                .collect(),
            Interval::Hour => clock_spans(window, TimeDelta::hours(1), clock)
                .take(Self::MOST + 1)
                .collect(),
            Interval::Day | Interval::Week | Interval::Month => {
                calendar_spans(window, interval, clock)
                    .take(Self::MOST + 1)
                    .collect()
            }
        };
        if starts.len() > Self::MOST {
            return Err(InvalidValue::new(format!(
                "makes more than {} points in this window",
                Self::MOST
            )));
        }
        Ok(Self::of(window, &starts))
    }

    /// The days of a window; of more than [`Buckets::MOST`] the first.
    pub fn days(window: Window, zone: Zone) -> Self {
        Self::first_of(window, Interval::Day, zone)
    }

    /// The weeks of a window; of more than [`Buckets::MOST`] the first.
    pub fn weeks(window: Window, zone: Zone) -> Self {
        Self::first_of(window, Interval::Week, zone)
    }

    fn first_of(window: Window, interval: Interval, zone: Zone) -> Self {
        let starts = calendar_spans(window, interval, WallClock::of(zone));
        Self::of(window, &starts.take(Self::MOST).collect::<Vec<_>>())
    }

    fn of(window: Window, starts: &[Bucket]) -> Self {
        let mut buckets = starts.to_vec();
        // Stable, so that of two spans with one label the earlier gives the bucket its start.
        buckets.sort_by_key(|bucket| bucket.label);
        buckets.dedup_by_key(|bucket| bucket.label);
        let place = |label| buckets.partition_point(|bucket| bucket.label < label);
        let mut spans: Vec<_> = starts
            .iter()
            .map(|part| Span {
                start: part.start,
                bucket: place(part.label),
            })
            .collect();
        spans.dedup_by_key(|span| span.bucket);
        Self {
            window,
            buckets,
            spans,
        }
    }

    /// The window that was cut.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The buckets of the window, in order of time.
    pub fn list(&self) -> &[Bucket] {
        &self.buckets
    }

    /// How many there are: never none.
    pub fn count(&self) -> usize {
        self.buckets.len()
    }

    /// The place of the first bucket that an answer shows. Gaps are filled in the whole window;
    /// but where that begins with time itself, only from the first bucket on in which there is
    /// something.
    pub(crate) fn first_to_show(&self, has_something: impl Fn(usize) -> bool) -> usize {
        if !self.window.is_from_the_beginning() {
            return 0;
        }
        (0..self.count())
            .find(|&place| has_something(place))
            .unwrap_or(0)
    }

    /// Which time belongs to which bucket, in the order of time. There are more spans than
    /// buckets only where a clock was put back.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The place in the list of the bucket to which a moment belongs; `None` outside the window.
    pub fn bucket_of(&self, moment: Timestamp) -> Option<usize> {
        if !self.window.contains(moment) {
            return None;
        }
        let after = self.spans.partition_point(|span| span.start <= moment);
        let span = self.spans.get(after.checked_sub(1)?)?;
        Some(span.bucket)
    }
}

/// Minutes or hours: whatever the clock shows.
fn clock_spans(window: Window, unit: TimeDelta, clock: WallClock) -> impl Iterator<Item = Bucket> {
    let label_at = move |moment| {
        let shown = clock.at(moment);
        (shown.duration_trunc(unit).unwrap_or(shown), shown)
    };
    let (label, shown) = label_at(window.start);
    let full_start = window.start - (shown - label);
    let first = clock
        .change_between(full_start, window.start)
        .unwrap_or(full_start);
    let next = move |start: &Timestamp| {
        let (label, shown) = label_at(*start);
        let full_end = *start + (label + unit - shown);
        Some(clock.change_between(*start, full_end).unwrap_or(full_end))
    };
    std::iter::successors(Some(first), next)
        .take_while(move |&start| start < window.end)
        .map(move |start| Bucket {
            start,
            label: Label(label_at(start).0),
        })
}

/// Days, weeks or months: from the beginning of one day to that of another.
fn calendar_spans(
    window: Window,
    interval: Interval,
    clock: WallClock,
) -> impl Iterator<Item = Bucket> {
    let first = interval.first_day(clock.day_of(window.start));
    let next = move |date: &NaiveDate| Some(interval.next_first_day(*date));
    std::iter::successors(Some(first), next)
        .take_while(move |&date| clock.day_start(date) < window.end)
        // A day that the zone skipped is no bucket.
        .filter(move |&date| clock.day_start(date) < clock.day_start(interval.next_first_day(date)))
        .map(move |date| Bucket {
            start: clock.day_start(date),
            label: Label(date.and_time(NaiveTime::MIN)),
        })
}

#[cfg(test)]
mod tests;
