//! Finding programs, and installing those that are missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A program that tests need, and how to come by it.
pub(super) struct Needed {
    pub(super) program: &'static str,
    /// The Debian package that has it.
    pub(super) package: &'static str,
    /// The variable that names one instead, or a server that runs.
    pub(super) instead: &'static str,
    /// Where it may be beside the path.
    pub(super) folders: fn() -> Vec<String>,
}

impl Needed {
    /// Where it is; after it was installed, where that is possible.
    pub(super) fn find_or_install(&self) -> Result<String> {
        if let Some(found) = self.find() {
            return Ok(found);
        }
        let Self {
            program,
            package,
            instead,
            ..
        } = self;
        let help = format!(
            "{program} is needed: install it (on Debian and Ubuntu: apt-get install {package}), \
             or name one in {instead}"
        );
        if !is_root() || find_program("apt-get", &[]).is_none() {
            bail!(help);
        }
        println!("installing {package}");
        apt_get(&["update"]).with_context(|| help.clone())?;
        let install = ["install", "--yes", "--no-install-recommends", package];
        apt_get(&install).with_context(|| help.clone())?;
        self.find().context(help)
    }

    fn find(&self) -> Option<String> {
        find_program(self.program, &(self.folders)())
    }
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    // At this level no package starts a server of its own.
    let quietly = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "RUNLEVEL=1",
        "apt-get",
    ];
    run(&[&quietly[..], arguments].concat())
}

pub(super) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}

/// The program of this name, on the path or in one of the folders.
#[expect(
    clippy::disallowed_methods,
    reason = "the server's configuration is not for developer tasks"
)]
pub(super) fn find_program(name: &str, folders: &[String]) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut folders = path.split(':').chain(folders.iter().map(String::as_str));
    folders.find_map(|folder| {
        let program = Path::new(folder).join(name);
        program.is_file().then(|| program.display().to_string())
    })
}

/// Runs a command to its end, and shows what it said only if it fails.
pub(super) fn run(command: &[&str]) -> Result<()> {
    let (program, arguments) = command.split_first().context("there is no command")?;
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("failed to start {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    bail!("{} failed: {}", command.join(" "), said.trim())
}
