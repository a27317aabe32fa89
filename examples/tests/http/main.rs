//! The examples, each started and spoken to over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod guard;
mod server;
mod support;
