//! What is wrong with a request, and where.

use std::fmt;

use serde::Serialize;

use crate::InvalidValue;

/// A step on the way to a value; as JSON the key or the index itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PathStep {
    /// Into the field or parameter of this name.
    Key(String),
    /// Into the entry at this place of a list, counted from 0.
    Index(usize),
}

impl From<&str> for PathStep {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for PathStep {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl fmt::Display for PathStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(index) => index.fmt(f),
        }
    }
}

/// One thing that is wrong with a request; as JSON an entry of `details` of an error
/// (`docs/contract/auth-and-limits.md` §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it is: the way from the outermost value to the wrong one.
    pub path: Vec<PathStep>,
    /// What is wrong, as a sentence that reads on from the path: "must not be empty".
    pub message: String,
}

impl Problem {
    /// A problem at this place.
    pub fn at(path: impl IntoIterator<Item = PathStep>, message: impl Into<String>) -> Self {
        Self {
            path: path.into_iter().collect(),
            message: message.into(),
        }
    }

    /// A problem of a parameter as a whole.
    pub fn of(parameter: &str, why: &InvalidValue) -> Self {
        Self::at([parameter.into()], why.to_string())
    }

    /// The same problem, seen from one level above.
    pub fn within(mut self, step: impl Into<PathStep>) -> Self {
        self.path.insert(0, step.into());
        self
    }
}
