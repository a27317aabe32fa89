//! What the limiter costs beyond the script that decides, which Redis runs.
//!
//! The floor is `redis-benchmark` running the very same script, in two ways: with a connection for each caller, and with the limiter's one connection and as many requests in flight on it.
//! All take turns on the same Redis, so that a machine that turns slow or fast meanwhile tips no scale.

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::bench::http::{median, release_folder};
use crate::services::Redis;

/// The share of redis-benchmark's decisions, with as many connections as there are callers, that the limiter is meant to make.
const TARGET: f64 = 0.8;

#[derive(Args)]
pub(crate) struct Options {
    /// How long a round of the limiter lasts; those of redis-benchmark make as many decisions
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many rounds are measured, after one to warm up
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many callers ask at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    callers: u32,
}

/// What the measured program prints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    decisions: u64,
    duration_us: u64,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let package = [
        "--package",
        "paneld-ratelimit",
        "--features",
        "redis",
        "--example",
        "decisions",
    ];
    cmd!(sh, "cargo build --release --locked {package...}").run()?;
    let program = release_folder(sh)?.join("examples/decisions");
    let redis = Redis::start()?;
    let script = sh.read_file("crates/ratelimit/src/take.lua")?;
    let port = &redis.port().to_string();
    let hash = cmd!(sh, "redis-cli -p {port} SCRIPT LOAD {script}")
        .quiet()
        .read()?;

    let limiter = || -> Result<Load> {
        let url = redis.url();
        let (callers, seconds) = (options.callers.to_string(), options.seconds.to_string());
        let printed = cmd!(sh, "{program} {url} {callers} {seconds}")
            .quiet()
            .read()?;
        let load: Load = serde_json::from_str(&printed)?;
        ensure!(load.decisions > 0, "the limiter made no decision");
        Ok(load)
    };
    println!("warming up");
    limiter()?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        println!("round {number} of {}", options.rounds);
        let load = limiter()?;
        let own = load.decisions as f64 / load.duration_us as f64 * 1e6;
        let (callers, all) = (options.callers, load.decisions);
        let apart = redis_benchmark(sh, port, &hash, callers, 1, all)?;
        let together = redis_benchmark(sh, port, &hash, 1, callers, all)?;
        rounds.push([own, apart, together]);
    }
    print!("{}", report(options.callers, &rounds));
    Ok(())
}

/// Decisions per second of redis-benchmark on so many connections, each with so many requests in flight.
fn redis_benchmark(
    sh: &Shell,
    port: &str,
    hash: &str,
    connections: u32,
    in_flight: u32,
    decisions: u64,
) -> Result<f64> {
    // Where the last batch is not a whole one, redis-benchmark now and then gives up at its end.
    let batch = u64::from(in_flight);
    let decisions = (decisions.div_ceil(batch) * batch).to_string();
    let (connections, in_flight) = (connections.to_string(), in_flight.to_string());
    // What the limiter sends, for as many clients: the key, the cost, the limit and the window.
    let key = "paneld:limit:{00000000000040008000__rand_int__}:manage";
    let command = ["EVALSHA", hash, "1", key, "1", "100000000", "10"];
    let printed = cmd!(
        sh,
        "redis-benchmark -p {port} -c {connections} -P {in_flight} -n {decisions} -r 10000 --csv {command...}"
    )
    .quiet()
    .read()?;
    decisions_per_second(&printed)
}

/// The first number behind the command, in the last line.
fn decisions_per_second(csv: &str) -> Result<f64> {
    let last = csv
        .lines()
        .last()
        .context("redis-benchmark printed nothing")?;
    let columns = last.split("\",\"").map(|column| column.trim_matches('"'));
    let number = columns.skip(1).find_map(|column| column.parse().ok());
    number.with_context(|| format!("redis-benchmark printed no numbers but `{last}`"))
}

/// The table of medians, and how much of the floor is left.
fn report(callers: u32, rounds: &[[f64; 3]]) -> String {
    let of = |which: usize| median(rounds.iter().map(|round| round[which]).collect());
    let [own, apart, together] = [of(0), of(1), of(2)];
    format!(
        "\n{:<48}{:>12}{:>8}\n\
         {:<48}{own:>12.0}\n\
         {:<48}{apart:>12.0}{:>8.2}  (target ≥ {TARGET})\n\
         {:<48}{together:>12.0}{:>8.2}\n",
        "decisions",
        "per second",
        "ratio",
        format!("limiter, {callers} callers on one connection"),
        format!("redis-benchmark, {callers} connections"),
        own / apart,
        format!("redis-benchmark, one connection, {callers} in flight"),
        own / together,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_per_second_stand_behind_the_command() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\
                   \"EVALSHA 29 1 a 1 2 3\",\"41000.50\",\"1.5\"\n";
        assert_eq!(decisions_per_second(csv).unwrap(), 41_000.5);
        assert!(decisions_per_second("Could not connect").is_err());
    }
}
