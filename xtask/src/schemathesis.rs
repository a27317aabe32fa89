//! `cargo xtask schemathesis`: holds the server against its OpenAPI document with schemathesis,
//! once for each type of client, with thousands of requests that fit the document or nearly do.
//!
//! What is checked stands in `xtask/schemathesis/`. Needs Python and, the first time, the package
//! index; without them it is skipped, and says so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::{python, services::Paneld, setup, stopwatch, workspace};

/// Where requirements, configuration and scripts are.
const FOLDER: &str = "xtask/schemathesis";
/// When a run counts as stuck. What it does is bounded by the number of requests, so that a slow
/// machine finds the same.
const STUCK: Duration = Duration::from_secs(30 * 60);

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
    cmd!(sh, "cargo build --locked --package paneld").run()?;
    let server = Paneld::start(&target.join("debug").join("paneld"))?;
    let base = server.url();
    let (id, secret) = server.credentials();
    let (python, schemathesis) = (programs.join("python"), programs.join("schemathesis"));
    let prepared = cmd!(sh, "{python} {FOLDER}/prepare.py {base} {id} {secret}")
        .quiet()
        .read()
        .context("failed to fill the server")?;
    let prepared = serde_json::from_str::<Prepared>(&prepared)?;
    let _environment = prepared
        .environment
        .iter()
        .map(|(name, value)| sh.push_env(name, value))
        .collect::<Vec<_>>();
    let _hooks = sh.push_env("SCHEMATHESIS_HOOKS", format!("{FOLDER}/hooks.py"));
    let started = stopwatch::now();
    let (stuck, config) = (
        STUCK.as_secs().to_string(),
        format!("{FOLDER}/schemathesis.toml"),
    );
    let mut findings = Vec::new();
    for (kind, (id, secret)) in &prepared.clients {
        println!("\n--- as a {kind} client");
        let run = cmd!(
            sh,
            "timeout {stuck} {schemathesis} --no-color --config-file {config}
             run {base}/openapi.json --auth {id}:{secret}"
        );
        // The secret is that of a server which is gone in a minute.
        if run.quiet().run().is_err() {
            findings.push(kind.as_str());
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
