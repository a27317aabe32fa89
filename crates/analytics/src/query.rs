//! Query strings: `docs/contract/insights.md` §2.
//!
//! Callers write lists and objects in three ways: as JSON in one parameter, by repeating a
//! parameter, and with brackets (`filters[0][name]=path`). Each parameter is read as what it is
//! declared to be, so that a profile may be called `123`. Parameters that nobody asks for are
//! ignored.
//!
//! A [`Query`] collects what is wrong while it is read, so that one answer can tell everything:
//!
//! ```
//! # use paneld_analytics::{Query, Interval};
//! let mut query = Query::parse("limit=7&interval=day");
//! let limit = query.integer("limit", 1..=100);
//! let interval = query.parsed::<Interval>("interval");
//! assert_eq!(query.finish(), Ok(()));
//! assert_eq!((limit, interval), (Some(7), Some(Interval::Day)));
//! ```

mod tree;

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, str::FromStr};

use paneld_domain::{PathStep, Problem, Timestamp, Zone};
use serde_json::Value;
use tree::{Node, split_key};
use url::form_urlencoded;

use crate::{
    filter::Filter,
    scalar::scalar_text,
    window::{Bound, DateText, DefaultWindow, Window, WindowProblem, WindowRequest, resolve},
};

/// A query string, and what was found wrong with it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    parameters: BTreeMap<String, Node>,
    problems: Vec<Problem>,
}

/// What is wrong with one parameter, by paths that begin inside it.
type Wrong = Vec<Problem>;

impl Query {
    /// So many parameters are read.
    pub const MOST: usize = 1_000;
    /// So many texts has a list.
    pub const MOST_TEXTS: usize = 1_000;
    /// So many texts are compared by name.
    pub const MOST_NAMED: usize = 50;

    /// Takes a query string apart: what stands behind the `?` of a URL. Whatever is wrong with it
    /// shows when a parameter is read.
    pub fn parse(text: &str) -> Self {
        let mut query = Self {
            parameters: BTreeMap::new(),
            problems: Vec::new(),
        };
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        for (key, value) in pairs.by_ref().take(Self::MOST) {
            let (name, steps) = split_key(&key);
            let node = query.parameters.entry(name.to_owned()).or_default();
            node.insert(&steps, value.into_owned());
        }
        if pairs.next().is_some() {
            let message = format!("must be at most {} parameters", Self::MOST);
            query.problems.push(Problem::at([], message));
        }
        query
    }

    /// The parameter that a key of a query string is a part of: `filters` of `filters[0][name]`.
    pub fn name_of(key: &str) -> &str {
        split_key(key).0
    }

    /// Whether a parameter is there, right or wrong.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// What was found wrong so far.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Adds something that is wrong.
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Everything that was found wrong.
    pub fn finish(self) -> Result<(), Vec<Problem>> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(self.problems)
        }
    }

    /// Reads a parameter that must be there: `query.required("startEvent", Query::text)`.
    pub fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        if !self.has(name) {
            self.report(Problem::at([name.into()], "is required"));
            return None;
        }
        read(self, name)
    }

    /// A text. It may be written as JSON text, in quotes.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, text_of)
    }

    /// A value that knows how to read itself from a text.
    pub fn parsed<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        self.read(name, |node| {
            let text = text_of(node)?;
            text.parse().map_err(|why: T::Err| whole(why.to_string()))
        })
    }

    /// One of some values, by its name.
    pub fn named<T: Copy>(
        &mut self,
        parameter: &str,
        values: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        self.read(parameter, |node| {
            let text = text_of(node)?;
            let value = values.iter().find(|value| name(**value) == text);
            value.copied().ok_or_else(|| {
                let names = values.iter().map(|value| name(*value));
                whole(format!(
                    "must be one of {}",
                    names.collect::<Vec<_>>().join(", ")
                ))
            })
        })
    }

    /// A whole number in a range.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        self.read(name, |node| {
            let number = whole_number(&text_of(node)?)?;
            if number < *range.start() {
                return Err(whole(format!("must be at least {}", range.start())));
            }
            if number > *range.end() {
                return Err(whole(format!("must be at most {}", range.end())));
            }
            Ok(number)
        })
    }

    /// A whole number; one outside the range becomes its nearer end.
    pub fn clamped_integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        self.read(name, |node| {
            let number = whole_number(&text_of(node)?)?;
            Ok(number.max(*range.start()).min(*range.end()))
        })
    }

    /// Reads a parameter that is a finite number.
    pub fn number(&mut self, name: &str) -> Option<f64> {
        self.read(name, |node| {
            let number = text_of(node)?.parse().unwrap_or(f64::NAN);
            Some(number)
                .filter(|number| number.is_finite())
                .ok_or_else(|| whole("must be a number"))
        })
    }

    /// Reads a parameter that is `true` or `false`.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.read(name, |node| {
            text_of(node)?
                .parse()
                .map_err(|_neither| whole("must be true or false"))
        })
    }

    /// A list of texts: one text, the parameter repeated, brackets, or a JSON list.
    pub fn text_list(&mut self, name: &str) -> Option<Vec<String>> {
        self.read(name, texts_of)
    }

    /// A list of texts that may also be one text with commas. Empty ones are left out.
    pub fn comma_list(&mut self, name: &str) -> Option<Vec<String>> {
        let texts = self.text_list(name)?;
        let parts = texts.iter().flat_map(|text| text.split(','));
        let filled = parts.map(str::trim).filter(|part| !part.is_empty());
        Some(filled.map(str::to_owned).collect())
    }

    /// Texts by name: a JSON object, or brackets.
    pub fn text_map(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        self.read(name, |node| {
            let Value::Object(object) = json_of(node)? else {
                return Err(whole("must be an object"));
            };
            if object.len() > Self::MOST_NAMED {
                return Err(whole(format!("must be at most {} texts", Self::MOST_NAMED)));
            }
            let mut texts = BTreeMap::new();
            for (key, value) in object {
                let text = checked_scalar(&value, || key.as_str().into())?;
                texts.insert(key, text);
            }
            Ok(texts)
        })
    }

    /// JSON in one parameter, one JSON value for each time that it is repeated, or brackets.
    pub fn json(&mut self, name: &str) -> Option<Value> {
        self.read(name, json_of)
    }

    /// Filters; none where the parameter is not there.
    pub fn filters(&mut self, name: &str) -> Vec<Filter> {
        let read = |node: &Node| Filter::read_all(&json_of(node)?);
        self.read(name, read).unwrap_or_default()
    }

    /// The window that a caller means, and in which words.
    pub fn window(
        &mut self,
        names: WindowNames,
        zone: Zone,
        now: Timestamp,
        default: DefaultWindow,
    ) -> Option<(WindowRequest, Window)> {
        self.window_by(names, |request| resolve(request, zone, now, default))
    }

    /// The same, as far as something can count in it.
    pub fn window_that_counts(
        &mut self,
        names: WindowNames,
        zone: Zone,
        now: Timestamp,
        default: DefaultWindow,
    ) -> Option<(WindowRequest, Window)> {
        self.window_by(names, |request| {
            resolve(request, zone, now, default)?.that_counts(now)
        })
    }

    fn window_by(
        &mut self,
        names: WindowNames,
        resolve: impl FnOnce(&WindowRequest) -> Result<Window, WindowProblem>,
    ) -> Option<(WindowRequest, Window)> {
        let found_before = self.problems.len();
        let start_name = self.first_given(names.start);
        let end_name = self.first_given(names.end);
        let request = WindowRequest {
            range: self.parsed("range"),
            start: self.parsed::<DateText>(start_name),
            end: self.parsed::<DateText>(end_name),
        };
        if self.problems.len() > found_before {
            return None;
        }
        match resolve(&request) {
            Ok(window) => Some((request, window)),
            Err(problem) => {
                let name = match problem.field {
                    Bound::Start => start_name,
                    Bound::End => end_name,
                };
                self.report(Problem::of(name, &problem.message));
                None
            }
        }
    }

    fn first_given(&self, names: &[&'static str]) -> &'static str {
        let given = names.iter().find(|name| self.has(name));
        given.or(names.first()).copied().unwrap_or_default()
    }

    fn read<T>(&mut self, name: &str, read: impl FnOnce(&Node) -> Result<T, Wrong>) -> Option<T> {
        let node = self.parameters.get(name)?;
        let value = match node.problem() {
            Some(problem) => Err(whole(problem)),
            None => read(node),
        };
        match value {
            Ok(value) => Some(value),
            Err(wrong) => {
                let wrong = wrong.into_iter().map(|problem| problem.within(name));
                self.problems.extend(wrong);
                None
            }
        }
    }
}

/// Under which names an endpoint takes the two dates; of several the first that is given counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowNames {
    /// The names of the start.
    pub start: &'static [&'static str],
    /// The names of the end.
    pub end: &'static [&'static str],
}

impl WindowNames {
    /// The names `startDate` and `endDate`.
    pub const DATES: Self = Self {
        start: &["startDate"],
        end: &["endDate"],
    };

    /// `start` and `end`, or else `startDate` and `endDate`.
    pub const EXPORT: Self = Self {
        start: &["start", "startDate"],
        end: &["end", "endDate"],
    };
}

/// A problem of the parameter as a whole.
fn whole(message: impl Into<String>) -> Wrong {
    vec![Problem::at([], message)]
}

fn text_of(node: &Node) -> Result<String, Wrong> {
    match node.texts.as_slice() {
        [text] => checked(unquoted(text), || None),
        _ if node.is_branched() => Err(whole("must be a single value")),
        _ => Err(whole("must be given once")),
    }
}

/// What JSON quotes around a text mean.
fn unquoted(text: &str) -> String {
    let read = || serde_json::from_str(text).ok();
    let inner = text.starts_with('"').then(read).flatten();
    inner.unwrap_or_else(|| text.to_owned())
}

/// No store keeps NUL characters in texts.
fn checked(text: String, place: impl FnOnce() -> Option<PathStep>) -> Result<String, Wrong> {
    if text.contains('\0') {
        let message = "must not contain NUL characters";
        return Err(vec![Problem::at(place(), message)]);
    }
    Ok(text)
}

fn checked_scalar(value: &Value, place: impl Fn() -> PathStep) -> Result<String, Wrong> {
    match scalar_text(value) {
        Some(text) => checked(text, || Some(place())),
        None => Err(vec![Problem::at([place()], "must be a text")]),
    }
}

fn texts_of(node: &Node) -> Result<Vec<String>, Wrong> {
    let values = if node.is_branched() {
        let Value::Array(values) = node.to_json() else {
            return Err(whole("must be a list"));
        };
        values
    } else {
        node.texts.iter().flat_map(|text| list_in(text)).collect()
    };
    if values.len() > Query::MOST_TEXTS {
        return Err(whole(format!(
            "must be at most {} texts",
            Query::MOST_TEXTS
        )));
    }
    let texts = values.iter().enumerate();
    texts
        .map(|(place, value)| checked_scalar(value, || place.into()))
        .collect()
}

/// The entries of a JSON list, or the one text that it is otherwise.
fn list_in(text: &str) -> Vec<Value> {
    let read = || serde_json::from_str(text).ok();
    let list = text.starts_with('[').then(read).flatten();
    list.unwrap_or_else(|| vec![Value::String(unquoted(text))])
}

fn json_of(node: &Node) -> Result<Value, Wrong> {
    if node.is_branched() {
        return Ok(node.to_json());
    }
    let read = |text: &str| serde_json::from_str::<Value>(text);
    if let [text] = node.texts.as_slice() {
        return read(text).map_err(|_broken| whole("must be JSON"));
    }
    let mut values = Vec::with_capacity(node.texts.len());
    for (place, text) in node.texts.iter().enumerate() {
        let value =
            read(text).map_err(|_broken| vec![Problem::at([place.into()], "must be JSON")])?;
        values.push(value);
    }
    Ok(Value::Array(values))
}

/// Numbers beyond 64 bits become the greatest or least that fit: they are out of any range.
fn whole_number(text: &str) -> Result<i64, Wrong> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let digits = match digits.split_once('.') {
        // 5.0 is whole.
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => {
            digits
        }
        _ => digits,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(whole("must be a whole number"));
    }
    let size: i64 = digits.parse().unwrap_or(i64::MAX);
    Ok(if is_negative { -size } else { size })
}

#[cfg(test)]
mod tests;
