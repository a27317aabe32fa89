//! What answers cost over many events, beside the best SQL that we know for the same question.
//!
//! The floor runs on the same file in the same run, before the server has it.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::bench::{
    http::{build, median},
    ingest::{self, ROOT_ID, ROOT_SECRET, headers, serve},
    server::Server,
    wrk::{Load, Wrk},
};

/// How many times as long as the floor an answer may take, and how much longer than that, in ms.
const TARGET: (f64, f64) = (1.2, 2.0);
/// The key of the first project of a catalog; that of a small one follows.
const PROJECT_KEY: i64 = 1;
/// How often a question is asked by one caller, after once to warm up.
const TRIES: usize = 7;

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

/// A question, and the best SQL for what it takes to answer it. `$` stands for the conditions on
/// project and time.
struct Question {
    path: &'static str,
    floor: Option<&'static str>,
}

const DAYS: &str = "(epoch_ms(created_at) // 86400000)";

const QUESTIONS: &[Question] = &[
    Question {
        path: "metrics?range=30d",
        floor: Some(
            "SELECT DAY AS d, count(DISTINCT profile_id), count(*), count(*) FILTER (is_bounce),
                sum(duration), sum(screen_view_count) FROM sessions WHERE $ GROUP BY d",
        ),
    },
    Question {
        path: "metrics?range=30d&filters=[{%22name%22:%22country%22,%22operator%22:%22isNot%22,%22value%22:[%22JP%22]}]",
        floor: None,
    },
    Question {
        path: "metrics?range=today",
        floor: None,
    },
    Question {
        path: "pages?range=30d",
        floor: Some(
            "SELECT path, count(*), count(*) FILTER (is_first_view) FROM events
                WHERE name = 'screen_view' AND $ GROUP BY path",
        ),
    },
    Question {
        path: "country?range=30d",
        floor: Some(
            "SELECT country, count(*), count(*) FILTER (is_bounce), sum(duration),
                sum(screen_view_count), sum(revenue) FROM sessions WHERE $ GROUP BY country",
        ),
    },
    Question {
        path: "city?range=30d",
        floor: Some(
            "SELECT country, city, count(*), count(*) FILTER (is_bounce), sum(duration),
                sum(screen_view_count), sum(revenue) FROM sessions WHERE $ GROUP BY country, city",
        ),
    },
    Question {
        path: "pages/performance?range=30d",
        floor: None,
    },
    Question {
        path: "pages/entry_exit?range=30d",
        floor: None,
    },
    Question {
        path: "active_users?days=7",
        floor: None,
    },
    Question {
        path: "retention",
        floor: None,
    },
    Question {
        path: "funnel?range=30d&steps=screen_view&steps=signup",
        floor: None,
    },
    Question {
        path: "user_flow?range=30d&startEvent=screen_view&steps=3",
        floor: None,
    },
    Question {
        path: "events?range=30d&limit=100",
        floor: None,
    },
    Question {
        path: "live",
        floor: None,
    },
];

/// What was measured of a question, in milliseconds.
struct Measured {
    path: String,
    floor: Option<f64>,
    cold: f64,
    warm: f64,
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
    println!("asking paneld");
    let big = bench.measure("shop", &floors, &tracker)?;
    let small = bench.measure("small", &vec![None; QUESTIONS.len()], &tracker)?;
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
        Ok(server)
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
        let questions = questions.map(|sql| {
            let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            words
                .replace("DAY AS", &format!("{DAYS} AS"))
                .replace('$', &when)
                + "\n"
        });
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

    fn measure(
        &self,
        project: &str,
        floors: &[Option<f64>],
        tracker: &[String],
    ) -> Result<Vec<Measured>> {
        let seconds = self.options.seconds;
        let wrk = Wrk::prepare(self.sh, self.folder, seconds, 8)?;
        let root = headers(ROOT_ID, ROOT_SECRET);
        let mut measured = Vec::new();
        for (question, floor) in QUESTIONS.iter().zip(floors) {
            let path = format!("/insights/{project}/{}", question.path);
            let server = self.start()?;
            let ask = || -> Result<f64> {
                let begin = now();
                server.ask("GET", &path, &root, "")?;
                Ok(begin.elapsed().as_secs_f64() * 1e3)
            };
            let cold = ask()?;
            let times = (0..TRIES).map(|_| ask()).collect::<Result<Vec<_>>>();
            let warm = median(times?);
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
                path: question.path.to_owned(),
                floor: *floor,
                cold,
                warm,
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

fn report(title: &str, measured: &[Measured]) -> String {
    let mut lines = vec![format!(
        "\n{title}\n{:<40}{:>10}{:>10}{:>10}{:>12}{:>15}{:>12}",
        "ms, medians", "floor", "cold", "warm", "8 callers", "beside ingest", "its p99"
    )];
    for one in measured {
        let name = one.path.chars().take(38).collect::<String>();
        let number = |number: Option<f64>| number.map(|number| format!("{number:.1}"));
        let number = |found| number(found).unwrap_or_default();
        let callers = one.callers.as_ref();
        lines.push(format!(
            "{name:<40}{:>10}{:>10.1}{:>10.1}{:>12}{:>15}{:>12}",
            number(one.floor),
            one.cold,
            one.warm,
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
