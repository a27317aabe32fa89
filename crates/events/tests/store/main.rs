//! What the event store promises, asked of real files.

#![expect(clippy::tests_outside_test_module, reason = "these are tests only")]

mod away;
mod fixtures;
mod order;
mod reading;
mod removing;
mod writing;
