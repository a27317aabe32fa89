//! The values of a filter, made ready to be compared.

use std::sync::LazyLock;

use chrono::NaiveDate;
use paneld_domain::{InvalidValue, Timestamp};
use regex::Regex;

use super::{
    operator::{Comparison, Operator},
    pattern::Pattern,
};
use crate::window::DateText;

/// What spells a number, as a regular expression: everything else is none.
pub const NUMBER_PATTERN: &str = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$";

/// What may spell a date or a time, as a regular expression. Such a text still need not be one:
/// there is no 30 February.
pub const MOMENT_PATTERN: &str = "^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])\
    -[0-9]{2}-[0-9]{2}([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]+)?)?\
    ([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?)?$";

/// The values of a filter, as what they are compared as. There is at least one, but for
/// [`Operands::None`].
#[derive(Debug, Clone, PartialEq)]
pub enum Operands {
    /// The operator compares with no value.
    None,
    /// Texts, compared byte by byte.
    Texts(Vec<String>),
    /// Finite numbers, compared as such.
    Numbers(Vec<f64>),
    /// Days in UTC, compared as such.
    Days(Vec<NaiveDate>),
    /// Timestamps, compared to the millisecond.
    Moments(Vec<Timestamp>),
    /// Truth values, compared as such.
    Booleans(Vec<bool>),
    /// Regular expressions, of which one has to match.
    Patterns(Vec<Pattern>),
}

impl Operands {
    /// Converts the values; of those that cannot be, tells the place and why.
    pub(super) fn convert(
        operator: Operator,
        comparison: Comparison,
        values: &[String],
    ) -> Result<Self, Vec<(usize, InvalidValue)>> {
        match (operator, comparison) {
            (Operator::IsNull | Operator::IsNotNull, _) => Ok(Self::None),
            (Operator::Regex, _) => each(values, Pattern::parse).map(Self::Patterns),
            (_, Comparison::Text) => Ok(Self::Texts(values.to_vec())),
            (_, Comparison::Number) => {
                let read = |text: &str| number(text).ok_or("must be a number");
                each(values, read).map(Self::Numbers)
            }
            (_, Comparison::Day) => {
                let day = |text: &str| told_moment(text).map(|moment| moment.date_naive());
                each(values, day).map(Self::Days)
            }
            (_, Comparison::Moment) => each(values, told_moment).map(Self::Moments),
            (_, Comparison::Boolean) => Ok(Self::Booleans(
                values.iter().map(|text| boolean(text)).collect(),
            )),
        }
    }
}

fn each<T, E: Into<Why>>(
    values: &[String],
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Vec<(usize, InvalidValue)>> {
    let mut right = Vec::with_capacity(values.len());
    let mut wrong = Vec::new();
    for (place, value) in values.iter().enumerate() {
        match read(value) {
            Ok(value) => right.push(value),
            Err(why) => wrong.push((place, why.into().0)),
        }
    }
    if wrong.is_empty() {
        Ok(right)
    } else {
        Err(wrong)
    }
}

/// So that readers may say what is wrong in either of two ways.
struct Why(InvalidValue);

impl From<&'static str> for Why {
    fn from(text: &'static str) -> Self {
        Self(InvalidValue::new(text))
    }
}

impl From<InvalidValue> for Why {
    fn from(why: InvalidValue) -> Self {
        Self(why)
    }
}

/// The finite number that a text spells.
pub(super) fn number(text: &str) -> Option<f64> {
    let is_plain = |byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    // Rust also reads "inf" and "nan".
    if !text.bytes().all(is_plain) {
        return None;
    }
    let number = text.parse().unwrap_or(f64::NAN);
    number.is_finite().then_some(number)
}

/// The moment that a caller writes; without an offset, in UTC.
fn told_moment(text: &str) -> Result<Timestamp, InvalidValue> {
    let text: DateText = text.parse()?;
    Ok(text.moment_in_utc())
}

/// The moment that a row's text spells, in one of the forms that the event store reads: callers
/// have more.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    static STORED: LazyLock<Result<Regex, regex::Error>> =
        LazyLock::new(|| Regex::new(MOMENT_PATTERN));
    let is_stored = STORED.as_ref().is_ok_and(|form| form.is_match(text));
    is_stored.then(|| told_moment(text).ok()).flatten()
}

/// The day of that moment.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    moment(text).map(|moment| moment.date_naive())
}

/// What does not say yes means no.
pub(super) fn boolean(text: &str) -> bool {
    ["true", "1", "yes"]
        .iter()
        .any(|yes| text.eq_ignore_ascii_case(yes))
}
