//! `cargo xtask features`: what hosts may ask for has to compile, each feature alone.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// Crates for hosts, with the features that the server turns on taken away: in the workspace they
/// are always on.
const WITHOUT: &[(&str, &str)] = &[
    ("paneld-ratelimit", ""),
    ("paneld-auth", ""),
    ("paneld-auth", "idempotency"),
    ("paneld-auth", "imported"),
    ("paneld-auth", "strength"),
    ("paneld-guard", ""),
    ("paneld-guard", "idempotency"),
    ("paneld-guard", "redis"),
    ("paneld-guard", "tracking"),
];

/// The APIs of the server, each with libraries that it must not bring.
const ALONE: &[(&str, &[&str])] = &[
    ("manage", &["arrow-array", "duckdb", "parquet", "redb"]),
    ("console", &["arrow-array", "duckdb", "parquet", "redb"]),
    ("track", &["parquet"]),
    ("insights", &["parquet"]),
    ("export", &[]),
];

/// Checks crates for hosts without and with each of their features, and the server with one API at
/// a time.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    for (package, features) in WITHOUT {
        cmd!(
            sh,
            "cargo clippy --locked --package {package} --features {features} -- -D warnings"
        )
        .run()?;
    }
    for (feature, kept_out) in ALONE {
        let alone = ["--no-default-features", "--features", feature];
        cmd!(
            sh,
            "cargo clippy --locked -p paneld-server {alone...} -- -D warnings"
        )
        .run()?;
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
