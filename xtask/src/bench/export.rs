//! What it takes to carry all events away, while others come in.
//!
//! The floor is DuckDB's own `COPY` of the same rows from the same file into one on the same disk,
//! without any order. paneld sends them newest first, over HTTP, to a reader that drops them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::bench::{http::build, server::Server};

/// The share of the rate of `COPY` that paneld is meant to reach.
const TARGET: f64 = 0.5;
/// How much memory paneld is meant to need, in MiB.
const MEMORY: f64 = 400.0;

const CLIENT_ID: &str = "5b0c9a52-0f6b-4d0e-9a36-7c1f0c2d8e41";
const CLIENT_SECRET: &str = "benchmark-only-not-a-secret";
/// The key of the first project of a catalog.
const PROJECT_KEY: &str = "1";

/// Everything that is stored of an event.
const INCLUDES: &str = "groups,properties,region,longitude,latitude,osVersion,browserVersion,\
    device,brand,model,origin,referrer,referrerName,referrerType,sdkName,sdkVersion,revenue,\
    importedAt";

/// How many events come in at once, and how often, while others are carried away.
const INCOMING: usize = 200;
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct Options {
    /// How many events are carried away
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
}

struct Measured {
    format: &'static str,
    copy_seconds: f64,
    seconds: f64,
    megabytes: f64,
    resident_mib: f64,
    came_in: u64,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let built = build(sh)?;
    let bench = Bench {
        sh,
        examples: built.join("examples"),
        program: built.join("paneld"),
        folder: folder.path(),
    };
    let server = bench.start()?;
    bench.make_project(&server)?;
    drop(server);
    println!("making {} events", options.events);
    let (fill, file) = (bench.examples.join("fill"), bench.file());
    let count = options.events.to_string();
    cmd!(sh, "{fill} {file} {PROJECT_KEY} {count}").run()?;
    let mut measured = Vec::new();
    for (format, of_copy) in [("parquet", "parquet"), ("ndjson", "json")] {
        println!("{format}: COPY");
        let copy_seconds = bench.copy(of_copy)?;
        println!("{format}: paneld");
        measured.push(bench.export(format, copy_seconds)?);
    }
    print!("{}", report(options.events, &measured));
    Ok(())
}

struct Bench<'a> {
    sh: &'a Shell,
    examples: PathBuf,
    program: PathBuf,
    folder: &'a Path,
}

impl Bench<'_> {
    fn start(&self) -> Result<Server> {
        let data = self.folder.join("data");
        let data = data
            .to_str()
            .context("the temporary folder has an odd name")?;
        let variables = [
            ("PANELD_DATA_DIR", data),
            ("PANELD_BOOTSTRAP_CLIENT_ID", CLIENT_ID),
            ("PANELD_BOOTSTRAP_CLIENT_SECRET", CLIENT_SECRET),
            ("PANELD_RATE_LIMIT_TRACK", "off"),
        ];
        let mut server = Server::start(
            "paneld",
            &self.program,
            self.folder,
            "PANELD_LISTEN",
            &variables,
        )?;
        server.wait_until_it_answers("/healthz/live", &[])?;
        Ok(server)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("data").join("events.duckdb")
    }

    fn make_project(&self, server: &Server) -> Result<()> {
        let url = server.url("/manage/projects");
        let body = r#"{"name": "Shop"}"#;
        let json = "content-type: application/json";
        let user = format!("{CLIENT_ID}:{CLIENT_SECRET}");
        cmd!(self.sh, "curl -sf -u {user} -H {json} -d {body} {url}")
            .quiet()
            .ignore_stdout()
            .run()?;
        Ok(())
    }

    /// How many seconds DuckDB takes.
    fn copy(&self, format: &str) -> Result<f64> {
        let (copy, file) = (self.examples.join("copy"), self.file());
        let target = self.folder.join("copied");
        let seconds = cmd!(self.sh, "{copy} {file} {PROJECT_KEY} {format} {target}")
            .quiet()
            .read()?;
        fs::remove_file(&target)?;
        seconds.parse().context("copy prints no number")
    }

    fn export(&self, format: &'static str, copy_seconds: f64) -> Result<Measured> {
        let server = self.start()?;
        let user = format!("{CLIENT_ID}:{CLIENT_SECRET}");
        let path = format!("/export/events?projectId=shop&format={format}&includes={INCLUDES}");
        let url = server.url(&path);
        let (is_over, came_in) = (AtomicBool::new(false), AtomicU64::new(0));
        let printed = thread::scope(|scope| {
            let (sh, incoming) = (self.sh.clone(), server.url("/import/events?projectId=shop"));
            let (is_over, came_in) = (&is_over, &came_in);
            scope.spawn(move || send_events(&sh, &incoming, is_over, came_in));
            // Fails where the reply has no proper end.
            let written = "%{http_code} %{time_total} %{size_download}";
            let printed = cmd!(
                self.sh,
                "curl -sS -u {user} -o /dev/null -w {written} {url}"
            )
            .quiet()
            .read();
            is_over.store(true, Ordering::Relaxed);
            printed
        })?;
        let printed: Vec<_> = printed.split(' ').collect();
        let [status, seconds, bytes] = printed.as_slice() else {
            anyhow::bail!("curl prints {printed:?}");
        };
        ensure!(*status == "200", "the export is answered with {status}");
        Ok(Measured {
            format,
            copy_seconds,
            seconds: seconds.parse()?,
            megabytes: bytes.parse::<f64>()? / 1e6,
            resident_mib: server.peak_mib()?,
            came_in: came_in.load(Ordering::Relaxed),
        })
    }
}

/// Sends events as long as others are carried away.
fn send_events(sh: &Shell, url: &str, is_over: &AtomicBool, came_in: &AtomicU64) {
    let event = r#"{"name": "screen_view", "created_at": "2026-01-01 10:00:00",
        "device_id": "d", "profile_id": "d", "path": "/", "properties": {"plan": "pro"}}"#;
    let body = format!("[{}]", vec![event; INCOMING].join(","));
    let user = format!("{CLIENT_ID}:{CLIENT_SECRET}");
    let json = "content-type: application/json";
    while !is_over.load(Ordering::Relaxed) {
        let sent = cmd!(sh, "curl -sf -u {user} -H {json} -d @- {url}")
            .quiet()
            .stdin(&body)
            .ignore_stdout()
            .run();
        if sent.is_ok() {
            came_in.fetch_add(INCOMING as u64, Ordering::Relaxed);
        }
        thread::sleep(PAUSE);
    }
}

fn report(events: u64, measured: &[Measured]) -> String {
    let mut report = format!("\n{events} events\n");
    for one in measured {
        let ratio = one.copy_seconds / one.seconds;
        report += &format!(
            "{:8} {:7.1} s, {:9.0} events/s, {:7.0} MB; COPY {:7.1} s; ratio {ratio:.2} (target \
             {TARGET}); memory {:.0} MiB at most (target {MEMORY}); {} events came in\n",
            one.format,
            one.seconds,
            events as f64 / one.seconds,
            one.megabytes,
            one.copy_seconds,
            one.resident_mib,
            one.came_in,
        );
    }
    report
}
