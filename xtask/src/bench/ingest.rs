//! What it costs to take events so that they are never lost, and to have them in the store.
//!
//! The floor is a handler of the package `bare` that parses the same JSON into a typed value and
//! drops it. Servers take turns, so that a machine that turns slow or fast meanwhile tips no
//! scale. What counts is not what was answered but what is in the store two seconds later.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value as Json;
use xshell::{Shell, cmd};

use crate::bench::{
    http::{build, median},
    server::Server,
    wrk::{Load, Wrk},
};

/// The share of the bare handler's throughput that is to be in the store.
const TARGET: f64 = 0.35;
/// How long after the load everything that was answered must be visible.
pub(crate) const VISIBLE: Duration = Duration::from_secs(2);
/// What the version beside is called.
const OTHER: &str = "other";
/// The key of the first project of a catalog.
const PROJECT_KEY: &str = "1";

pub(crate) const SCRIPT: &str = include_str!("ingest.lua");
pub(crate) const ROOT_ID: &str = "5b0c9a52-0f6b-4d0e-9a36-7c1f0c2d8e41";
pub(crate) const ROOT_SECRET: &str = "benchmark-only-not-a-secret";
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                       Gecko) Chrome/126.0.0.0 Safari/537.36";

#[derive(Args)]
pub(crate) struct Options {
    /// How long a round lasts
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many rounds of each server are measured, after a short one to warm up
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many connections are kept open: one measurement for each number
    #[arg(long, default_values_t = [64, 256], value_delimiter = ',')]
    connections: Vec<u32>,
    /// How many million events a second paneld begins with, beside the empty one
    #[arg(long)]
    stored: Option<u32>,
    /// The executable of another version, which takes turns with this one
    #[arg(long)]
    beside: Option<PathBuf>,
}

/// A running server, and what it was measured at.
struct Target {
    name: String,
    server: Server,
    /// Those of the requests that are measured.
    headers: Vec<String>,
    rounds: Vec<Round>,
}

struct Round {
    answered_per_second: f64,
    stored_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us_per_event: f64,
    resident_mib: f64,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let built = build(sh)?;
    let mut targets = vec![
        start_bare(&built, folder.path())?,
        start_paneld(
            &built.join("paneld"),
            &folder.path().join("empty"),
            "paneld",
        )?,
    ];
    if let Some(other) = &options.beside {
        let folder = folder.path().join(OTHER);
        targets.push(start_paneld(&std::path::absolute(other)?, &folder, OTHER)?);
    }
    if let Some(millions) = options.stored {
        targets.push(start_filled(sh, &built, folder.path(), millions)?);
    }
    for connections in &options.connections {
        let wrk = |seconds| {
            let wrk = Wrk::prepare(sh, folder.path(), seconds, *connections)?;
            wrk.with_script(folder.path(), SCRIPT, *connections)
        };
        println!("\n{connections} connections");
        for target in &mut targets {
            target.rounds.clear();
            target.measure(&wrk(3)?, 0)?;
        }
        for _ in 0..options.rounds {
            for target in &mut targets {
                let round = target.measure(&wrk(options.seconds)?, 0)?;
                target.rounds.push(round);
            }
        }
        print!("{}", report(&targets));
        for target in &targets[1..] {
            let rate = target.median(|round| round.stored_per_second) / 2.0;
            let rest = f64::from(*connections) / rate * 1e3;
            let half = target.measure(&wrk(options.seconds)?, rest as u32)?;
            println!(
                "{}: at {:.0} events a second, about half of that, p50 {:.2} ms, p99 {:.2} ms \
                 (target < 20 ms)",
                target.name, half.answered_per_second, half.p50_ms, half.p99_ms
            );
        }
    }
    Ok(())
}

fn start_bare(built: &Path, folder: &Path) -> Result<Target> {
    let mut server = Server::start("bare", &built.join("bare"), folder, "BARE_LISTEN", &[])?;
    server.wait_until_it_answers("/", &[])?;
    Ok(Target {
        name: "bare".to_owned(),
        headers: headers(ROOT_ID, ROOT_SECRET),
        server,
        rounds: Vec::new(),
    })
}

pub(crate) fn serve(program: &Path, folder: &Path) -> Result<Server> {
    let data = folder.join("data");
    let data = data
        .to_str()
        .context("the temporary folder has an odd name")?;
    let variables = [
        ("PANELD_DATA_DIR", data),
        ("PANELD_BOOTSTRAP_CLIENT_ID", ROOT_ID),
        ("PANELD_BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET),
        // The limiter does its work for each request, but never says no.
        ("PANELD_RATE_LIMIT_TRACK", "100000000/10s"),
        ("PANELD_RATE_LIMIT_INSIGHTS", "100000000/10s"),
        ("PANELD_RATE_LIMIT_EXPORT", "100000000/10s"),
    ];
    Server::start("paneld", program, folder, "PANELD_LISTEN", &variables)
}

fn start_paneld(program: &Path, folder: &Path, name: &str) -> Result<Target> {
    std::fs::create_dir_all(folder)?;
    let mut server = serve(program, folder)?;
    server.wait_until_it_answers("/healthz/ready", &[])?;
    let project = r#"{"name":"shop"}"#;
    let root = headers(ROOT_ID, ROOT_SECRET);
    let made = server.ask("POST", "/manage/projects", &root, project)?;
    let client = |name: &str| text(&made["data"]["client"][name]);
    let headers = headers(&client("id")?, &client("secret")?);
    Ok(Target {
        name: name.to_owned(),
        server,
        headers,
        rounds: Vec::new(),
    })
}

/// A paneld with so many events of its project, which was killed and started again.
fn start_filled(sh: &Shell, built: &Path, folder: &Path, millions: u32) -> Result<Target> {
    let folder = folder.join("filled");
    let name = format!("paneld, {millions} M");
    let program = built.join("paneld");
    let Target {
        server, headers, ..
    } = start_paneld(&program, &folder, &name)?;
    server.kill()?;
    let file = folder.join("data").join("events.duckdb");
    let count = (u64::from(millions) * 1_000_000).to_string();
    println!("storing {count} events");
    let fill = built.join("examples").join("fill");
    cmd!(sh, "{fill} {file} {PROJECT_KEY} {count}").run()?;
    let started = now();
    let mut server = serve(&program, &folder)?;
    server.wait_until_it_answers("/healthz/live", &[])?;
    let served = started.elapsed();
    server.wait_until_it_answers("/healthz/ready", &[])?;
    println!(
        "with {count} events stored: serving after {served:.1?}, its store open after {:.1?}",
        started.elapsed()
    );
    Ok(Target {
        name,
        server,
        headers,
        rounds: Vec::new(),
    })
}

pub(crate) fn headers(id: &str, secret: &str) -> Vec<String> {
    vec![
        format!("openpanel-client-id: {id}"),
        format!("openpanel-client-secret: {secret}"),
        format!("user-agent: {BROWSER}"),
        "content-type: application/json".to_owned(),
    ]
}

fn text(json: &Json) -> Result<String> {
    Ok(json.as_str().context("a text is missing")?.to_owned())
}

impl Target {
    fn is_bare(&self) -> bool {
        self.name == "bare"
    }

    /// Loads it, with this rest of every connection between two requests in milliseconds.
    fn measure(&self, wrk: &Wrk<'_>, rest: u32) -> Result<Round> {
        let before = self.stored()?;
        let cpu_before = self.server.cpu_us()?;
        let url = self.server.url("/track");
        let load: Load = wrk.run_with(&url, &self.headers, &[rest.to_string()])?;
        if !self.is_bare() {
            thread::sleep(VISIBLE);
        }
        let stored = match self.is_bare() {
            true => load.requests,
            false => self.stored()? - before,
        };
        ensure!(stored > 0.0, "nothing was stored");
        let cpu_us = self.server.cpu_us()? - cpu_before;
        let seconds = load.duration_us / 1e6;
        Ok(Round {
            answered_per_second: load.requests / seconds,
            stored_per_second: stored / seconds,
            p50_ms: load.p50_us / 1e3,
            p99_ms: load.p99_us / 1e3,
            cpu_us_per_event: cpu_us / load.requests,
            resident_mib: self.server.resident_mib()?,
        })
    }

    /// How many events of the kind that is sent are in the store.
    fn stored(&self) -> Result<f64> {
        if self.is_bare() {
            return Ok(0.0);
        }
        stored(&self.server)
    }

    fn median(&self, number: fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(number).collect())
    }
}

/// How many screen views of the project are in the store.
pub(crate) fn stored(server: &Server) -> Result<f64> {
    let path = "/export/events?projectId=shop&event=screen_view&limit=1";
    let root = headers(ROOT_ID, ROOT_SECRET);
    let found = server.ask("GET", path, &root, "")?;
    let total = found["meta"]["totalCount"].as_f64();
    total.context("the number of events is missing")
}

/// The table of medians, and how much of the floor is left.
fn report(targets: &[Target]) -> String {
    let mut lines = vec![format!(
        "{:<14}{:>12}{:>12}{:>10}{:>10}{:>14}{:>10}",
        "server", "answered/s", "stored/s", "p50 ms", "p99 ms", "CPU µs/event", "RSS MiB"
    )];
    for target in targets {
        lines.push(format!(
            "{:<14}{:>12.0}{:>12.0}{:>10.2}{:>10.2}{:>14.1}{:>10.1}",
            target.name,
            target.median(|round| round.answered_per_second),
            target.median(|round| round.stored_per_second),
            target.median(|round| round.p50_ms),
            target.median(|round| round.p99_ms),
            target.median(|round| round.cpu_us_per_event),
            target.median(|round| round.resident_mib),
        ));
    }
    let stored = |target: &Target| target.median(|round| round.stored_per_second);
    let cpu = |target: &Target| target.median(|round| round.cpu_us_per_event);
    if let [bare, paneld, rest @ ..] = targets {
        let ratio = stored(paneld) / stored(bare);
        lines.push(format!(
            "stored, paneld/bare  {ratio:.2}  (target ≥ {TARGET})"
        ));
        for target in rest {
            let ratio = cpu(target) / cpu(paneld);
            lines.push(match target.name.as_str() {
                OTHER => format!("CPU per event, paneld/other  {:.2}", 1.0 / ratio),
                name => format!("CPU per event, {name}/empty  {ratio:.2}  (target ≤ 1.10)"),
            });
        }
    }
    lines.join("\n") + "\n"
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server's clock is not for developer tasks"
)]
fn now() -> Instant {
    Instant::now()
}
