//! The real executable: started with an emptied environment on folders and ports of its own, and
//! always ended.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod backends;
mod support;

mod admin;
mod backup;
mod bootstrap;
mod configuration;
mod crash;
mod durability;
mod event_loop;
mod faults;
mod first_start;
mod log;
mod metrics;
mod postgres;
mod private_files;
mod redis;
mod secrecy;
mod servers;
mod siege;
mod tls;
mod two_servers;
