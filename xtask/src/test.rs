//! `cargo xtask test`: all tests, on a machine with nothing but Rust.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{
    services::{POSTGRES_URL, Postgres, REDIS_URL, Redis},
    setup, web,
};

/// The backends of the HTTP suite: the values of `PANELD_TEST_CATALOG` and `PANELD_TEST_LIMITER`.
/// Each backend is in one pair, for no code knows of two of them.
const BACKENDS: [(&str, &str); 2] = [("sqlite", "local"), ("postgres", "redis")];

/// Runs unit, integration and documentation tests, and the HTTP suite with every backend; or with arguments what `cargo test` makes of them.
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
    let mut results = Vec::new();
    for (catalog, limiter) in BACKENDS {
        println!("\n--- catalog: {catalog}, limits: {limiter}");
        results.push(run_with(sh, catalog, limiter));
    }
    println!();
    for ((catalog, limiter), result) in BACKENDS.iter().zip(&results) {
        let result = if result.is_ok() { "passed" } else { "FAILED" };
        println!("catalog: {catalog}, limits: {limiter}: {result}");
    }
    if results.iter().any(Result::is_err) {
        bail!("tests failed: see above");
    }
    println!("\n--- the console, in a browser");
    web::browse(sh)
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
