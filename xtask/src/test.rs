//! `cargo xtask test`: all tests, on a machine with nothing but Rust.

use anyhow::Result;
use xshell::{Shell, cmd};

/// Runs unit, integration and documentation tests.
///
/// Not with `--all-targets`, which would leave out the documentation tests.
/// There is nothing to set up: SQLite is compiled in and each test makes its own files.
pub(crate) fn run(sh: &Shell, args: &[String]) -> Result<()> {
    cmd!(sh, "cargo test --workspace --locked {args...}").run()?;
    Ok(())
}
