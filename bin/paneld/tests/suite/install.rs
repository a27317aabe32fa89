//! Packages that tests need from outside, in exact versions, below cargo's target folder.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest as _, Sha256};

/// A folder with the packages of a lock file in `node_modules`; or nothing, after a loud line,
/// where they cannot be had.
pub(crate) fn npm(name: &str, manifest: &str, lock: &str) -> Option<PathBuf> {
    let folder = versioned(name, &[manifest, lock]);
    once(&folder, |making| {
        fs::write(making.join("package.json"), manifest).unwrap();
        fs::write(making.join("package-lock.json"), lock).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        run(npm.current_dir(making))
    })?;
    Some(folder)
}

/// A folder below the target folder for one version of something.
pub(crate) fn versioned(name: &str, of: &[&str]) -> PathBuf {
    let digest = of.iter().fold(Sha256::new(), Sha256::chain_update);
    let version = u64::from_be_bytes(digest.finalize()[..8].try_into().unwrap());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{version:016x}"))
}

/// Fills a folder, unless that was done. Nobody ever sees a half of it, not even another test
/// that does the same.
fn once(folder: &Path, fill: impl FnOnce(&Path) -> Result<(), String>) -> Option<()> {
    if folder.exists() {
        return Some(());
    }
    let parent = folder.parent().unwrap();
    fs::create_dir_all(parent).unwrap();
    let making = tempfile::tempdir_in(parent).unwrap();
    if let Err(why) = fill(making.path()) {
        return skip(&why);
    }
    if fs::rename(making.path(), folder).is_err() {
        assert!(folder.exists(), "cannot make {}", folder.display());
    }
    Some(())
}

/// Runs a program to its end; or tells why that cannot be done.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => Err(format!("{command:?} cannot be run: {error}")),
    }
}

/// Says why a test is left out.
pub(crate) fn skip<T>(why: &str) -> Option<T> {
    say(&format!("!!! SKIPPED, not tested: {why}"));
    None
}

/// Says something past the test harness, which would keep it to itself.
pub(crate) fn say(what: &str) {
    let line = format!("\n{what}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
