//! What the one that writes does: batches of the spool, and copies of people.

pub(super) mod append;
pub(super) mod apply;
pub(super) mod columns;
pub(super) mod copies;
pub(super) mod erase;
pub(super) mod numbers;
pub(super) mod record;
pub(super) mod removals;
pub(super) mod sessions;
pub(super) mod views;
