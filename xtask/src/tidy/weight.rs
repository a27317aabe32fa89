//! What crates drag in that other people's services use.

use std::collections::BTreeSet;

use anyhow::Result;
use xshell::{Shell, cmd};

/// Crates with the number of packages that each may need, itself included, as long as no feature
/// is asked for.
const MOST: &[(&str, usize)] = &[
    ("paneld-ratelimit", 59),
    ("paneld-auth", 99),
    ("paneld-guard", 149),
];

/// What they must do without.
const TOO_HEAVY: &[&str] = &[
    "diesel",
    "duckdb",
    "libsqlite3-sys",
    "redb",
    "redis",
    "rustls",
];

/// One finding for each crate that drags in too much.
pub(super) fn findings(sh: &Shell) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (name, most) in MOST {
        // Features are not to be united with those that the server turns on.
        let tree = cmd!(
            sh,
            "cargo tree --locked --package {name} --edges normal --prefix none --no-dedupe"
        );
        let tree = tree.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION");
        findings.extend(wrong(name, *most, &tree.quiet().ignore_stderr().read()?));
    }
    Ok(findings)
}

/// What is wrong with a tree of dependencies, of which each line begins with a name and a version.
fn wrong(name: &str, most: usize, tree: &str) -> Vec<String> {
    let packages = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    let packages = packages.collect::<BTreeSet<_>>();
    let mut findings = Vec::new();
    if packages.len() > most {
        let count = packages.len();
        findings.push(format!(
            "{name} drags in {count} packages, more than {most}: a feature may spare its hosts some"
        ));
    }
    let heavy = packages.iter().map(|(package, _)| *package);
    for package in heavy.filter(|package| TOO_HEAVY.contains(package)) {
        findings.push(format!(
            "{name} drags in {package}, which its hosts did not ask for"
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_and_too_heavy_packages_are_found() {
        let tree = "light v0.1.0 (/a)\nserde v1.0.0\nserde v1.0.0\n\nredis v1.8.1\n";
        assert_eq!(wrong("light", 3, "light v0.1.0\nserde v1.0.0"), [""; 0]);
        assert_eq!(
            wrong("light", 3, tree),
            ["light drags in redis, which its hosts did not ask for"]
        );
        let many = wrong("light", 2, tree);
        assert!(many[0].starts_with("light drags in 3 packages"), "{many:?}");
    }
}
