//! `cargo xtask crash`: kills the real server again and again, and demands that nothing is lost.

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::{setup, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// How often to kill the server
    #[arg(long, default_value_t = 30)]
    kills: u32,
    /// Where random choices begin; another one each time unless it is given
    #[arg(long)]
    seed: Option<u64>,
    /// How many requests are in flight at once
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Kill what `cargo build` makes, which is there sooner
    #[arg(long)]
    debug: bool,
}

/// Builds the server and those who call it, and runs them.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    setup::run(sh)?;
    let (profile, folder) = match options.debug {
        true => ("dev", "debug"),
        false => ("release", "release"),
    };
    cmd!(
        sh,
        "cargo build --locked --profile {profile} --package paneld --package crash"
    )
    .run()?;
    let built = workspace::metadata(sh)?.target_directory.join(folder);
    let (program, crash) = (built.join("paneld"), built.join("crash"));
    let kills = options.kills.to_string();
    let connections = options.connections.to_string();
    let seed = options.seed.map(|seed| format!("--seed={seed}"));
    cmd!(
        sh,
        "{crash} {program} --kills {kills} --connections {connections} {seed...}"
    )
    .quiet()
    .run()?;
    Ok(())
}
