//! How a field is compared with values, and as what.

use std::cmp::Ordering;

use super::field::{Field, named};

named! {
    /// How a field is compared with values.
    Operator {
        /// The field is one of the values.
        Is = "is",
        /// The field is none of the values.
        IsNot = "isNot",
        /// The field has one of the values somewhere in it; letter case counts.
        Contains = "contains",
        /// The field has none of the values anywhere in it; letter case counts.
        DoesNotContain = "doesNotContain",
        /// The field begins with one of the values; letter case counts.
        StartsWith = "startsWith",
        /// The field ends with one of the values; letter case counts.
        EndsWith = "endsWith",
        /// One of the regular expressions matches somewhere in the field.
        Regex = "regex",
        /// The field is empty, as one is that is missing.
        IsNull = "isNull",
        /// The field is not empty.
        IsNotNull = "isNotNull",
        /// The field is greater than one of the values.
        Greater = "gt",
        /// The field is less than one of the values.
        Less = "lt",
        /// The field is greater than one of the values, or equal to it.
        GreaterOrEqual = "gte",
        /// The field is less than one of the values, or equal to it.
        LessOrEqual = "lte",
    }
}

impl Operator {
    /// Whether it needs no values.
    pub fn is_about_presence(self) -> bool {
        matches!(self, Self::IsNull | Self::IsNotNull)
    }

    /// Whether it asks which of two is greater.
    pub fn is_ordering(self) -> bool {
        matches!(
            self,
            Self::Greater | Self::Less | Self::GreaterOrEqual | Self::LessOrEqual
        )
    }

    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Is | Self::IsNot)
    }

    /// Whether it holds where the field is this to the value.
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::Less => ordering.is_lt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Is
            | Self::IsNot
            | Self::Contains
            | Self::DoesNotContain
            | Self::StartsWith
            | Self::EndsWith
            | Self::Regex
            | Self::IsNull
            | Self::IsNotNull => ordering.is_eq(),
        }
    }
}

named! {
    /// As what both sides are compared, where the caller says so.
    ValueType {
        /// As the field is by nature.
        Text = "string",
        /// As numbers.
        Number = "number",
        /// As days.
        Day = "date",
        /// As moments.
        Moment = "datetime",
        /// As yes or no.
        Boolean = "boolean",
    }
}

/// As what a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// As texts, byte by byte.
    Text,
    /// Compares as finite numbers, which [`NUMBER_PATTERN`](crate::NUMBER_PATTERN) describes.
    Number,
    /// Compares as days in UTC.
    Day,
    /// As moments; without an offset, in UTC.
    Moment,
    /// As yes (`true`, `1` or `yes`, in any case) or no, which is everything else.
    Boolean,
}

impl Comparison {
    pub(super) fn of(field: &Field, operator: Operator, value_type: ValueType) -> Self {
        if field.is_yes_or_no() || !(operator.is_equality() || operator.is_ordering()) {
            return Self::Text;
        }
        match value_type {
            ValueType::Text => Self::by_nature(field, operator),
            ValueType::Number => Self::Number,
            ValueType::Day => Self::Day,
            ValueType::Moment => Self::Moment,
            ValueType::Boolean => Self::Boolean,
        }
    }

    /// Columns of events are equal as texts; what is asked of sessions is about numbers anyway.
    fn by_nature(field: &Field, operator: Operator) -> Self {
        let orders_numbers = operator.is_ordering() && (field.is_number() || field.is_property());
        let is_of_session = matches!(field, Field::Session(_)) && field.is_number();
        if orders_numbers || is_of_session {
            Self::Number
        } else {
            Self::Text
        }
    }
}
