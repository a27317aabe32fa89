//! Time: where it comes from, and how it is read from text.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Utc};

use crate::InvalidValue;

/// A moment in UTC, cut to microseconds where it is made: that is what every catalog keeps.
pub type Timestamp = DateTime<Utc>;

/// Where the time comes from: the system, or a test that sets it.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { origin: Instant },
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system for the time"
    )]
    pub fn system() -> Self {
        Self(Source::System {
            origin: Instant::now(),
        })
    }

    /// The current moment, in whole microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system for the time"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => Utc::now().trunc_subsecs(6),
            Source::Manual(micros) => from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Time since some fixed moment, which never goes back: for ages and rates.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { origin } => origin.elapsed(),
            Source::Manual(micros) => {
                Duration::from_micros(micros.load(Ordering::SeqCst).unsigned_abs())
            }
        }
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows this moment.
    pub fn starting_at(moment: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(moment.timestamp_micros())))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// The [`Clock`] to hand to what is tested.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(Arc::clone(&self.0)))
    }
}

fn from_micros(micros: i64) -> Timestamp {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Reads an ISO 8601 date-time with `Z` or an offset. Without an offset, and for a date only,
/// it is UTC.
///
/// # Errors
/// When the text is anything else, or names a moment outside the years 1 to 9999.
pub fn parse_timestamp(text: &str) -> Result<Timestamp, InvalidValue> {
    let wrong =
        || InvalidValue::new("must be an ISO 8601 date-time, such as 2024-01-15T10:00:00.000Z");
    let moment = with_offset(text)
        .or_else(|| without_offset(text))
        .ok_or_else(wrong)?;
    let years = NaiveDate::from_ymd_opt(1, 1, 1)..=NaiveDate::from_ymd_opt(9999, 12, 31);
    if !years.contains(&Some(moment.date_naive())) {
        return Err(wrong());
    }
    Ok(moment.trunc_subsecs(6))
}

fn with_offset(text: &str) -> Option<Timestamp> {
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"]
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .filter(|_| is_iso_shaped(text))
        .map(|moment| moment.to_utc())
}

fn without_offset(text: &str) -> Option<Timestamp> {
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.and_time(NaiveTime::MIN))
        })
        .filter(|_| is_iso_shaped(text))
        .map(|moment| moment.and_utc())
}

/// Chrono takes short and signed numbers and blanks between the parts, and a leap second; ISO
/// 8601 has four digits, then two and two, and the year's own calendar has no 61st second.
fn is_iso_shaped(text: &str) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let digits = text
        .bytes()
        .zip(shape)
        .all(|(byte, &expected)| match expected {
            b'd' => byte.is_ascii_digit(),
            // An offset may follow the minutes.
            b':' => matches!(byte, b':' | b'Z' | b'z' | b'+' | b'-') || byte.is_ascii_digit(),
            literal => byte == literal,
        });
    digits && !text.contains(char::is_whitespace) && text.get(17..19) != Some("60")
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    fn read(text: &str) -> Option<String> {
        parse_timestamp(text)
            .ok()
            .map(|moment| moment.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    #[test]
    fn iso_8601_is_read_as_utc_unless_it_says_otherwise() {
        for (text, expected) in [
            ("2024-01-15T10:00:00.000Z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00:00Z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00Z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00+01:00", "2024-01-15T09:00:00.000000Z"),
            ("2024-01-15T10:00:00+02:00", "2024-01-15T08:00:00.000000Z"),
            ("2024-01-15T10:00:00-0330", "2024-01-15T13:30:00.000000Z"),
            ("2024-01-15T10:00:00", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15", "2024-01-15T00:00:00.000000Z"),
            (
                "2024-01-15T10:00:00.1234567Z",
                "2024-01-15T10:00:00.123456Z",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "now",
            "2024",
            "2024-13-01",
            "2024-02-30",
            "24-01-15",
            "2024-1-5",
            "+2024-01-15",
            "15/01/2024",
            "2024-01-15 10:00:00",
            "2024-01-15T10:00:00 Z",
            "2024-01-15T25:00:00Z",
            "2024-12-31T23:59:60Z",
            "2024-01-15T10:00:00Zgarbage",
            "0000-01-01",
            "99999-01-01",
            "1705312800",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let time = ManualClock::starting_at(DateTime::UNIX_EPOCH);
        let clock = time.clock();
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        time.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().timestamp_millis(), 1500);
        assert_eq!(clock.elapsed(), Duration::from_millis(1500));
    }
}
