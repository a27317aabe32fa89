//! `cargo xtask packaging`: what can be told of packages, workflows and alerts without building or
//! running any of them.
//!
//! The checkers are Python packages in the versions of `packaging/requirements.txt`, which live in an
//! environment of their own below the target folder. Two that PyPI does not have are asked where the
//! system has them. What cannot be had is skipped, and a line says so.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::{python, workspace};

/// What is installed, with the hash of each file.
const REQUIREMENTS: &str = "packaging/requirements.txt";

/// The unit, which systemd checks.
const UNIT: &str = "packaging/systemd/paneld.service";
/// The program that the unit starts.
const PROGRAM: &str = "/usr/bin/paneld";
/// How exposed the unit may be by systemd's reckoning, of 100: it is 12, and one protection less is 14.
const EXPOSURE: &str = "13";

/// One run of a checker out of the environment.
struct Check {
    program: &'static str,
    arguments: &'static [&'static str],
    /// Whether this file of the repository is one to check.
    is_meant: fn(&str) -> bool,
}

const CHECKS: &[Check] = &[
    Check {
        program: "hadolint",
        arguments: &[],
        is_meant: |path| path == "packaging/Dockerfile",
    },
    Check {
        program: "check-jsonschema",
        arguments: &["--quiet", "--builtin-schema", "vendor.compose-spec"],
        is_meant: |path| path == "packaging/compose.yaml",
    },
    Check {
        program: "check-jsonschema",
        arguments: &["--quiet", "--builtin-schema", "vendor.github-workflows"],
        is_meant: is_workflow,
    },
    Check {
        program: "zizmor",
        arguments: &["--offline", "--no-progress", "--quiet"],
        is_meant: is_workflow,
    },
    Check {
        program: "kubernetes-validate",
        arguments: &["--strict", "--quiet"],
        is_meant: |path| path.starts_with("packaging/kubernetes/"),
    },
    Check {
        program: "shellcheck",
        arguments: &[],
        is_meant: is_shell_script,
    },
];

fn is_workflow(path: &str) -> bool {
    path.starts_with(".github/workflows/")
}

fn is_shell_script(path: &str) -> bool {
    const SCRIPTS: &[&str] = &[
        ".ci/run",
        "packaging/debian/paneld",
        "packaging/debian/postinst",
        "packaging/debian/postrm",
        "packaging/healthcheck",
    ];
    SCRIPTS.contains(&path)
}

/// Runs every checker that can be had, and stops at the first that finds something.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    let environment = workspace::target_folder(sh)?.join("packaging-checkers");
    match python::environment(sh, &environment, REQUIREMENTS) {
        Ok(programs) => run_checks(sh, &programs)?,
        Err(error) => skip(&format!("the checkers cannot be installed: {error:#}")),
    }
    if is_there(sh, "promtool") {
        check_alerts(sh)?;
    } else {
        skip(
            "there is no promtool to check alerts (on Debian and Ubuntu: apt-get install prometheus)",
        );
    }
    if is_there(sh, "systemd-analyze") {
        check_unit(sh)?;
    } else {
        skip("there is no systemd-analyze to check the unit");
    }
    Ok(())
}

/// Whoever reads the log must see it, though the step is green.
fn skip(why: &str) {
    println!("!!! SKIPPED: {why}");
}

fn run_checks(sh: &Shell, programs: &Path) -> Result<()> {
    let files = workspace::files(sh)?;
    for check in CHECKS {
        let name = check.program;
        let meant = files.iter().filter(|path| (check.is_meant)(path));
        let meant = meant.collect::<Vec<_>>();
        ensure!(!meant.is_empty(), "there is no file for {name} any more");
        let program = programs.join(name);
        let arguments = check.arguments;
        cmd!(sh, "{program} {arguments...} {meant...}")
            .run()
            .with_context(|| format!("{name} found something"))?;
    }
    Ok(())
}

fn is_there(sh: &Shell, program: &str) -> bool {
    let asked = cmd!(sh, "{program} --version").quiet();
    asked.ignore_stdout().ignore_stderr().run().is_ok()
}

fn check_alerts(sh: &Shell) -> Result<()> {
    cmd!(sh, "promtool check rules packaging/prometheus/alerts.yaml").run()?;
    cmd!(
        sh,
        "promtool test rules packaging/prometheus/alerts.test.yaml"
    )
    .run()?;
    Ok(())
}

/// Has systemd check the unit as if the program were installed, which it demands.
fn check_unit(sh: &Shell) -> Result<()> {
    let text = sh.read_file(UNIT)?;
    ensure!(text.contains(PROGRAM), "{UNIT} does not start {PROGRAM}");
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let unit = folder.path().join("paneld.service");
    sh.write_file(&unit, text.replace(PROGRAM, "/bin/true"))?;
    let verified = cmd!(sh, "systemd-analyze verify --man=no {unit}").ignore_status();
    let said = verified.read_stderr()?;
    // It only warns of unknown settings; and also of other units of this machine.
    let is_of_ours = said.lines().any(|line| line.contains("paneld.service"));
    ensure!(!is_of_ours, "systemd is not content with {UNIT}: {said}");
    cmd!(
        sh,
        "systemd-analyze security --offline=true --threshold={EXPOSURE} {unit}"
    )
    .ignore_stdout()
    .run()?;
    Ok(())
}
