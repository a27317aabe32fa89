//! How long people wait for the console: from the click on 30 days until they are painted in a
//! browser, over many events.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::{
    bench::{
        http::{build, median},
        ingest::{ROOT_ID, ROOT_SECRET, headers, serve},
        server::Server,
    },
    services::{CHROMIUM, chromium},
    web, workspace,
};

/// How long the chart may take when the server answers from memory, in milliseconds.
const TARGET_MS: f64 = 300.0;
/// How long a file is good for: its events are those of the 30 days before it was made.
const FRESH: Duration = Duration::from_secs(12 * 60 * 60);
/// The project with most of the events: its id, and its key in a new catalog.
const PROJECT: (&str, i64) = ("shop", 1);

#[derive(Args)]
pub(crate) struct Options {
    /// How many events are stored
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    events: u64,
    /// How many servers are started, one after another; medians are reported
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// What a browser saw of one server, which had just started.
#[derive(Deserialize)]
struct Round {
    first: Painted,
    again: Painted,
}

/// When what was clicked was on the screen, in milliseconds.
#[derive(Deserialize)]
struct Painted {
    chart: f64,
    /// The tables below it, too.
    all: f64,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let chromium = sh.var(CHROMIUM).or_else(|_unset| chromium())?;
    let built = build(sh)?;
    let folder = fill(sh, &built, options.events)?;
    let source = web::copy_with_tools(sh, "browse")?;
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        let server = start(&built, &folder)?;
        let _in_source = sh.push_dir(&source);
        let printed = cmd!(sh, "node scripts/painted.mjs")
            .quiet()
            .env("PANELD_E2E_URL", server.url(""))
            .env("PANELD_E2E_CLIENT_ID", ROOT_ID)
            .env("PANELD_E2E_CLIENT_SECRET", ROOT_SECRET)
            .env("PANELD_E2E_PROJECT", PROJECT.0)
            .env(CHROMIUM, &chromium)
            .read()?;
        rounds.push(serde_json::from_str::<Round>(&printed)?);
    }
    let of = |time: fn(&Round) -> f64| median(rounds.iter().map(time).collect());
    let again = of(|round| round.again.chart);
    println!(
        "30 days over {} events, ms from the click, medians of {}\n\
         {:<24}{:>8}{:>14}\n{:<24}{:>8.0}{:>14.0}\n{:<24}{again:>8.0}{:>14.0}\n\
         the chart from memory: {again:.0} ms, target ≤ {TARGET_MS:.0} ms",
        options.events,
        options.rounds,
        "",
        "chart",
        "all tables",
        "first",
        of(|round| round.first.chart),
        of(|round| round.first.all),
        "the server's memory",
        of(|round| round.again.all),
    );
    ensure!(again <= TARGET_MS, "the console is too slow");
    Ok(())
}

/// A data folder with so many events below the target folder, made unless there is a fresh one.
fn fill(sh: &Shell, built: &Path, events: u64) -> Result<PathBuf> {
    let folder = workspace::target_folder(sh)?.join(format!("console-{events}"));
    let done = folder.join("filled");
    let made = fs::metadata(&done).and_then(|file| file.modified());
    if made.is_ok_and(|made| now().duration_since(made).is_ok_and(|age| age < FRESH)) {
        return Ok(folder);
    }
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    let server = start(built, &folder)?;
    let root = headers(ROOT_ID, ROOT_SECRET);
    let (name, key) = PROJECT;
    let project = format!(r#"{{"name":"{name}"}}"#);
    server.ask("POST", "/manage/projects", &root, &project)?;
    server.kill()?;
    println!("making {events} events");
    let fill = built.join("examples").join("fill");
    let file = folder.join("data").join("events.duckdb");
    let (key, count) = (key.to_string(), events.to_string());
    cmd!(sh, "{fill} {file} {key} {count}").run()?;
    fs::write(&done, "").context("failed to note that the events are made")?;
    Ok(folder)
}

fn start(built: &Path, folder: &Path) -> Result<Server> {
    let mut server = serve(&built.join("paneld"), folder)?;
    server.wait_until_it_answers("/healthz/ready", &[])?;
    Ok(server)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server's clock is not for developer tasks"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
