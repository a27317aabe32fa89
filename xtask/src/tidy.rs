//! `cargo xtask tidy`: rules of the project that no compiler checks.
//!
//! Each submodule holds one kind of rule and returns its findings as sentences.

mod circles;
mod citations;
mod layers;
mod libraries;
mod licences;
mod links;
mod manifests;
mod packaging;
mod readmes;
mod stray;
mod weight;

use anyhow::{Result, bail};
use xshell::Shell;

use crate::workspace;

/// Prints every finding of every rule, and fails if there is one.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    let findings = findings(sh)?;
    for finding in &findings {
        println!("tidy: {finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("tidy has {count} finding(s), listed above"),
    }
}

fn findings(sh: &Shell) -> Result<Vec<String>> {
    let metadata = workspace::metadata(sh)?;
    let files = workspace::files(sh)?;
    let mut findings = layers::findings(&metadata);
    findings.extend(libraries::findings(sh, &files)?);
    findings.extend(circles::findings(sh, &metadata, &files)?);
    findings.extend(manifests::findings(sh, &metadata, &files)?);
    findings.extend(licences::findings(&metadata));
    findings.extend(links::findings(sh, &files)?);
    findings.extend(citations::findings(sh, &files)?);
    findings.extend(packaging::findings(sh, &metadata, &files)?);
    findings.extend(readmes::findings(sh, &files)?);
    findings.extend(stray::findings(sh, &files)?);
    findings.extend(weight::findings(sh)?);
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Here too, so that a plain `cargo test` tells.
    #[test]
    fn the_workspace_is_tidy() {
        let findings = findings(&workspace::shell().unwrap()).unwrap();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
