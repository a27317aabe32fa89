//! SQL in the making, as far as engines have it in common: text, and the values of its question
//! marks in their order; and what differs ([`Dialect`]).

mod buckets;
mod charts;
mod conditions;
mod dialect;
mod lists;
mod selection;

use std::borrow::Cow;

use chrono::NaiveDate;
use paneld_analytics::Window;
use paneld_domain::{ProjectKey, Timestamp};

pub(crate) use self::{
    buckets::bucket_of,
    charts::ChartValues,
    conditions::{Conditions, Joined, Rows, ValueOf},
    dialect::Dialect,
    lists::{events_chosen, groups_chosen, members_chosen, profiles_chosen, sessions_chosen},
    selection::{matching, start},
};

/// A value of a question mark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// Of a list, however long: what a value is looked for in.
    Texts(Vec<String>),
    Integer(i64),
    Count(u64),
    Double(f64),
    Boolean(bool),
    /// A moment in milliseconds since 1970, of the type that the columns have.
    Time(i64),
    Date(NaiveDate),
}

/// A piece of SQL. Whatever callers say is a value of it, never part of its text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// SQL without values.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            values: Vec::new(),
        }
    }

    /// SQL with the values of its question marks.
    pub(crate) fn with(text: &str, values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            text: text.to_owned(),
            values: values.into_iter().collect(),
        }
    }

    /// A text as a value.
    pub(crate) fn text(value: &str) -> Self {
        Self::with("?", [Value::Text(value.to_owned())])
    }

    /// A moment as a value, of the type that the columns have.
    pub(crate) fn time(moment: Timestamp) -> Self {
        Self::with("?", [time(moment)])
    }

    /// A count as a value.
    pub(crate) fn count(count: u64) -> Self {
        Self::with("?", [Value::Count(count)])
    }

    /// A whole number as a value.
    pub(crate) fn number(number: i64) -> Self {
        Self::with("?", [Value::Integer(number)])
    }

    /// This, and more SQL.
    pub(crate) fn push(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    /// This, and another piece.
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.text += &other.text;
        self.values.extend(other.values);
        self
    }

    /// Pieces with something between them.
    pub(crate) fn join(pieces: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut joined = Self::default();
        for (place, piece) in pieces.into_iter().enumerate() {
            joined = joined
                .push(if place == 0 { "" } else { between })
                .add(piece);
        }
        joined
    }

    /// One of several, in brackets; never, when there are none.
    pub(crate) fn any(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self::joined_in_brackets(pieces, " OR ", "FALSE")
    }

    /// All of several, in brackets; always, when there are none.
    pub(crate) fn all(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self::joined_in_brackets(pieces, " AND ", "TRUE")
    }

    fn joined_in_brackets(
        pieces: impl IntoIterator<Item = Self>,
        between: &str,
        nothing: &str,
    ) -> Self {
        let joined = Self::join(pieces, between);
        if joined.text.is_empty() {
            return Self::new(nothing);
        }
        Self::new("(").add(joined).push(")")
    }

    /// The opposite.
    pub(crate) fn not(self) -> Self {
        Self::new("(NOT ").add(self).push(")")
    }

    /// That something is one of these texts.
    pub(crate) fn among<'a>(self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let texts = texts.into_iter().map(str::to_owned).collect();
        self.push(" IN ")
            .add(Self::with("?", [Value::Texts(texts)]))
    }

    /// The text, with marks that are written as an engine needs them for their values, and the
    /// values.
    pub(crate) fn written(&self, mark: fn(&Value) -> Cow<'static, str>) -> (String, &[Value]) {
        let mut pieces = self.text.split('?');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for (piece, value) in pieces.zip(&self.values) {
            text += &mark(value);
            text += piece;
        }
        (text, &self.values)
    }
}

/// A moment as a value, of the type that the columns have.
pub(crate) fn time(moment: Timestamp) -> Value {
    Value::Time(moment.timestamp_millis())
}

/// That a row belongs to a project.
pub(crate) fn of_project(alias: &str, project: ProjectKey) -> Sql {
    Sql::with(
        &format!("{alias}.project_key = ?"),
        [Value::Integer(project.0)],
    )
}

/// That a row was made in a window.
pub(crate) fn in_window(alias: &str, window: Window) -> Sql {
    Sql::new(&format!("({alias}.created_at >= "))
        .add(Sql::time(window.start))
        .push(&format!(" AND {alias}.created_at < "))
        .add(Sql::time(window.end))
        .push(")")
}

/// That a property is this. One that is missing is an empty text.
pub(crate) fn property(map: &str, key: &str, value: &str) -> Sql {
    Sql::new(&format!("coalesce({map}["))
        .add(Sql::text(key))
        .push("], '') = ")
        .add(Sql::text(value))
}
