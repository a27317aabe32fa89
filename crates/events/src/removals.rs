//! What was removed, and may be left in files.

use paneld_domain::Timestamp;

/// Removals of which bytes may be left in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removals {
    /// How many there ever were.
    pub made: u64,
    /// When the first of those that are left was seen.
    pub since: Timestamp,
}
