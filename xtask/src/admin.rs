//! `cargo xtask admin`: the administrator's commands, from source.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::setup;

/// Hands everything through to `paneld admin`: arguments, standard input and the exit code.
///
/// It runs in the caller's folder, not in the root, because the data directory is relative to it.
pub(crate) fn run(sh: &Shell, args: &[String]) -> Result<ExitCode> {
    setup::run(sh)?;
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--package", "paneld", "--", "admin"])
        .args(args)
        .status()
        .context("failed to start cargo")?;
    // A process ended by a signal has no code.
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Ok(ExitCode::from(code))
}
