//! Against real servers, which each test starts for itself.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod bus;
mod cluster;
mod sentinel;
mod single;
mod support;
