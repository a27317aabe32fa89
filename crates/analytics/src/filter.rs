//! Which events and sessions a question is about: one language for all endpoints, that of
//! `docs/contract/export.md` §4 and `docs/contract/insights.md` §5.
//!
//! Filters are ANDed. A filter is a [`Field`], an [`Operator`] and values. What it means is said
//! by [`Filter::matches`], on texts: that is the model which any SQL has to follow.
//!
//! - A field of a row is a text; what is missing is the empty text. Moments are printed
//!   `YYYY-MM-DD HH:MM:SS.mmm` in UTC, numbers as short as they can be, flags `true` or `false`.
//! - Where a row can have several ([`Field::has_many`]), one of them has to match, whatever the
//!   operator. The names of a session's events are the exception: `isNot` means that it has none
//!   of them.
//! - `is`, `contains`, `startsWith`, `endsWith`, `regex` and comparisons match if one of the
//!   values does; `isNot` and `doesNotContain` if none is equal or contained.
//! - Texts are compared byte by byte. `%`, `_` and the like are ordinary characters.
//! - What is compared as something else than text, and cannot be converted, matches nothing. What
//!   is missing is neither smaller nor greater than anything.

mod allowance;
mod field;
mod operand;
mod operator;
mod pattern;
mod read;

use std::cmp::Ordering;

use paneld_domain::Problem;

pub(crate) use allowance::Allowance;
pub(crate) use field::named;
pub use field::{Column, Field, GroupColumn, ProfileColumn, PropertyKey, SessionFact, UtmTag};
pub use operand::{MOMENT_PATTERN, NUMBER_PATTERN, Operands};
pub use operator::{Comparison, Operator, ValueType};
pub use pattern::Pattern;

/// A condition on events or sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    field: Field,
    operator: Operator,
    values: Vec<String>,
    value_type: ValueType,
    comparison: Comparison,
    operands: Operands,
}

impl Filter {
    /// So many filters can be given at once, in all items of a chart together.
    pub const MOST: usize = 50;

    /// So many regular expressions are in them.
    pub const MOST_PATTERNS: usize = 10;

    /// So many bytes have these together.
    pub const MOST_PATTERN_BYTES: usize = 4 * 1024;

    /// So many values can a filter have.
    pub const MOST_VALUES: usize = 1_000;

    /// A filter with these values, which are trimmed.
    ///
    /// # Errors
    /// Everything that is wrong with it, by path: the field does not know the operator, there are
    /// no values, or some of them cannot be compared.
    pub fn new(
        field: Field,
        operator: Operator,
        values: &[String],
        value_type: ValueType,
    ) -> Result<Self, Vec<Problem>> {
        let values: Vec<_> = values.iter().map(|text| text.trim().to_owned()).collect();
        check_operator(&field, operator)?;
        check_values(&field, operator, &values)?;
        let comparison = Comparison::of(&field, operator, value_type);
        let operands = Operands::convert(operator, comparison, &values).map_err(|wrong| {
            let at_place = |(place, why): (usize, paneld_domain::InvalidValue)| {
                Problem::at(["value".into(), place.into()], why.to_string())
            };
            wrong.into_iter().map(at_place).collect::<Vec<_>>()
        })?;
        Ok(Self {
            field,
            operator,
            values,
            value_type,
            comparison,
            operands,
        })
    }

    /// The field whose value is compared.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// The operator by which the value is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The values as texts, trimmed.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// What the caller said the values are.
    pub fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// As what both sides are compared.
    pub fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// The values as what they are compared as.
    pub fn operands(&self) -> &Operands {
        &self.operands
    }

    /// Whether it is about the path of a page: then some questions are answered by what was seen,
    /// not by where sessions began.
    pub fn is_about_path(&self) -> bool {
        self.field == Field::Column(Column::Path)
    }

    /// Whether it asks that *none* of a row's texts is equal, not that some text is different.
    pub fn asks_for_absence(&self) -> bool {
        let is_event = self.field == Field::Session(SessionFact::PerformedEvent);
        is_event && self.operator == Operator::IsNot
    }

    /// Whether a row matches that has these texts in the field: exactly one, unless
    /// [`Field::has_many`].
    pub fn matches(&self, texts: &[&str]) -> bool {
        if self.asks_for_absence() {
            return texts.iter().all(|text| self.matches_one(text));
        }
        texts.iter().any(|text| self.matches_one(text))
    }

    fn matches_one(&self, text: &str) -> bool {
        match self.operator {
            Operator::IsNull => return text.is_empty(),
            Operator::IsNotNull => return !text.is_empty(),
            _ if self.operator.is_ordering() && text.is_empty() => return false,
            _ => {}
        }
        match &self.operands {
            Operands::None => true,
            Operands::Texts(values) => self.matches_text(text, values),
            Operands::Patterns(patterns) => {
                patterns.iter().any(|pattern| pattern.is_found_in(text))
            }
            Operands::Numbers(values) => self.compares(operand::number(text), values, by_size),
            Operands::Days(values) => self.compares(operand::day(text), values, Ord::cmp),
            Operands::Moments(values) => self.compares(operand::moment(text), values, Ord::cmp),
            Operands::Booleans(values) => {
                self.compares(Some(operand::boolean(text)), values, Ord::cmp)
            }
        }
    }

    fn matches_text(&self, text: &str, values: &[String]) -> bool {
        let mut values = values.iter().map(String::as_str);
        match self.operator {
            Operator::IsNot => values.all(|value| text != value),
            Operator::Contains => values.any(|value| text.contains(value)),
            Operator::DoesNotContain => values.all(|value| !text.contains(value)),
            Operator::StartsWith => values.any(|value| text.starts_with(value)),
            Operator::EndsWith => values.any(|value| text.ends_with(value)),
            _ => values.any(|value| self.operator.holds(text.cmp(value))),
        }
    }

    /// `given` is `None` where the row's text could not be converted: then nothing holds.
    fn compares<T>(
        &self,
        given: Option<T>,
        values: &[T],
        compare: impl Fn(&T, &T) -> Ordering,
    ) -> bool {
        let Some(given) = given else {
            return false;
        };
        let mut orderings = values.iter().map(|value| compare(&given, value));
        match self.operator {
            Operator::IsNot => orderings.all(Ordering::is_ne),
            operator => orderings.any(|ordering| operator.holds(ordering)),
        }
    }
}

/// Numbers are finite, and so can always be compared.
fn by_size(one: &f64, other: &f64) -> Ordering {
    one.partial_cmp(other).unwrap_or(Ordering::Equal)
}

/// Some fields know only some operators.
fn check_operator(field: &Field, operator: Operator) -> Result<(), Vec<Problem>> {
    let is_event = *field == Field::Session(SessionFact::PerformedEvent);
    let message = if (field.is_yes_or_no() || is_event) && !operator.is_equality() {
        format!("must be is or isNot for {field}")
    } else if matches!(field, Field::Session(_))
        && !operator.is_equality()
        && !operator.is_ordering()
    {
        format!("must be is, isNot, gt, lt, gte or lte for {field}")
    } else {
        return Ok(());
    };
    Err(vec![Problem::at(["operator".into()], message)])
}

fn check_values(field: &Field, operator: Operator, values: &[String]) -> Result<(), Vec<Problem>> {
    let whole = |message: String| Err(vec![Problem::at(["value".into()], message)]);
    if values.is_empty() && !operator.is_about_presence() {
        return whole("must not be empty".to_owned());
    }
    if values.len() > Filter::MOST_VALUES {
        return whole(format!("must be at most {} values", Filter::MOST_VALUES));
    }
    let is_wrong = |value: &str| {
        if value.contains('\0') {
            Some("must not contain NUL characters")
        } else if field.is_yes_or_no() && !matches!(value, "true" | "false") {
            Some("must be true or false")
        } else {
            None
        }
    };
    let wrong: Vec<_> = values
        .iter()
        .enumerate()
        .filter_map(|(place, value)| {
            is_wrong(value).map(|why| Problem::at(["value".into(), place.into()], why))
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[cfg(test)]
mod tests;
