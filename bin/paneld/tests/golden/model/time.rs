//! Days, windows and buckets of a zone, the simple way: by looking at what its clock shows.

use std::{cell::RefCell, collections::HashMap};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Timelike, Utc};
use chrono_tz::Tz;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// Clocks are changed at moments that are whole quarters of an hour in UTC.
const QUARTER: i64 = 15 * MINUTE;
const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A stretch of time: milliseconds since 1970, the end left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Window {
    pub(crate) const ALL: Self = Self {
        start: i64::MIN,
        end: i64::MAX,
    };

    pub(crate) fn has(&self, at: i64) -> bool {
        (self.start..self.end).contains(&at)
    }
}

/// The clock of a zone.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    zone: Tz,
    days: RefCell<HashMap<NaiveDate, i64>>,
}

/// What a caller says about time, as it stands in the query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) range: Option<String>,
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
}

/// What counts where a caller says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// As with the range `7d`.
    SevenDays,
    /// From the begin of the day 30 days ago up to now.
    ThirtyDaysToNow,
    /// As with the range `30d`.
    ThirtyDays,
    /// All there is.
    Everything,
}

pub(crate) fn utc(at: i64) -> NaiveDateTime {
    DateTime::from_timestamp_millis(at).unwrap().naive_utc()
}

fn ms(shown: NaiveDateTime) -> i64 {
    shown.and_utc().timestamp_millis()
}

impl Clock {
    pub(crate) fn of(zone: &str) -> Self {
        Self {
            zone: zone.parse().unwrap(),
            days: RefCell::default(),
        }
    }

    /// What it shows.
    pub(crate) fn shows(&self, at: i64) -> NaiveDateTime {
        let moment = DateTime::<Utc>::from_timestamp_millis(at).unwrap();
        moment.with_timezone(&self.zone).naive_local()
    }

    pub(crate) fn day(&self, at: i64) -> NaiveDate {
        self.shows(at).date()
    }

    /// The first moment at which it shows this time or a later one.
    fn first(&self, shown: NaiveDateTime) -> i64 {
        let as_utc = ms(shown);
        let into_quarter = as_utc.rem_euclid(QUARTER);
        // The same minute of the first quarter of an hour that shows at least the wanted one.
        let mut at = as_utc - into_quarter - 15 * HOUR;
        let quarter = utc(as_utc - into_quarter);
        while self.shows(at) < quarter {
            at += QUARTER;
        }
        // Where the clock skipped it, the gap ends here.
        if self.shows(at) == quarter {
            at + into_quarter
        } else {
            at
        }
    }

    /// The last moment at which it shows this time, if there is one.
    fn last(&self, shown: NaiveDateTime) -> Option<i64> {
        let as_utc = ms(shown);
        let mut at = as_utc + 15 * HOUR;
        while at > as_utc - 15 * HOUR {
            if self.shows(at) == shown {
                return Some(at);
            }
            at -= QUARTER;
        }
        None
    }

    /// When a day begins.
    pub(crate) fn day_start(&self, day: NaiveDate) -> i64 {
        if let Some(&start) = self.days.borrow().get(&day) {
            return start;
        }
        let start = self.first(day.into());
        self.days.borrow_mut().insert(day, start);
        start
    }

    /// The window that is meant.
    pub(crate) fn window(&self, asked: &Asked, now: i64, unsaid: Unsaid) -> Window {
        let today = self.day(now);
        let named = match (&asked.range, unsaid) {
            (Some(range), _) => self.range(range, now),
            (None, Unsaid::SevenDays) => self.range("7d", now),
            (None, Unsaid::ThirtyDays) => self.range("30d", now),
            (None, Unsaid::ThirtyDaysToNow) => Window {
                start: self.day_start(today - Days::new(30)),
                end: now + 1,
            },
            (None, Unsaid::Everything) => Window::ALL,
        };
        let start = match &asked.start {
            Some(text) => self.start(text),
            None => named.start,
        };
        let is_open = asked.range.is_none() && unsaid == Unsaid::Everything;
        let end = match (&asked.start, &asked.end) {
            (_, Some(text)) => self.end(text, start),
            (Some(_), None) if !is_open => now + 1,
            _ => named.end,
        };
        Window { start, end }
    }

    fn start(&self, text: &str) -> i64 {
        match read(text) {
            Read::Day(day) => self.day_start(day),
            Read::Shown(shown, _) => self.first(shown),
            Read::Moment(at, _) => at,
        }
    }

    fn end(&self, text: &str, start: i64) -> i64 {
        let (at, unit) = match read(text) {
            Read::Day(day) => return self.day_start(day + Days::new(1)),
            Read::Moment(at, unit) => (at, unit),
            Read::Shown(shown, unit) => match self.last(shown) {
                Some(at) => (at, unit),
                None => return self.first(shown),
            },
        };
        let is_midnight = at == self.day_start(self.day(at));
        if is_midnight && at > start {
            at
        } else {
            at + unit
        }
    }

    fn range(&self, name: &str, now: i64) -> Window {
        let today = self.day(now);
        let tomorrow = today + Days::new(1);
        let month = today.with_day(1).unwrap();
        let year = month.with_month(1).unwrap();
        let minute = now - now.rem_euclid(MINUTE);
        let minutes = |count: i64| Window {
            start: minute - count * MINUTE,
            end: minute + MINUTE,
        };
        let days = |from, to| Window {
            start: self.day_start(from),
            end: self.day_start(to),
        };
        match name {
            "30min" => minutes(30),
            "lastHour" => minutes(60),
            "last24h" => minutes(24 * 60),
            "today" => days(today, tomorrow),
            "yesterday" => days(today - Days::new(1), today),
            "7d" => days(today - Days::new(7), tomorrow),
            "30d" | "custom" => days(today - Days::new(30), tomorrow),
            "3m" => days(today - Months::new(3), tomorrow),
            "6m" => days(today - Months::new(6), tomorrow),
            "12m" => days(month - Months::new(12), month + Months::new(1)),
            "monthToDate" => days(month, tomorrow),
            "lastMonth" => days(month - Months::new(1), month),
            "yearToDate" => days(year, tomorrow),
            "lastYear" => days(year - Months::new(12), year),
            other => panic!("there is no range {other}"),
        }
    }

    /// The interval that suits a window of `/metrics`.
    pub(crate) fn suited(&self, window: Window) -> &'static str {
        let (first, last) = (self.shows(window.start), self.shows(window.end - 1));
        if first.date() == last.date() {
            return "hour";
        }
        match (last - first).num_days() {
            ..=92 => "day",
            93..=186 => "week",
            _ => "month",
        }
    }

    /// What the clock shows where the bucket of a moment begins.
    pub(crate) fn bucket(&self, at: i64, interval: &str) -> NaiveDateTime {
        let shown = self.shows(at);
        let date = shown.date();
        match interval {
            "minute" => date.and_hms_opt(shown.hour(), shown.minute(), 0).unwrap(),
            "hour" => date.and_hms_opt(shown.hour(), 0, 0).unwrap(),
            "day" => date.into(),
            "week" => monday(date).into(),
            "month" => date.with_day(1).unwrap().into(),
            other => panic!("there is no interval {other}"),
        }
    }

    /// All buckets that a window touches, in order.
    pub(crate) fn buckets(&self, window: Window, interval: &str) -> Vec<NaiveDateTime> {
        let (first, last) = (self.day(window.start), self.day(window.end - 1));
        if matches!(interval, "day" | "week" | "month") {
            let days = first.iter_days().take_while(|day| *day <= last);
            // Not those that the zone skipped.
            let days = days.filter(|day| self.day(self.day_start(*day)) == *day);
            let buckets = days.map(|day| self.bucket(self.day_start(day), interval));
            let mut buckets = buckets.collect::<Vec<_>>();
            buckets.dedup();
            return buckets;
        }
        let step = if interval == "minute" {
            MINUTE
        } else {
            QUARTER
        };
        let mut at = window.start;
        let mut buckets = Vec::new();
        while at < window.end {
            buckets.push(self.bucket(at, interval));
            at = at - at.rem_euclid(step) + step;
        }
        buckets.sort_unstable();
        buckets.dedup();
        buckets
    }

    /// The two ends as `/overview` tells them.
    pub(crate) fn echo(&self, asked: &Asked, window: Window) -> (String, String) {
        let is_range = asked.range.is_some() && asked.start.is_none();
        let print = |shown: NaiveDateTime| shown.format("%Y-%m-%d %H:%M:%S").to_string();
        let (start, end) = if is_range {
            let ends_in_second = matches!(
                asked.range.as_deref().unwrap(),
                "30min" | "lastHour" | "last24h" | "today" | "yesterday" | "lastYear"
            );
            let last = window.end - if ends_in_second { SECOND } else { 0 };
            (print(self.shows(window.start)), print(self.shows(last)))
        } else {
            let day = |at| self.day(at).to_string();
            (day(window.start), day(window.end - 1))
        };
        (
            asked.start.clone().unwrap_or(start),
            asked.end.clone().unwrap_or(end),
        )
    }
}

pub(crate) fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(day.weekday().num_days_from_monday().into())
}

/// A date or a time as callers write it. A time comes with the length of what it names.
enum Read {
    Day(NaiveDate),
    Shown(NaiveDateTime, i64),
    Moment(i64, i64),
}

fn read(text: &str) -> Read {
    if let Ok(day) = text.parse() {
        return Read::Day(day);
    }
    let text = text.replacen(' ', "T", 1);
    let unit = if text.contains('.') { 1 } else { SECOND };
    match DateTime::parse_from_rfc3339(&text) {
        Ok(moment) => Read::Moment(moment.timestamp_millis(), unit),
        Err(_has_no_offset) => Read::Shown(text.parse().unwrap(), unit),
    }
}

/// The buckets of Insights: wall-clock time, printed as if it were UTC.
pub(crate) fn as_if_utc(bucket: NaiveDateTime) -> String {
    bucket.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// The buckets of charts.
pub(crate) fn for_charts(bucket: NaiveDateTime, interval: &str) -> String {
    let format = match interval {
        "week" | "month" => "%Y-%m-%d",
        _ => "%Y-%m-%d %H:%M:%S",
    };
    bucket.format(format).to_string()
}

/// As times are stored: in UTC, without saying so.
pub(crate) fn stored(at: i64) -> String {
    utc(at).format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}
