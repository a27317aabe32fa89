//! When something happened: `docs/contract/track.md` §5.1.

use std::ops::RangeInclusive;

use chrono::TimeDelta;
use paneld_domain::{Event, Timestamp, parse_timestamp};
use serde_json::Value as Json;

/// How far the clock of a visitor's device may be ahead of ours, in milliseconds.
const AHEAD_MS: i64 = 60_000;
/// How far what is imported may lie ahead: its times may be those of another zone.
const IMPORT_AHEAD: TimeDelta = TimeDelta::days(1);
/// How long ago something may have happened, in milliseconds, to belong to a session still.
pub(crate) const LIVE_MS: i64 = 15 * 60_000;
/// The beginning of the year 2001, in milliseconds. Numbers below are seconds.
const LEAST_MS: f64 = 978_307_200_000.0;

/// When an event happened, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// The time at which it happened.
    pub at: Timestamp,
    /// Whether that is so long ago that the event belongs to no session.
    pub is_past: bool,
    /// Why it is the arrival, although the caller told another time.
    pub disbelief: Option<Disbelief>,
}

/// Why a time that was told cannot be that of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disbelief {
    /// The text is no time in any known form.
    Unreadable,
    /// The time lies before [`Event::earliest`].
    TooEarly,
    /// It lies in the future.
    TooLate,
}

impl Disbelief {
    /// The name by which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::TooEarly => "too_early",
            Self::TooLate => "too_late",
        }
    }
}

impl EventTime {
    /// What the caller says, as far as it can be true; else the arrival of the request. What
    /// cannot be read is no reason to refuse an event.
    pub fn of_event(told: Option<&Json>, arrival: Timestamp) -> Self {
        let arrival_ms = arrival.timestamp_millis();
        let believed = Event::earliest().timestamp_millis()..=arrival_ms + AHEAD_MS;
        let (ms, disbelief) = match told.filter(|told| !is_absent(told)).map(read) {
            None => (arrival_ms, None),
            Some(None) => (arrival_ms, Some(Disbelief::Unreadable)),
            Some(Some(ms)) if ms < *believed.start() => (arrival_ms, Some(Disbelief::TooEarly)),
            Some(Some(ms)) if ms > *believed.end() => (arrival_ms, Some(Disbelief::TooLate)),
            Some(Some(ms)) => (ms, None),
        };
        Self {
            at: Timestamp::from_timestamp_millis(ms).unwrap_or(arrival),
            is_past: ms < arrival_ms - LIVE_MS,
            disbelief,
        }
    }
}

/// When something may have happened that is imported now.
pub(crate) fn importable(now: Timestamp) -> RangeInclusive<Timestamp> {
    Event::earliest()..=now + IMPORT_AHEAD
}

/// Whether nothing is told.
fn is_absent(told: &Json) -> bool {
    told.is_null() || told.as_str().is_some_and(|text| text.trim().is_empty())
}

/// What a caller says of a time, in milliseconds since 1970: a text, or a number of milliseconds;
/// of seconds, where milliseconds would lie before 2001.
pub(crate) fn read(told: &Json) -> Option<i64> {
    let moment = match told {
        Json::String(text) => parse_timestamp(text.trim()).ok()?,
        Json::Number(number) => {
            let number = number.as_f64()?;
            let ms = if number < LEAST_MS {
                number * 1_000.0
            } else {
                number
            };
            moment_of_millis(ms)?
        }
        _ => return None,
    };
    Some(moment.timestamp_millis())
}

/// Only what a text can say as well. Fractions of a millisecond are cut off.
fn moment_of_millis(ms: f64) -> Option<Timestamp> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is out of range saturates, and is no moment then"
    )]
    let moment = Timestamp::from_timestamp_millis(ms as i64)?;
    parse_timestamp(&moment.to_rfc3339()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn arrival() -> Timestamp {
        parse_timestamp("2026-08-01T12:00:00.123456Z").unwrap()
    }

    fn of(told: Json) -> (String, bool, Option<Disbelief>) {
        let moment = EventTime::of_event(Some(&told), arrival());
        (moment.at.to_rfc3339(), moment.is_past, moment.disbelief)
    }

    #[test]
    fn a_moment_that_can_be_true_is_kept() {
        for (told, at, is_past) in [
            (
                json!("2026-08-01T11:40:00Z"),
                "2026-08-01T11:40:00+00:00",
                true,
            ),
            (
                json!("2026-08-01 11:55:00 +0000"),
                "2026-08-01T11:55:00+00:00",
                false,
            ),
            (
                json!("2026-08-01T14:00:30.5+02:00"),
                "2026-08-01T12:00:30.500+00:00",
                false,
            ),
            (
                json!(1_785_585_300_007_i64),
                "2026-08-01T11:55:00.007+00:00",
                false,
            ),
            (
                json!(1_785_585_300_007.9),
                "2026-08-01T11:55:00.007+00:00",
                false,
            ),
            (json!(1_785_585_300), "2026-08-01T11:55:00+00:00", false),
            (
                json!(1_785_585_300.25),
                "2026-08-01T11:55:00.250+00:00",
                false,
            ),
            (json!(946_684_800), "2000-01-01T00:00:00+00:00", true),
            (
                json!(978_307_199_999_i64),
                "2026-08-01T12:00:00.123+00:00",
                false,
            ),
            (
                json!(978_307_200_000_i64),
                "2001-01-01T00:00:00+00:00",
                true,
            ),
        ] {
            let (found, past, disbelief) = of(told.clone());
            assert_eq!((found.as_str(), past), (at, is_past), "{told}");
            let is_kept = told != json!(978_307_199_999_i64);
            assert_eq!(disbelief.is_none(), is_kept, "{told}");
        }
    }

    #[test]
    fn anything_else_happened_when_it_arrived() {
        use Disbelief::{TooEarly, TooLate, Unreadable};
        for (told, disbelief) in [
            (json!("2026-08-01T12:05:00Z"), Some(TooLate)),
            (json!("9999-12-31T23:59:59Z"), Some(TooLate)),
            (json!(1e14), Some(TooLate)),
            (json!("garbage"), Some(Unreadable)),
            (json!("1785585300007"), Some(Unreadable)),
            (json!(true), Some(Unreadable)),
            (json!({"at": 1}), Some(Unreadable)),
            (json!(1e300), Some(Unreadable)),
            (json!(i64::MIN), Some(Unreadable)),
            (json!(u64::MAX), Some(Unreadable)),
            (json!("0000-01-01T00:00:00Z"), Some(Unreadable)),
            (json!("0001-01-01T00:00:00Z"), Some(TooEarly)),
            (json!("1970-01-01T00:00:00Z"), Some(TooEarly)),
            (json!("1999-12-31T23:59:59.999Z"), Some(TooEarly)),
            (json!(946_684_799.999), Some(TooEarly)),
            (json!(0), Some(TooEarly)),
            (json!(-1), Some(TooEarly)),
            (json!(""), None),
            (json!(" "), None),
            (json!(null), None),
        ] {
            let expected = ("2026-08-01T12:00:00.123+00:00".to_owned(), false, disbelief);
            assert_eq!(of(told.clone()), expected, "{told}");
        }
        let untold = EventTime::of_event(None, arrival());
        assert_eq!(untold.at.timestamp_millis(), arrival().timestamp_millis());
        assert_eq!(untold.disbelief, None);
    }

    #[test]
    fn the_limits_belong_to_what_is_inside() {
        let ms = arrival().timestamp_millis();
        for (told, kept, is_past) in [
            (ms + AHEAD_MS, ms + AHEAD_MS, false),
            (ms + AHEAD_MS + 1, ms, false),
            (ms - LIVE_MS, ms - LIVE_MS, false),
            (ms - LIVE_MS - 1, ms - LIVE_MS - 1, true),
        ] {
            let moment = EventTime::of_event(Some(&json!(told)), arrival());
            assert_eq!(
                (moment.at.timestamp_millis(), moment.is_past),
                (kept, is_past)
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_happens_later_than_a_minute_after_it_arrived(told in any::<f64>()) {
            let moment = EventTime::of_event(Some(&json!(told)), arrival());
            let ahead = moment.at.timestamp_millis() - arrival().timestamp_millis();
            prop_assert!(ahead <= AHEAD_MS);
        }
    }
}
