//! What answers cost over many events, beside the best SQL that we know for the same question: in
//! DuckDB, on the same file before the server has it, and in ClickHouse's engine, which is asked in
//! turn with the server.

mod questions;

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use self::questions::QUESTIONS;
use crate::bench::{
    clickhouse::{Cost, Engine},
    http::{build, median},
    ingest::{self, ROOT_ID, ROOT_SECRET, headers, serve},
    server::Server,
    wrk::{Load, Wrk},
};

/// The day of a row, in DuckDB's SQL.
const DAYS: &str = "(epoch_ms(created_at) // 86400000)";

/// How many times as long as the floor an answer may take, and how much longer than that, in ms.
const TARGET: (f64, f64) = (1.2, 2.0);
/// The key of the first project of a catalog; that of a small one follows.
const PROJECT_KEY: i64 = 1;
/// How often a question is asked by one caller, after once to warm up.
const TRIES: usize = 7;

/// How often it is looked whether the event store is open, and how many times.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LOOKS: u32 = 6_000;

#[derive(Args)]
pub(crate) struct Options {
    /// How many events are stored
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    events: u64,
    /// How long eight callers ask each question
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many events a second come in meanwhile, in the part with ingest: half of what can
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    ingest: u32,
}

/// What was measured of a question, in milliseconds.
struct Measured {
    path: String,
    floor: Option<f64>,
    cold: f64,
    warm: f64,
    /// Of the processors, all together.
    cpu: f64,
    engine: Option<Cost>,
    /// Of eight callers; none, when they would wait for longer than they are there.
    callers: Option<Callers>,
}

/// What eight callers waited, in milliseconds.
struct Callers {
    alone: f64,
    beside_ingest: f64,
    /// How long 99 of 100 events waited meanwhile.
    ingest_p99: f64,
}

pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let bench = Bench {
        sh,
        options,
        built: build(sh)?,
        folder: folder.path(),
    };
    let tracker = bench.make_projects()?;
    println!("making {} events", options.events);
    let (fill, file) = (bench.example("fill"), bench.file());
    let (key, count) = (PROJECT_KEY.to_string(), options.events.to_string());
    cmd!(sh, "{fill} {file} {key} {count}").run()?;
    println!("asking DuckDB");
    let floors = bench.floors()?;
    println!("loading ClickHouse's engine");
    let mut engine = bench.engine()?;
    println!("asking paneld");
    let mut measure = |project, key, floors: &[Option<f64>]| {
        bench.measure(project, key, floors, &tracker, engine.as_mut())
    };
    let big = measure("shop", PROJECT_KEY, &floors)?;
    let small = measure("small", PROJECT_KEY + 1, &vec![None; QUESTIONS.len()])?;
    print!("{}", report(&format!("{} events", options.events), &big));
    print!("{}", report("a small project beside them", &small));
    Ok(())
}

struct Bench<'a> {
    sh: &'a Shell,
    options: &'a Options,
    built: PathBuf,
    folder: &'a Path,
}

impl Bench<'_> {
    fn example(&self, name: &str) -> PathBuf {
        self.built.join("examples").join(name)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("data").join("events.duckdb")
    }

    fn start(&self) -> Result<Server> {
        let mut server = serve(&self.built.join("paneld"), self.folder)?;
        server.wait_until_it_answers("/healthz/ready", &[])?;
        // It is ready to track before its event store is open.
        for _ in 0..LOOKS {
            if server.ask("GET", "/healthz/ready", &[], "")?["status"] == "ready" {
                return Ok(server);
            }
            thread::sleep(LOOK_AGAIN);
        }
        bail!("the event store of paneld does not open");
    }

    /// Makes the projects that are asked about; the headers of who tracks for the first.
    fn make_projects(&self) -> Result<Vec<String>> {
        let server = self.start()?;
        let root = headers(ROOT_ID, ROOT_SECRET);
        let make = |name: &str| {
            let body = format!(r#"{{"name":"{name}"}}"#);
            server.ask("POST", "/manage/projects", &root, &body)
        };
        let shop = make("shop")?;
        make("small")?;
        let client = |name: &str| {
            let value = shop["data"]["client"][name].as_str();
            value.context("a client has no credentials")
        };
        Ok(headers(client("id")?, client("secret")?))
    }

    /// What DuckDB takes.
    fn floors(&self) -> Result<Vec<Option<f64>>> {
        let when = format!(
            "project_key = {PROJECT_KEY} AND created_at >= (now()::TIMESTAMP - INTERVAL 30 DAY)::TIMESTAMP_MS"
        );
        let questions = QUESTIONS.iter().filter_map(|question| question.floor);
        let questions = questions
            .map(|sql| in_one_line(sql, &when).replace("DAY AS", &format!("{DAYS} AS")) + "\n");
        let (ask, file) = (self.example("ask"), self.file());
        let printed = cmd!(self.sh, "{ask} {file}")
            .quiet()
            .stdin(questions.collect::<String>())
            .read()?;
        let mut times = printed.lines();
        let mut next = || -> Result<f64> {
            let line = times.next().context("ask printed too little")?;
            Ok(line.parse()?)
        };
        let floors = QUESTIONS.iter();
        floors
            .map(|question| question.floor.map(|_| next()).transpose())
            .collect()
    }

    /// The events, where ClickHouse's engine has them.
    fn engine(&self) -> Result<Option<Engine>> {
        let (copy, file) = (self.example("copy"), self.file());
        let parquet = self.folder.join("events.parquet");
        cmd!(self.sh, "{copy} {file} all parquet {parquet}")
            .quiet()
            .ignore_stdout()
            .run()?;
        Engine::load(self.sh, &self.folder.join("clickhouse"), &parquet)
    }

    fn measure(
        &self,
        project: &str,
        key: i64,
        floors: &[Option<f64>],
        tracker: &[String],
        mut engine: Option<&mut Engine>,
    ) -> Result<Vec<Measured>> {
        let when = format!("project_key = {key} AND created_at >= now() - INTERVAL 30 DAY");
        let seconds = self.options.seconds;
        let wrk = Wrk::prepare(self.sh, self.folder, seconds, 8)?;
        let root = headers(ROOT_ID, ROOT_SECRET);
        let mut measured = Vec::new();
        for (question, floor) in QUESTIONS.iter().zip(floors) {
            let path = format!("/{}", question.path.replace("{project}", project));
            let server = self.start()?;
            let ask = || -> Result<f64> {
                let begin = now();
                server.ask("GET", &path, &root, "")?;
                Ok(begin.elapsed().as_secs_f64() * 1e3)
            };
            let cold = ask()?;
            let clickhouse = question.clickhouse.map(|sql| in_one_line(sql, &when));
            let (mut times, mut processors, mut engines) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..TRIES {
                let before = server.cpu_us()?;
                times.push(ask()?);
                processors.push((server.cpu_us()? - before) / 1e3);
                if let Some((engine, sql)) = engine.as_deref_mut().zip(clickhouse.as_ref()) {
                    engines.push(engine.ask(sql)?);
                }
            }
            let warm = median(times);
            let callers = || wrk.run(&server.url(&path), &root);
            // Two are answered at once.
            let is_quick = warm * 4.0 < f64::from(seconds) * 1e3;
            let callers = is_quick.then(|| -> Result<Callers> {
                let alone = callers()?;
                let (beside, ingest) = self.beside_ingest(&server, tracker, callers)?;
                Ok(Callers {
                    alone: alone.p50_us / 1e3,
                    beside_ingest: beside.p50_us / 1e3,
                    ingest_p99: ingest.p99_us / 1e3,
                })
            });
            measured.push(Measured {
                path: short(&path),
                floor: *floor,
                cold,
                warm,
                cpu: median(processors),
                engine: (!engines.is_empty()).then(|| Cost {
                    cpu_ms: median(engines.iter().map(|cost| cost.cpu_ms).collect()),
                    wall_ms: median(engines.iter().map(|cost| cost.wall_ms).collect()),
                }),
                callers: callers.transpose()?,
            });
        }
        Ok(measured)
    }

    /// Does something while events come in; what it found, and what these took. None of them may
    /// be refused or lost.
    fn beside_ingest(
        &self,
        server: &Server,
        tracker: &[String],
        work: impl FnOnce() -> Result<Load>,
    ) -> Result<(Load, Load)> {
        const CONNECTIONS: u32 = 64;
        let rest = 1_000 * CONNECTIONS / self.options.ingest;
        let url = server.url("/track");
        // The callers have their scripts elsewhere.
        let folder = self.folder.join("incoming");
        self.sh.create_dir(&folder)?;
        let seconds = self.options.seconds;
        let before = ingest::stored(server)?;
        let (found, load) = thread::scope(|scope| {
            let load = scope.spawn(move || -> Result<Load> {
                let sh = Shell::new()?;
                let wrk = Wrk::prepare(&sh, &folder, seconds, CONNECTIONS)?;
                let wrk = wrk.with_script(&folder, ingest::SCRIPT, CONNECTIONS)?;
                wrk.run_with(&url, tracker, &[rest.to_string()])
            });
            let found = work();
            let load = load.join();
            let load = load.map_err(|_panicked| anyhow!("nobody sends events any more"));
            anyhow::Ok((found?, load??))
        })?;
        thread::sleep(ingest::VISIBLE);
        let stored = ingest::stored(server)? - before;
        ensure!(
            stored >= load.requests,
            "of {} events that were answered, {stored} are stored",
            load.requests
        );
        Ok((found, load))
    }
}

/// A question with its conditions.
fn in_one_line(sql: &str, when: &str) -> String {
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace('$', when)
}

/// What tells a question from the others, without what all have.
fn short(path: &str) -> String {
    let path = path.replace("%22", "").replace("projectId=", "");
    path.trim_start_matches("/insights/")
        .trim_start_matches("/export/")
        .to_owned()
}

fn report(title: &str, measured: &[Measured]) -> String {
    let mut lines = vec![format!(
        "\n{title}\n{:<64}{:>8}{:>8}{:>8}{:>8}{:>11}{:>11}{:>7}{:>11}{:>15}{:>9}",
        "ms, medians",
        "floor",
        "cold",
        "warm",
        "CPU",
        "ClickHouse",
        "its CPU",
        "ratio",
        "8 callers",
        "beside ingest",
        "its p99"
    )];
    for one in measured {
        let name = one.path.chars().take(62).collect::<String>();
        let number = |number: Option<f64>| number.map(|number| format!("{number:.1}"));
        let number = |found| number(found).unwrap_or_default();
        let (callers, engine) = (one.callers.as_ref(), one.engine.as_ref());
        let ratio = engine.map(|engine| format!("{:.2}", one.cpu / engine.cpu_ms));
        lines.push(format!(
            "{name:<64}{:>8}{:>8.1}{:>8.1}{:>8.1}{:>11}{:>11}{:>7}{:>11}{:>15}{:>9}",
            number(one.floor),
            one.cold,
            one.warm,
            one.cpu,
            number(engine.map(|engine| engine.wall_ms)),
            number(engine.map(|engine| engine.cpu_ms)),
            ratio.unwrap_or_default(),
            number(callers.map(|callers| callers.alone)),
            number(callers.map(|callers| callers.beside_ingest)),
            number(callers.map(|callers| callers.ingest_p99)),
        ));
    }
    for one in measured {
        if let Some(floor) = one.floor {
            let most = TARGET.0 * floor + TARGET.1;
            lines.push(format!(
                "{}: {:.1} ms, target ≤ {most:.1} ms (1.2 × floor + 2)",
                one.path, one.warm
            ));
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
