//! `cargo xtask fuzz`: random bodies for Track, for as long as one likes.

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::setup;

/// For how long, and from where on.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seconds to go on
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Where to begin; somewhere else each time if it is not told
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the long form of a test that `cargo test` runs in a short one.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    setup::run(sh)?;
    let seed = options.seed.map(|seed| seed.to_string());
    let test = "fuzz::a_lot_of_everything";
    cmd!(
        sh,
        "cargo test --locked --package paneld --test suite -- --ignored --exact {test}"
    )
    .env("PANELD_TEST_FUZZ_SECONDS", options.seconds.to_string())
    .env("PANELD_TEST_FUZZ_SEED", seed.unwrap_or_default())
    .run()?;
    Ok(())
}
