//! The log: on standard error, text for people and JSON for machines.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts the log.
pub(crate) fn start(config: &Config) -> anyhow::Result<()> {
    let filter = config
        .log
        .parse::<EnvFilter>()
        .context("the log filter is wrong")?;
    let as_text = match config.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = if as_text {
        log.try_init()
    } else {
        log.json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init()
    };
    started.map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))
}
