//! What tests need around them.
//!
//! `cargo xtask test` starts PostgreSQL, Redis and ClickHouse, and tells tests in their environment
//! where they are. Tests that need one of them are ignored by a plain `cargo test`.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are told by their environment"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod database;
mod events;

pub use database::Database;
pub use events::{EventsDatabase, are_events_in_clickhouse, skip_without_duckdb};

/// Where the Redis is that all tests share; each must have a key prefix of its own.
///
/// # Panics
/// When the environment does not say.
pub fn redis_url() -> String {
    told("PANELD_TEST_REDIS_URL")
}

fn told(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with cargo xtask test"))
}
