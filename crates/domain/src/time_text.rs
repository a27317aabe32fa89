//! Dates and times as programs write them. There is one reader for everything that is sent:
//! events, imports, Manage and questions.
//!
//! It takes all of RFC 3339, with `T`, `t` or a blank before the time and `Z` or `z` for UTC; of
//! ISO 8601 also a date alone, a time without seconds or without an offset, and offsets without a
//! colon or without minutes; and what programs print by themselves: a blank before the offset
//! (`+0000`), `UTC`, or both.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, SubsecRound};

use crate::{InvalidValue, Timestamp};

/// A date or a time, as far as a text says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeText {
    /// A date alone: a whole day.
    Day(NaiveDate),
    /// A date and a time without an offset.
    Wall(NaiveDateTime),
    /// A date and a time with an offset, or in UTC.
    Moment(Timestamp),
}

impl TimeText {
    /// Reads a text; `None` when it is anything else, or outside the years 1 to 9999.
    pub fn read(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked("2024-01-15".len())?;
        let date = read_date(date)?;
        let read = if rest.is_empty() {
            Self::Day(date)
        } else {
            let rest = rest.strip_prefix(['T', 't', ' '])?;
            let is_of_clock = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.');
            let length = rest.bytes().take_while(|&byte| is_of_clock(byte)).count();
            let (clock, offset) = rest.split_at(length);
            at(date, clock, offset)?
        };
        let year = read.in_utc().year();
        (1..=9999).contains(&year).then_some(read)
    }

    /// The moment, where clocks show UTC; of a date alone, its midnight.
    pub fn in_utc(self) -> Timestamp {
        match self {
            Self::Day(date) => NaiveDateTime::from(date).and_utc(),
            Self::Wall(wall) => wall.and_utc(),
            Self::Moment(moment) => moment,
        }
    }
}

/// Reads a date-time. Without an offset, and for a date only, it is UTC.
///
/// # Errors
/// When the text is anything else, or names a moment outside the years 1 to 9999.
pub fn parse_timestamp(text: &str) -> Result<Timestamp, InvalidValue> {
    let read = TimeText::read(text).ok_or_else(|| {
        InvalidValue::new("must be an ISO 8601 date-time, such as 2024-01-15T10:00:00.000Z")
    })?;
    Ok(read.in_utc().trunc_subsecs(6))
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn read_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year = i32::try_from(digits(year, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, digits(month, 2)?, digits(day, 2)?);
    date.filter(|_| parts.next().is_none())
}

fn at(date: NaiveDate, clock: &str, offset: &str) -> Option<TimeText> {
    let (clock, nanos) = match clock.split_once('.') {
        // Only seconds have a fraction.
        Some((clock, fraction)) if clock.len() > "10:00".len() => (clock, read_fraction(fraction)?),
        Some(_) => return None,
        None => (clock, 0),
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let seconds = parts.next().map_or(Some(0), |seconds| digits(seconds, 2))?;
    if parts.next().is_some() {
        return None;
    }
    let is_leap = seconds == 60;
    let seconds = if is_leap { 59 } else { seconds };
    let wall = date.and_hms_nano_opt(hours, minutes, seconds, nanos)?;
    let read = if offset.is_empty() {
        TimeText::Wall(wall)
    } else {
        let moment = wall.and_local_timezone(read_offset(offset)?).single()?;
        TimeText::Moment(moment.to_utc())
    };
    if is_leap {
        after_leap(read)
    } else {
        Some(read)
    }
}

/// Digits beyond nanoseconds are cut off.
fn read_fraction(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{text:0<9}").get(..9)?.parse().ok()
}

/// `Z`, `+02`, `+0200`, `+02:00`; these two behind a blank; ` UTC`, also behind an offset of none.
fn read_offset(text: &str) -> Option<FixedOffset> {
    let text = match text.strip_prefix(' ') {
        None if matches!(text, "Z" | "z") => return FixedOffset::east_opt(0),
        None => text,
        Some("UTC" | "+0000 UTC") => return FixedOffset::east_opt(0),
        Some(text) => text,
    };
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_at_checked(2)?;
    let minutes = match minutes.strip_prefix(':').unwrap_or(minutes) {
        "" if minutes.is_empty() => 0,
        minutes => digits(minutes, 2)?,
    };
    let seconds = digits(hours, 2)? * 3_600 + minutes * 60;
    let seconds = i32::try_from(seconds).ok().filter(|_| minutes < 60)?;
    FixedOffset::east_opt(sign * seconds)
}

/// A leap second can only be the last of a day in UTC. Clocks like ours call it the next second.
fn after_leap(last: TimeText) -> Option<TimeText> {
    let next = DateTime::from_timestamp(last.in_utc().timestamp() + 1, 0)?;
    let is_midnight = next.timestamp().rem_euclid(86_400) == 0;
    let next = match last {
        TimeText::Moment(_) => TimeText::Moment(next),
        TimeText::Day(_) | TimeText::Wall(_) => TimeText::Wall(next.naive_utc()),
    };
    is_midnight.then_some(next)
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        parse_timestamp(text)
            .ok()
            .map(|moment| moment.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    #[test]
    fn what_programs_write_is_read_as_utc_unless_it_says_otherwise() {
        for (text, expected) in [
            ("2024-01-15T10:00:00.000Z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00:00Z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15t10:00:00z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15 10:00:00Z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15 10:00:00", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15 10:00:00.5", "2024-01-15T10:00:00.500000Z"),
            ("2024-01-15 10:00:00 UTC", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15 10:00:00 +0000", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15 10:00:00 -0330", "2024-01-15T13:30:00.000000Z"),
            ("2024-01-15 12:00:00 +02:00", "2024-01-15T10:00:00.000000Z"),
            (
                "2024-01-15 10:00:00.123456789 +0000 UTC",
                "2024-01-15T10:00:00.123456Z",
            ),
            ("2024-01-15 10:00:00+00", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00Z", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00+01:00", "2024-01-15T09:00:00.000000Z"),
            ("2024-01-15T10:00:00+02:00", "2024-01-15T08:00:00.000000Z"),
            ("2024-01-15T10:00:00-00:00", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00:00-0330", "2024-01-15T13:30:00.000000Z"),
            ("2024-01-15T10:00:00", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15T10:00", "2024-01-15T10:00:00.000000Z"),
            ("2024-01-15", "2024-01-15T00:00:00.000000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
            (
                "2024-01-15T10:00:00.12345678901Z",
                "2024-01-15T10:00:00.123456Z",
            ),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
            ("2016-12-31T15:59:60.5-08:00", "2017-01-01T00:00:00.000000Z"),
            ("2016-12-31 23:59:60", "2017-01-01T00:00:00.000000Z"),
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
            "2024-01-15 ",
            "2024-01-15 UTC",
            "2024-01-15Z",
            "2024-01-15T10",
            "2024-01-15T10:00:00 Z",
            "2024-01-15  10:00:00",
            "2024-01-15T10:00:00  UTC",
            "2024-01-15T10:00:00 +0100 UTC",
            "2024-01-15T10:00:00 CET",
            "2024-01-15T10:00:00.",
            "2024-01-15T10:00.5",
            "2024-01-15T10:00:00,5Z",
            "2024-01-15T10:00:00+1",
            "2024-01-15T10:00:00+01:",
            "2024-01-15T10:00:00+01:60",
            "2024-01-15T10:00:00+24:00",
            "2024-01-15T25:00:00Z",
            "2024-01-15T10:00:60Z",
            "2024-12-31T23:59:60+01:00",
            "2024-12-31T23:59:61Z",
            "9999-12-31T23:59:60Z",
            "2024-01-15T10:00:00Zgarbage",
            "0000-01-01",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "99999-01-01",
            "1705312800",
            "２０２４-01-15",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_read_as_it_was_written(
            ms in -62_135_596_800_000_i64..253_402_300_800_000,
            offset in -1_439_i32..1_440,
        ) {
            let moment = DateTime::from_timestamp_millis(ms).unwrap();
            let text = moment.to_rfc3339_opts(SecondsFormat::Millis, true);
            prop_assert_eq!(parse_timestamp(&text).unwrap(), moment);
            prop_assert_eq!(parse_timestamp(&text.replace('T', " ").to_lowercase()).unwrap(), moment);
            let local = moment.with_timezone(&FixedOffset::east_opt(offset * 60).unwrap());
            if (1..=9999).contains(&local.year()) {
                let text = local.format("%Y-%m-%d %H:%M:%S%.f %z").to_string();
                prop_assert_eq!(parse_timestamp(&text).unwrap(), moment, "{}", text);
            }
        }

        #[test]
        fn any_text_is_a_moment_or_none(text in "[-0-9TtZz:.+ UTC]{0,40}|.{0,12}") {
            let _any = parse_timestamp(&text);
        }
    }
}
