//! `cargo xtask schemathesis`: holds the server against its OpenAPI document with schemathesis,
//! once for each type of client, with thousands of requests that fit the document or nearly do.
//!
//! What is checked stands in `xtask/schemathesis/`. Needs Python and, the first time, the package
//! index; without them it is skipped, and says so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use xshell::Shell;

use crate::{python, services::Paneld, setup, stopwatch, workspace};

/// Where requirements, configuration and scripts are.
const FOLDER: &str = "xtask/schemathesis";
/// When a run counts as stuck. What it does is bounded by the number of requests, so that a slow
/// machine finds the same.
const STUCK: Duration = Duration::from_secs(30 * 60);

/// The types of clients, each in a run of its own, all at once.
const CLIENTS: [&str; 3] = ["root", "read", "write"];

/// What the preparation tells.
#[derive(Deserialize)]
struct Prepared {
    /// Id and secret, by type of client.
    clients: BTreeMap<String, (String, String)>,
    /// What the configuration refers to.
    environment: BTreeMap<String, String>,
}

/// Runs schemathesis against a server of its own, and fails if it finds anything.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    setup::run(sh)?;
    let target = PathBuf::from(workspace::metadata(sh)?.target_directory);
    let requirements = format!("{FOLDER}/requirements.txt");
    let programs = match python::environment(sh, &target.join("schemathesis"), &requirements) {
        Ok(programs) => programs,
        Err(error) => {
            println!("!!! SKIPPED: nothing was checked, for schemathesis is not there: {error:#}");
            return Ok(());
        }
    };
    let run = Run {
        program: workspace::program(sh)?,
        programs,
        folder: sh.current_dir().join(FOLDER),
    };
    let started = stopwatch::now();
    let outcomes = thread::scope(|scope| {
        let runs = CLIENTS.map(|kind| (kind, scope.spawn(|| run.of_client(kind))));
        runs.map(|(kind, run)| (kind, run.join()))
    });
    let mut findings = Vec::new();
    for (kind, outcome) in outcomes {
        println!("\n--- as a {kind} client");
        let Ok(outcome) = outcome else {
            bail!("the run as a {kind} client panicked");
        };
        let Output { status, stdout, .. } = outcome?;
        println!("{}", String::from_utf8_lossy(&stdout));
        if !status.success() {
            findings.push(kind);
        }
    }
    println!("as all of them: {:.0} s", started.elapsed().as_secs_f64());
    if !findings.is_empty() {
        bail!(
            "schemathesis found something, or was not done after {STUCK:?}, as {}: see above",
            findings.join(", ")
        );
    }
    Ok(())
}

/// What a run needs.
struct Run {
    /// Of paneld.
    program: PathBuf,
    /// Where those of Python are.
    programs: PathBuf,
    folder: PathBuf,
}

impl Run {
    /// Runs schemathesis as one client, against a server of its own: others would delete what it
    /// asks for.
    fn of_client(&self, kind: &str) -> Result<Output> {
        let server = Paneld::start(&self.program)?;
        let base = server.url();
        let (id, secret) = server.credentials();
        let prepared = Command::new(self.programs.join("python"))
            .arg(self.folder.join("prepare.py"))
            .args([&base, id, secret])
            .stderr(Stdio::inherit())
            .output()
            .context("failed to fill the server")?;
        let Prepared {
            clients,
            environment,
        } = serde_json::from_slice(&prepared.stdout).context("the server was not filled")?;
        let (id, secret) = clients.get(kind).context("there is no such client")?;
        Command::new("timeout")
            .arg(STUCK.as_secs().to_string())
            .arg(self.programs.join("schemathesis"))
            .args(["--no-color", "--config-file"])
            .arg(self.folder.join("schemathesis.toml"))
            .args(["run", &format!("{base}/openapi.json"), "--auth"])
            .arg(format!("{id}:{secret}"))
            .envs(environment)
            .env("SCHEMATHESIS_HOOKS", self.folder.join("hooks.py"))
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run schemathesis")
    }
}
