//! The one way in which a value can be wrong.

use std::borrow::Cow;

/// Why a value was refused, as a fragment that reads on from the field's name:
/// "must not be empty".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(Cow<'static, str>);

impl InvalidValue {
    /// An error with this fragment as its message.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}
