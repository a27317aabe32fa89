//! When something happened: `contract/track.md` §5.1.

use paneld_domain::{Timestamp, parse_timestamp};
use serde_json::Value as Json;

/// How far the clock of a visitor's device may be ahead of ours, in milliseconds.
const AHEAD_MS: i64 = 60_000;
/// How long ago something may have happened, in milliseconds, to belong to a session still.
pub(crate) const LIVE_MS: i64 = 15 * 60_000;

/// When an event happened, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Whether that is so long ago that the event belongs to no session.
    pub is_past: bool,
}

impl Moment {
    /// What the caller says, ISO 8601 or milliseconds since 1970, as far as it can be true; else
    /// the arrival of the request. What cannot be read is no reason to refuse an event.
    pub fn of_event(told: Option<&Json>, arrival: Timestamp) -> Self {
        let arrival_ms = arrival.timestamp_millis();
        let told_ms = told
            .and_then(read)
            .filter(|&ms| ms <= arrival_ms + AHEAD_MS);
        let ms = told_ms.unwrap_or(arrival_ms);
        Self {
            at: Timestamp::from_timestamp_millis(ms).unwrap_or(arrival),
            is_past: ms < arrival_ms - LIVE_MS,
        }
    }
}

/// In milliseconds since 1970. Zero is how SDKs say that they do not know.
fn read(told: &Json) -> Option<i64> {
    let moment = match told {
        Json::String(text) => parse_timestamp(text.trim()).ok()?,
        Json::Number(number) => {
            let ms = number.as_i64().or_else(|| whole(number.as_f64()?))?;
            moment_of_millis(ms)?
        }
        _ => return None,
    };
    Some(moment.timestamp_millis()).filter(|&ms| ms != 0)
}

/// Only what an ISO 8601 text can say as well.
pub(crate) fn moment_of_millis(ms: i64) -> Option<Timestamp> {
    Timestamp::from_timestamp_millis(ms).filter(is_representable)
}

fn is_representable(moment: &Timestamp) -> bool {
    parse_timestamp(&moment.to_rfc3339()).is_ok()
}

/// Fractions of a millisecond are cut off.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is out of range saturates, and is no moment then"
)]
fn whole(number: f64) -> Option<i64> {
    number.is_finite().then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn arrival() -> Timestamp {
        parse_timestamp("2026-08-01T12:00:00.123456Z").unwrap()
    }

    fn of(told: Json) -> (String, bool) {
        let moment = Moment::of_event(Some(&told), arrival());
        (moment.at.to_rfc3339(), moment.is_past)
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
                json!("2026-08-01T11:55:00Z"),
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
            (json!(-1), "1969-12-31T23:59:59.999+00:00", true),
        ] {
            assert_eq!(of(told.clone()), (at.to_owned(), is_past), "{told}");
        }
    }

    #[test]
    fn anything_else_happened_when_it_arrived() {
        for told in [
            json!("2026-08-01T12:05:00Z"),
            json!("garbage"),
            json!("1785585300007"),
            json!(""),
            json!(null),
            json!(0),
            json!(true),
            json!({"at": 1}),
            json!(1e300),
            json!(i64::MIN),
            json!(u64::MAX),
            json!("0000-01-01T00:00:00Z"),
        ] {
            let expected = ("2026-08-01T12:00:00.123+00:00".to_owned(), false);
            assert_eq!(of(told.clone()), expected, "{told}");
        }
        let untold = Moment::of_event(None, arrival());
        assert_eq!(untold.at.timestamp_millis(), arrival().timestamp_millis());
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
            let moment = Moment::of_event(Some(&json!(told)), arrival());
            assert_eq!(
                (moment.at.timestamp_millis(), moment.is_past),
                (kept, is_past)
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_happens_later_than_a_minute_after_it_arrived(told in any::<f64>()) {
            let moment = Moment::of_event(Some(&json!(told)), arrival());
            let ahead = moment.at.timestamp_millis() - arrival().timestamp_millis();
            prop_assert!(ahead <= AHEAD_MS);
        }
    }
}
