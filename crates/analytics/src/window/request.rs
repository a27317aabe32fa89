//! From what a caller says of the time of its question to a window.

use chrono::NaiveDateTime;
use paneld_domain::{Timestamp, Zone};

use super::{Bound, DateText, SECOND, Window, WindowProblem, just_after};
use crate::{
    range::{Range, days_before},
    zone::WallClock,
};

/// What a caller says about time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowRequest {
    /// A range with a name, counted from now.
    pub range: Option<Range>,
    /// The start of the window, as the caller wrote it.
    pub start: Option<DateText>,
    /// The end of the window, as the caller wrote it.
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
