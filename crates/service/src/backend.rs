//! How a backend is.

/// What a backend was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendState {
    /// It answers.
    Up,
    /// It does not.
    Down,
    /// This server does without.
    Off,
}
