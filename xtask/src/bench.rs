//! `cargo xtask bench`: measurements, each a subcommand.

mod clickhouse;
mod console;
mod export;
mod http;
mod ingest;
mod insights;
mod ratelimit;
mod server;
mod wrk;

use anyhow::Result;
use clap::Subcommand;
use xshell::Shell;

use crate::setup;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Click on 30 days of many events in a browser, and wait until they are painted
    Console(console::Options),
    /// Compare exports of many events with DuckDB's own, and watch the memory they need
    Export(export::Options),
    /// Compare an authenticated request with the least that an actix-web server can do
    Http(http::Options),
    /// Compare taking events, durably, with a handler that only parses them
    Ingest(ingest::Options),
    /// Compare reports over many events with the best SQL for them
    Insights(insights::Options),
    /// Compare the Redis limiter with redis-benchmark running the same script
    Ratelimit(ratelimit::Options),
}

/// Runs one measurement. None of them writes anything in the repository.
pub(crate) fn run(sh: &Shell, bench: Bench) -> Result<()> {
    setup::run(sh)?;
    match bench {
        Bench::Console(options) => console::run(sh, &options),
        Bench::Export(options) => export::run(sh, &options),
        Bench::Http(options) => http::run(sh, &options),
        Bench::Ingest(options) => ingest::run(sh, &options),
        Bench::Insights(options) => insights::run(sh, &options),
        Bench::Ratelimit(options) => ratelimit::run(sh, &options),
    }
}
