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

use std::{fmt, str::FromStr};

use chrono::{DurationRound, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeDelta};
use paneld_domain::{Event, InvalidValue, TimeText, Timestamp, Zone};

use crate::{
    range::{Range, days_before, next_day},
    zone::WallClock,
};

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

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);
const SECOND: TimeDelta = TimeDelta::seconds(1);
/// So far do reports look ahead: whatever the calendar, to the end of a year that begins now.
const AHEAD: TimeDelta = TimeDelta::days(366);

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

    fn as_start(&self, clock: WallClock) -> Timestamp {
        match self.meaning {
            Meaning::Day(date) => clock.day_start(date),
            Meaning::Wall(wall, _precision) => clock.first(wall),
            Meaning::Moment(moment, _precision) => moment,
        }
    }

    /// The end of a window that begins at `start`.
    fn as_end(&self, clock: WallClock, start: Timestamp) -> Timestamp {
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
    fn is_skipped_day(&self, clock: WallClock) -> bool {
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

/// What a caller says about time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowRequest {
    /// A range by name.
    pub range: Option<Range>,
    /// From when.
    pub start: Option<DateText>,
    /// Until when.
    pub end: Option<DateText>,
}

/// What is meant when a caller says nothing about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultWindow {
    /// As if this range had been asked for.
    Range(Range),
    /// From the beginning of the day so many days ago up to now.
    DaysToNow(u32),
    /// Everything there is. A start or an end alone then bounds one side only.
    Everything,
}

impl DefaultWindow {
    /// Of `/metrics`, `/pages` and the dimensions.
    pub const SEVEN_DAYS: Self = Self::Range(Range::SevenDays);
    /// Of the other endpoints that are about a window.
    pub const THIRTY_DAYS: Self = Self::DaysToNow(30);

    fn window(self, clock: WallClock, now: Timestamp) -> Window {
        match self {
            Self::Range(range) => range.window(clock, now),
            Self::DaysToNow(days) => Window {
                start: clock.day_start(days_before(clock.day_of(now), days.into())),
                end: just_after(now),
            },
            Self::Everything => Window::everything(),
        }
    }
}

/// A window up to now takes in what happens now.
pub(crate) fn just_after(now: Timestamp) -> Timestamp {
    now.duration_trunc(MILLISECOND).unwrap_or(now) + MILLISECOND
}

/// Which end of a window is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Its start.
    Start,
    /// Its end.
    End,
}

/// Why there is no such window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WindowProblem {
    /// Which end is wrong.
    pub field: Bound,
    /// What is wrong with it: "must not be before the start".
    pub message: InvalidValue,
}

impl WindowProblem {
    fn new(field: Bound, message: &'static str) -> Self {
        Self {
            field,
            message: InvalidValue::new(message),
        }
    }
}

/// Finds the window that a caller means.
///
/// # Errors
/// When it would end before it starts, or is a single day that the zone skipped.
pub fn resolve(
    request: &WindowRequest,
    zone: Zone,
    now: Timestamp,
    default: DefaultWindow,
) -> Result<Window, WindowProblem> {
    let clock = WallClock::of(zone);
    let named = request.range.map_or_else(
        || default.window(clock, now),
        |range| range.window(clock, now),
    );
    let is_unbounded = request.range.is_none() && default == DefaultWindow::Everything;
    let start = match &request.start {
        Some(text) => text.as_start(clock),
        None => named.start,
    };
    let end = match (&request.start, &request.end) {
        (_, Some(text)) => text.as_end(clock, start),
        (Some(_), None) if !is_unbounded => just_after(now),
        (Some(_) | None, None) => named.end,
    };
    if start < end {
        return Ok(Window { start, end });
    }
    Err(why_empty(request, clock))
}

fn why_empty(request: &WindowRequest, clock: WallClock) -> WindowProblem {
    let skipped =
        |text: &Option<DateText>| text.as_ref().is_some_and(|text| text.is_skipped_day(clock));
    if request.end.is_none() {
        WindowProblem::new(Bound::Start, "must not be in the future")
    } else if skipped(&request.start) && skipped(&request.end) {
        WindowProblem::new(Bound::Start, "is a day that the time zone skipped")
    } else {
        WindowProblem::new(Bound::End, "must not be before the start")
    }
}

/// The start and the end of a window as `/overview` tells them: texts as they were sent; dates
/// where nothing was; and `YYYY-MM-DD HH:MM:SS` where a range was.
pub fn echo(request: &WindowRequest, zone: Zone, window: &Window) -> (String, String) {
    let clock = WallClock::of(zone);
    let last_second = |end: Timestamp| end - SECOND;
    let (start, end) = match (request.range, &request.start) {
        (Some(range), None) if range.ends_with_a_second() => (
            printed(clock.at(window.start)),
            printed(clock.at(last_second(window.end))),
        ),
        (Some(_), None) => (
            printed(clock.at(window.start)),
            printed(clock.at(window.end)),
        ),
        _ => (
            clock.day_of(window.start).to_string(),
            clock.day_of(window.last()).to_string(),
        ),
    };
    let sent = |text: &Option<DateText>| text.as_ref().map(DateText::to_string);
    (
        sent(&request.start).unwrap_or(start),
        sent(&request.end).unwrap_or(end),
    )
}

fn printed(wall: NaiveDateTime) -> String {
    wall.format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests;
