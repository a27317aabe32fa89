//! The log: on standard error, text for people and JSON for machines.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::{
    Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{Config, LogFormat};

/// Starts the log.
pub(crate) fn start(config: &Config) -> anyhow::Result<()> {
    let as_text = match config.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let layer = fmt::layer().with_writer(std::io::stderr);
    let layer = if as_text {
        let colours = std::io::stderr().is_terminal();
        layer.with_ansi(colours).boxed()
    } else {
        layer
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    };
    tracing_subscriber::registry()
        .with(layer)
        .with(config.log.clone())
        .try_init()
        .context("the log could not be started")
}
