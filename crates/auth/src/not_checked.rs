//! Why somebody's credentials were not looked up or checked, though nothing is wrong with them.

use std::time::Duration;

/// Why a client was not looked up, or its secret not checked slowly.
#[derive(Debug, thiserror::Error)]
pub enum NotChecked {
    /// Too many from where the caller is have failed to authenticate.
    #[error("too many failed to authenticate")]
    TooManyFailures {
        /// Time until one may fail again.
        retry_in: Duration,
    },
    /// Too many wait to be looked up or checked.
    #[error("too many callers wait to be looked up or checked")]
    Crowded,
    /// It was begun in vain, or nobody can say whether too many failed.
    #[error("the secret could not be checked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
