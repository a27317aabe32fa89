//! What the event store promises, asked of real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod away;
mod bounded;
mod compacting;
mod copies;
mod counted;
mod filters;
mod fixtures;
mod migrating;
mod model;
mod order;
mod reading;
mod removing;
mod room;
mod wide;
mod writing;
