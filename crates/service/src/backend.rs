//! How a backend is.

/// What a backend was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendState {
    /// It answered when it was asked last.
    Up,
    /// It did not answer, or cannot be written.
    Down,
    /// This server does without it.
    Off,
}
