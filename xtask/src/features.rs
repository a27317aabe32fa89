//! `cargo xtask features`: what hosts may ask for has to compile, each feature alone.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// The APIs, each with libraries that it must not bring.
const ALONE: &[(&str, &[&str])] = &[
    ("manage", &["arrow-array", "duckdb", "parquet", "redb"]),
    ("track", &["parquet"]),
    ("insights", &["parquet"]),
    ("export", &[]),
];

/// Checks the server with one API at a time.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    for (feature, kept_out) in ALONE {
        let alone = ["--no-default-features", "--features", feature];
        cmd!(sh, "cargo check --locked -p paneld-server {alone...}").run()?;
        let tree = cmd!(
            sh,
            "cargo tree --locked -p paneld-server -e normal --prefix none {alone...}"
        );
        let tree = tree.quiet().read()?;
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        for name in names {
            if kept_out.contains(&name) {
                bail!("the feature {feature} of paneld-server alone brings {name}");
            }
        }
    }
    Ok(())
}
