//! `cargo xtask test`: all tests, on a machine with nothing but Rust.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{
    services::{POSTGRES_URL, Postgres, REDIS_URL, Redis},
    setup,
};

/// The backends of the HTTP suite: the values of `PANELD_TEST_CATALOG` and `PANELD_TEST_LIMITER`.
const CATALOGS: [&str; 2] = ["sqlite", "postgres"];
const LIMITERS: [&str; 2] = ["local", "redis"];

/// Runs unit, integration and documentation tests, and the HTTP suite with every pair of backends;
/// or with arguments what `cargo test` makes of them.
///
/// PostgreSQL and Redis are there for the tests: those that the environment names, or private ones
/// that end with this.
pub(crate) fn run(sh: &Shell, args: &[String]) -> Result<()> {
    setup::run(sh)?;
    let postgres = match sh.var(POSTGRES_URL) {
        Ok(_) => None,
        Err(_) => Some(Postgres::start()?),
    };
    // Some tests kill their Redis, and start one of their own for that.
    Redis::demand()?;
    let redis = match sh.var(REDIS_URL) {
        Ok(_) => None,
        Err(_) => Some(Redis::start()?),
    };
    let _postgres = postgres
        .as_ref()
        .map(|postgres| sh.push_env(POSTGRES_URL, postgres.url()));
    let _redis = redis
        .as_ref()
        .map(|redis| sh.push_env(REDIS_URL, redis.url()));
    if args.is_empty() {
        run_all(sh)
    } else {
        run_some(sh, args)
    }
}

fn run_some(sh: &Shell, args: &[String]) -> Result<()> {
    let mut parts = args.splitn(2, |arg| arg == "--");
    let [of_cargo, of_tests] = [(); 2].map(|()| parts.next().unwrap_or_default());
    cmd!(
        sh,
        "cargo test --locked {of_cargo...} -- --include-ignored {of_tests...}"
    )
    .run()?;
    Ok(())
}

fn run_all(sh: &Shell) -> Result<()> {
    let mut table = vec![format!("{:<20}", "HTTP suite")];
    for limiter in LIMITERS {
        table[0] += &format!("{:<20}", format!("limits: {limiter}"));
    }
    let mut failures = 0;
    for catalog in CATALOGS {
        let mut row = format!("{:<20}", format!("catalog: {catalog}"));
        for limiter in LIMITERS {
            println!("\n--- catalog: {catalog}, limits: {limiter}");
            let result = run_with(sh, catalog, limiter);
            failures += usize::from(result.is_err());
            row += &format!("{:<20}", if result.is_ok() { "passed" } else { "FAILED" });
        }
        table.push(row);
    }
    println!("\n{}", table.join("\n"));
    if failures > 0 {
        bail!("tests failed: see above");
    }
    Ok(())
}

/// With the first pair of backends all tests, with the others the HTTP suite alone: every other
/// test chooses its backends itself.
fn run_with(sh: &Shell, catalog: &str, limiter: &str) -> xshell::Result<()> {
    // Not with `--all-targets`, which would leave out the documentation tests.
    let which = match (catalog, limiter) {
        ("sqlite", "local") => &["--workspace"][..],
        _ => &["--package", "paneld", "--test", "suite"],
    };
    cmd!(
        sh,
        "cargo test --locked --no-fail-fast {which...} -- --include-ignored"
    )
    .env("PANELD_TEST_CATALOG", catalog)
    .env("PANELD_TEST_LIMITER", limiter)
    .run()
}
