//! Crates that others may use have a README each: what it is for, what it needs, and its licence.

use std::collections::BTreeSet;

use anyhow::Result;
use xshell::Shell;

/// What every README says, besides what its crate is for.
const SAID: &[&str] = &["Rust 1.95", "MIT or Apache 2.0"];

/// One finding for each crate without a README, and for each that says too little.
pub(super) fn findings(sh: &Shell, files: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for folder in files.iter().filter_map(|path| crate_folder(path)) {
        let readme = format!("{folder}/README.md");
        let text = match files.contains(&readme) {
            true => Some(sh.read_file(&readme)?),
            false => None,
        };
        findings.extend(wrong(&readme, text.as_deref()));
    }
    Ok(findings)
}

/// The folder of a crate below `crates/`, if this is its manifest.
fn crate_folder(path: &str) -> Option<&str> {
    path.strip_suffix("/Cargo.toml")
        .filter(|folder| folder.starts_with("crates/"))
}

fn wrong(readme: &str, text: Option<&str>) -> Vec<String> {
    let Some(text) = text else {
        return vec![format!("{readme}: every crate needs one")];
    };
    let missing = SAID.iter().filter(|said| !text.contains(**said));
    missing
        .map(|said| format!("{readme}: it does not say {said:?}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_where_its_manifest_is() {
        assert_eq!(crate_folder("crates/auth/Cargo.toml"), Some("crates/auth"));
        assert_eq!(crate_folder("xtask/Cargo.toml"), None);
        assert_eq!(crate_folder("crates/auth/src/lib.rs"), None);
    }

    #[test]
    fn a_readme_that_is_missing_or_says_too_little_is_found() {
        assert_eq!(wrong("a/README.md", None).len(), 1);
        assert_eq!(wrong("a/README.md", Some("# a")).len(), SAID.len());
        let text = "Rust 1.95 or newer.\nLicensed under MIT or Apache 2.0, as you like.";
        assert_eq!(wrong("a/README.md", Some(text)), [] as [&str; 0]);
    }
}
