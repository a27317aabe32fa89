//! What authentication, permissions, limits and the catalog cost per request.
//!
//! The floor is the package `bare` (`xtask/floor`): one handler, no middleware, a reply of the same shape.
//! Both servers run side by side and take turns, so that a machine that turns slow or fast meanwhile tips no scale.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use xshell::{Shell, cmd};

use crate::bench::server::Server;
use crate::bench::wrk::Wrk;
use crate::workspace;

/// The share of the bare server's numbers that paneld is meant to keep.
const TARGET: f64 = 0.7;

/// Credentials of a throwaway server, gone when the measurement ends.
const CLIENT_ID: &str = "5b0c9a52-0f6b-4d0e-9a36-7c1f0c2d8e41";
const CLIENT_SECRET: &str = "benchmark-only-not-a-secret";

#[derive(Args)]
pub(crate) struct Options {
    /// How long a round lasts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many rounds of each server are measured, after one to warm up
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many connections are kept open
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
}

/// A running server, what it is asked, and what was measured so far.
struct Target {
    server: Server,
    path: &'static str,
    headers: Vec<String>,
    rounds: Vec<Round>,
}

struct Round {
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us_per_request: f64,
    resident_mib: f64,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let wrk = Wrk::prepare(sh, folder.path(), options.seconds, options.connections)?;
    let built = build(sh)?;
    let mut targets = [
        start_bare(&built, folder.path())?,
        start_paneld(&built, folder.path())?,
    ];

    println!("warming up");
    for target in &targets {
        target.measure(&wrk)?;
    }
    for number in 1..=options.rounds {
        println!("round {number} of {}", options.rounds);
        for target in &mut targets {
            target.rounds.push(target.measure(&wrk)?);
        }
    }
    print!("{}", report(&targets));
    Ok(())
}

/// Builds the servers and what fills and asks their stores; the folder of the programs. It is one
/// set for all measurements: another one would have other features, and compile DuckDB's crates
/// again.
pub(crate) fn build(sh: &Shell) -> Result<PathBuf> {
    let packages = ["paneld", "bare", "paneld-events"];
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    cmd!(sh, "cargo build --release --locked --bins --examples")
        .args(packages)
        .run()?;
    release_folder(sh)
}

pub(crate) fn release_folder(sh: &Shell) -> Result<PathBuf> {
    Ok(workspace::metadata(sh)?
        .target_directory
        .join("release")
        .into_std_path_buf())
}

fn start_bare(built: &Path, folder: &Path) -> Result<Target> {
    let server = Server::start("bare", &built.join("bare"), folder, "BARE_LISTEN", &[])?;
    Target::new(server, "/", Vec::new())
}

fn start_paneld(built: &Path, folder: &Path) -> Result<Target> {
    let data = folder.join("data");
    let variables = [
        (
            "PANELD_DATA_DIR",
            data.to_str()
                .context("the temporary folder has an odd name")?,
        ),
        ("PANELD_BOOTSTRAP_CLIENT_ID", CLIENT_ID),
        ("PANELD_BOOTSTRAP_CLIENT_SECRET", CLIENT_SECRET),
        // The limiter does its work for each request, but never says no.
        ("PANELD_RATE_LIMIT_MANAGE", "100000000/10s"),
    ];
    let server = Server::start(
        "paneld",
        &built.join("paneld"),
        folder,
        "PANELD_LISTEN",
        &variables,
    )?;
    let headers = vec![
        format!("openpanel-client-id: {CLIENT_ID}"),
        format!("openpanel-client-secret: {CLIENT_SECRET}"),
    ];
    Target::new(server, "/manage/me", headers)
}

impl Target {
    fn new(mut server: Server, path: &'static str, headers: Vec<String>) -> Result<Self> {
        server.wait_until_it_answers(path, &headers)?;
        Ok(Self {
            server,
            path,
            headers,
            rounds: Vec::new(),
        })
    }

    fn measure(&self, wrk: &Wrk<'_>) -> Result<Round> {
        let cpu_before = self.server.cpu_us()?;
        let load = wrk.run(&self.server.url(self.path), &self.headers)?;
        let cpu_us = self.server.cpu_us()? - cpu_before;
        Ok(Round {
            requests_per_second: load.requests / load.duration_us * 1e6,
            p50_us: load.p50_us,
            p99_us: load.p99_us,
            cpu_us_per_request: cpu_us / load.requests,
            resident_mib: self.server.resident_mib()?,
        })
    }

    fn median(&self, number: fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(number).collect())
    }
}

/// The table of medians, and how much of the floor is left.
fn report([bare, paneld]: &[Target; 2]) -> String {
    let mut lines = vec![format!(
        "\n{:<8}{:>10}{:>10}{:>10}{:>16}{:>10}",
        "server", "req/s", "p50 µs", "p99 µs", "CPU µs/request", "RSS MiB"
    )];
    for target in [bare, paneld] {
        lines.push(format!(
            "{:<8}{:>10.0}{:>10.0}{:>10.0}{:>16.1}{:>10.1}",
            target.server.name(),
            target.median(|round| round.requests_per_second),
            target.median(|round| round.p50_us),
            target.median(|round| round.p99_us),
            target.median(|round| round.cpu_us_per_request),
            target.median(|round| round.resident_mib),
        ));
    }
    let throughput = paneld.median(|round| round.requests_per_second)
        / bare.median(|round| round.requests_per_second);
    let cpu = bare.median(|round| round.cpu_us_per_request)
        / paneld.median(|round| round.cpu_us_per_request);
    lines.push(format!(
        "\nthroughput, paneld/bare  {throughput:.2}  (target ≥ {TARGET})"
    ));
    lines.push(format!(
        "CPU time, bare/paneld    {cpu:.2}  (target ≥ {TARGET})\n"
    ));
    lines.join("\n")
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.as_slice() {
        [] => f64::NAN,
        numbers if numbers.len() % 2 == 0 => (numbers[middle - 1] + numbers[middle]) / 2.0,
        numbers => numbers[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_middle_two() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(vec![9.0, 1.0, 5.0, 3.0]), 4.0);
        assert_eq!(median(vec![2.0]), 2.0);
    }
}
