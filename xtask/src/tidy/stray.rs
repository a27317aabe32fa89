//! Files that nobody means to commit.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use xshell::Shell;

/// Above this a file slows every clone for ever; nothing in this project needs it.
const MAX_BYTES: u64 = 1024 * 1024;

/// Endings of what tools leave behind.
const DROPPINGS: &[&str] = &[".orig", ".profraw", ".rej", ".snap.new"];

/// One finding for each file that is too large or a tool's leftover.
pub(super) fn findings(sh: &Shell, files: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in files {
        findings.extend(unwanted(path).map(|why| format!("{path}: {why}")));
        let bytes = sh
            .current_dir()
            .join(path)
            .symlink_metadata()
            .with_context(|| format!("failed to look at {path}"))?
            .len();
        if bytes > MAX_BYTES {
            findings.push(format!("{path}: {bytes} bytes, more than {MAX_BYTES}"));
        }
    }
    Ok(findings)
}

/// Why a file of this name should not be here, if so.
fn unwanted(path: &str) -> Option<&'static str> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if DROPPINGS.iter().any(|ending| name.ends_with(ending)) {
        return Some("a tool left this behind");
    }
    if name == ".env" {
        return Some("holds the settings, perhaps the secrets, of one machine");
    }
    if folder.split('/').any(|part| part == "target") {
        return Some("is built, not written");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_unwanted_in_any_folder() {
        for path in [
            "default.profraw",
            "crates/a/lib.rs.orig",
            "a.rej",
            "x/y.snap.new",
            ".env",
            "bin/.env",
            "target/a",
            "a/target/b",
        ] {
            assert!(unwanted(path).is_some(), "{path}");
        }
    }

    #[test]
    fn sources_snapshots_and_examples_are_wanted() {
        for path in [
            "src/main.rs",
            "tests/snapshots/a.snap",
            ".env.example",
            "src/target.rs",
            "origin.md",
        ] {
            assert_eq!(unwanted(path), None, "{path}");
        }
    }
}
