//! Stretches of time with names: `docs/contract/insights.md` §3.2.

use std::{fmt, str::FromStr};

use chrono::{Datelike, Days, DurationRound, Months, NaiveDate, TimeDelta};
use paneld_domain::{InvalidValue, Timestamp};

use crate::{window::Window, zone::WallClock};

/// A stretch of time with a name, counted from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range {
    /// The last 30 minutes, and the one that runs.
    ThirtyMinutes,
    /// The last 60 minutes, and the one that runs.
    LastHour,
    /// The last 24 hours, and the minute that runs.
    LastDay,
    /// The current day, to its end.
    Today,
    /// The day before the current one.
    Yesterday,
    /// The last 7 days, and today.
    SevenDays,
    /// The last 30 days, and today.
    ThirtyDays,
    /// From the same day three months ago until today.
    ThreeMonths,
    /// From the same day six months ago until today.
    SixMonths,
    /// The last 12 months, and the one that runs.
    TwelveMonths,
    /// From the first of this month until today.
    MonthToDate,
    /// The calendar month before the current one.
    LastMonth,
    /// From the first of this year until today.
    YearToDate,
    /// The calendar year before the current one.
    LastYear,
    /// Meant to stand beside two dates; alone it is [`Range::ThirtyDays`].
    Custom,
}

impl Range {
    /// Every range, in the order in which they are documented.
    pub const ALL: [Self; 15] = [
        Self::ThirtyMinutes,
        Self::LastHour,
        Self::LastDay,
        Self::Today,
        Self::Yesterday,
        Self::SevenDays,
        Self::ThirtyDays,
        Self::ThreeMonths,
        Self::SixMonths,
        Self::TwelveMonths,
        Self::MonthToDate,
        Self::LastMonth,
        Self::YearToDate,
        Self::LastYear,
        Self::Custom,
    ];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThirtyMinutes => "30min",
            Self::LastHour => "lastHour",
            Self::LastDay => "last24h",
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::SevenDays => "7d",
            Self::ThirtyDays => "30d",
            Self::ThreeMonths => "3m",
            Self::SixMonths => "6m",
            Self::TwelveMonths => "12m",
            Self::MonthToDate => "monthToDate",
            Self::LastMonth => "lastMonth",
            Self::YearToDate => "yearToDate",
            Self::LastYear => "lastYear",
            Self::Custom => "custom",
        }
    }

    /// From when to when it is, for someone who asks now.
    pub(crate) fn window(self, clock: WallClock, now: Timestamp) -> Window {
        let today = clock.day_of(now);
        let days = |start: NaiveDate, end: NaiveDate| Window {
            start: clock.day_start(start),
            end: clock.day_start(end),
        };
        let until_today = |start| days(start, next_day(today));
        let this_month = first_of_month(today);
        let this_year = first_of_year(today);
        match self {
            Self::ThirtyMinutes => last_minutes(now, 30),
            Self::LastHour => last_minutes(now, 60),
            Self::LastDay => last_minutes(now, 24 * 60),
            Self::Today => until_today(today),
            Self::Yesterday => yesterday(clock, today),
            Self::SevenDays => until_today(days_before(today, 7)),
            Self::ThirtyDays | Self::Custom => until_today(days_before(today, 30)),
            Self::ThreeMonths => until_today(months_before(today, 3)),
            Self::SixMonths => until_today(months_before(today, 6)),
            Self::TwelveMonths => days(months_before(this_month, 12), months_after(this_month, 1)),
            Self::MonthToDate => until_today(this_month),
            Self::LastMonth => days(months_before(this_month, 1), this_month),
            Self::YearToDate => until_today(this_year),
            Self::LastYear => days(months_before(this_year, 12), this_year),
        }
    }

    /// Whether the public server gives its end as the last second, not as the midnight after it.
    pub(crate) fn ends_with_a_second(self) -> bool {
        matches!(
            self,
            Self::ThirtyMinutes
                | Self::LastHour
                | Self::LastDay
                | Self::Today
                | Self::Yesterday
                | Self::LastYear
        )
    }
}

impl FromStr for Range {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = Self::ALL.into_iter().find(|range| range.name() == text);
        range.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            InvalidValue::new(format!("must be one of {names}"))
        })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Zones differ by whole minutes, so a minute needs no clock.
fn last_minutes(now: Timestamp, minutes: i64) -> Window {
    let minute = TimeDelta::minutes(1);
    let this_minute = now.duration_trunc(minute).unwrap_or(now);
    Window {
        start: this_minute - TimeDelta::minutes(minutes),
        end: this_minute + minute,
    }
}

/// Where the zone skipped the day before, yesterday is the day before that.
fn yesterday(clock: WallClock, today: NaiveDate) -> Window {
    let end = clock.day_start(today);
    let start = clock.day_start(days_before(today, 1));
    let start = if start < end {
        start
    } else {
        clock.day_start(days_before(today, 2))
    };
    Window { start, end }
}

pub(crate) fn next_day(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(NaiveDate::MAX)
}

pub(crate) fn days_before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days))
        .unwrap_or(NaiveDate::MIN)
}

/// The same day of an earlier month, or its last day where it has no such day.
fn months_before(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_sub_months(Months::new(months))
        .unwrap_or(NaiveDate::MIN)
}

fn months_after(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_add_months(Months::new(months))
        .unwrap_or(NaiveDate::MAX)
}

pub(crate) fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

fn first_of_year(date: NaiveDate) -> NaiveDate {
    date.with_ordinal(1).unwrap_or(date)
}
