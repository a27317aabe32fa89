//! The load generator `wrk`, which makes more requests per core than the servers can answer.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use xshell::{Shell, cmd};

/// Makes wrk print its numbers as JSON, on the last line.
const SCRIPT: &str = include_str!("wrk.lua");

pub(crate) struct Wrk<'a> {
    sh: &'a Shell,
    script: PathBuf,
    seconds: String,
    connections: String,
}

/// What wrk counted in one run. All numbers are floats, because all are divided.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    pub(crate) requests: f64,
    pub(crate) duration_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    refused: f64,
    broken: f64,
}

impl<'a> Wrk<'a> {
    /// Installs wrk if it is missing and can be installed, and writes its script into `folder`.
    pub(crate) fn prepare(
        sh: &'a Shell,
        folder: &Path,
        seconds: u32,
        connections: u32,
    ) -> Result<Self> {
        if cmd!(sh, "wrk --version")
            .quiet()
            .ignore_status()
            .output()
            .is_err()
        {
            install(sh)?;
        }
        let script = folder.join("wrk.lua");
        sh.write_file(&script, SCRIPT)?;
        Ok(Self {
            sh,
            script,
            seconds: seconds.to_string(),
            connections: connections.to_string(),
        })
    }

    /// The same, whose requests another script makes, with so many connections.
    pub(crate) fn with_script(self, folder: &Path, script: &str, connections: u32) -> Result<Self> {
        let path = folder.join("requests.lua");
        self.sh.write_file(&path, format!("{script}\n{SCRIPT}"))?;
        Ok(Self {
            script: path,
            connections: connections.to_string(),
            ..self
        })
    }

    /// Asks for one address as fast as it is answered. Fails if any answer is not a good one.
    pub(crate) fn run(&self, url: &str, headers: &[String]) -> Result<Load> {
        self.run_with(url, headers, &[])
    }

    /// The same, with arguments for the script.
    pub(crate) fn run_with(
        &self,
        url: &str,
        headers: &[String],
        arguments: &[String],
    ) -> Result<Load> {
        let Self {
            sh,
            script,
            seconds,
            connections,
        } = self;
        let headers = headers.iter().flat_map(|header| ["--header", header]);
        let wrk = cmd!(
            sh,
            "wrk --threads 1 --connections {connections} --duration {seconds}"
        );
        let printed = wrk
            .args(["--script".as_ref(), script.as_os_str()])
            .args(headers)
            .arg(url)
            .arg("--")
            .args(arguments)
            .quiet()
            .read()?;
        let load = parse(&printed)?;
        ensure!(load.requests > 0.0, "{url} answered no request");
        ensure!(
            load.refused == 0.0,
            "{url} answered {} requests with an error status",
            load.refused
        );
        ensure!(
            load.broken == 0.0,
            "{} connections to {url} failed",
            load.broken
        );
        Ok(load)
    }
}

fn install(sh: &Shell) -> Result<()> {
    let is_root = cmd!(sh, "id -u").quiet().read()? == "0";
    if !is_root
        || cmd!(sh, "apt-get --version")
            .quiet()
            .ignore_stdout()
            .run()
            .is_err()
    {
        bail!(
            "this measurement needs the program wrk; install it with your system's package manager"
        );
    }
    cmd!(sh, "apt-get update --quiet=2").run()?;
    cmd!(sh, "apt-get install --quiet=2 --yes wrk").run()?;
    Ok(())
}

fn parse(printed: &str) -> Result<Load> {
    let last = printed.lines().last().context("wrk printed nothing")?;
    serde_json::from_str(last).with_context(|| format!("wrk printed no numbers but `{last}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_last_line() {
        let numbers =
            r#"{"requests":10,"duration_us":20,"p50_us":1,"p99_us":2,"refused":3,"broken":4}"#;
        let load = parse(&format!("Running 1s test\n  Requests/sec: 9\n{numbers}\n")).unwrap();
        assert_eq!(
            (load.requests, load.duration_us, load.p99_us, load.broken),
            (10.0, 20.0, 2.0, 4.0)
        );
        assert!(parse("unable to connect").is_err());
    }
}
