//! What can go wrong with the spool, named for what the caller can do about it.

use std::sync::Arc;

/// Why the spool could not take or give something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpoolError {
    /// So much is waiting to be applied that no more is taken of this project, or of anybody.
    #[error("{bytes} bytes wait to be applied, and the caller's part of them is too large")]
    Full {
        /// How much is waiting in all.
        bytes: u64,
    },
    /// The disk is full, or broken. It is tried again each second.
    #[error("the spool cannot be used")]
    Broken(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The server is going down.
    #[error("the spool is closed")]
    Closed,
}

impl SpoolError {
    pub(super) fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Broken(Arc::new(error))
    }
}
