//! `cargo xtask test`: all tests, on a machine with nothing but Rust.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{
    services::{CLICKHOUSE_URL, ClickHouse, POSTGRES_URL, Postgres, REDIS_URL, Redis},
    setup, web,
};

/// The backends of the HTTP suite, as in `VARIABLES`: those of one server alone, and those that many
/// share. Each backend is in one of them, for no code knows of two.
const ALONE: Backends = ["sqlite", "local", "duckdb"];
const SHARED: Backends = ["postgres", "redis", "clickhouse"];
/// The variables that tell the suite which they are.
const VARIABLES: Backends = [
    "PANELD_TEST_CATALOG",
    "PANELD_TEST_LIMITER",
    "PANELD_TEST_EVENTS",
];

type Backends = [&'static str; 3];

/// Runs unit, integration and documentation tests, and the HTTP suite with every backend; or with arguments what `cargo test` makes of them.
///
/// PostgreSQL, Redis and ClickHouse are there for the tests: those that the environment names, or
/// private ones that end with this. ClickHouse alone may be missing, and then is left out, loudly.
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
    let (clickhouse, told) = match sh.var(CLICKHOUSE_URL) {
        Ok(_) => (None, true),
        Err(_) => (ClickHouse::start(sh)?, false),
    };
    let has_clickhouse = told || clickhouse.is_some();
    let _postgres = postgres
        .as_ref()
        .map(|postgres| sh.push_env(POSTGRES_URL, postgres.url()));
    let _redis = redis
        .as_ref()
        .map(|redis| sh.push_env(REDIS_URL, redis.url()));
    let _clickhouse = clickhouse
        .as_ref()
        .map(|clickhouse| sh.push_env(CLICKHOUSE_URL, clickhouse.url()));
    if args.is_empty() {
        run_all(sh, has_clickhouse)
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

fn run_all(sh: &Shell, has_clickhouse: bool) -> Result<()> {
    let [catalog, limiter, events] = SHARED;
    let events = if has_clickhouse { events } else { "duckdb" };
    let runs = [ALONE, [catalog, limiter, events]];
    let mut results = Vec::new();
    for backends in runs {
        println!("\n--- {}", named(backends));
        results.push(run_with(sh, backends));
    }
    println!();
    for (backends, result) in runs.into_iter().zip(&results) {
        let result = if result.is_ok() { "passed" } else { "FAILED" };
        println!("{}: {result}", named(backends));
    }
    if results.iter().any(Result::is_err) {
        bail!("tests failed: see above");
    }
    println!("\n--- the console, in a browser");
    web::browse(sh)
}

fn named([catalog, limiter, events]: Backends) -> String {
    format!("catalog: {catalog}, limits: {limiter}, events: {events}")
}

/// With the first backends all tests, with the others the HTTP suite and the contract of event
/// stores alone: every other test chooses its backends itself.
fn run_with(sh: &Shell, backends: Backends) -> xshell::Result<()> {
    // Not with `--all-targets`, which would leave out the documentation tests. The whole workspace
    // also for two of its tests: for fewer packages cargo would build what they need anew, with
    // other features.
    let which = match backends {
        ALONE => &[][..],
        _ => &["--test", "suite", "--test", "store"],
    };
    // What is about one engine alone was among all tests.
    let without = match backends {
        ALONE => &[][..],
        _ => &["--skip", "duckdb::", "--skip", "clickhouse::"],
    };
    let _told = VARIABLES
        .iter()
        .zip(backends)
        .map(|(variable, backend)| sh.push_env(variable, backend))
        .collect::<Vec<_>>();
    cmd!(
        sh,
        "cargo test --locked --no-fail-fast --workspace {which...} -- --include-ignored {without...}"
    )
    .run()
}
