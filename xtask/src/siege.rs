//! `cargo xtask siege`: attacks the real server in all ways, and demands that its neighbour does
//! not notice.

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::{setup, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// For how many seconds each attack is made alone
    #[arg(long, default_value_t = 4)]
    each: u32,
    /// For how many seconds all attacks are made at once
    #[arg(long, default_value_t = 40)]
    all: u32,
    /// Attack what `cargo build` makes, which is there sooner, and say nothing of how long it takes
    #[arg(long)]
    debug: bool,
}

/// Builds the servers and those who attack them, and runs them.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    setup::run(sh)?;
    let (profile, folder) = match options.debug {
        true => ("dev", "debug"),
        false => ("release", "release"),
    };
    cmd!(
        sh,
        "cargo build --locked --profile {profile} --package paneld --package bare --package siege"
    )
    .run()?;
    let built = workspace::metadata(sh)?.target_directory.join(folder);
    let (program, siege) = (built.join("paneld"), built.join("siege"));
    let floor = built.join("bare");
    let floor = (!options.debug).then(|| format!("--floor={floor}"));
    let (each, all) = (options.each.to_string(), options.all.to_string());
    cmd!(sh, "{siege} {program} --each {each} --all {all} {floor...}")
        .quiet()
        .run()?;
    Ok(())
}
