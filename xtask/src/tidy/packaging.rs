//! What files of `packaging/` share with the server: settings, metrics, and its version.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use xshell::Shell;

/// The page that `cargo xtask codegen` writes of all settings.
const REFERENCE: &str = "docs/configuration.md";
/// The configuration file of the Debian package.
const SETTINGS: &str = "packaging/paneld.toml";
/// What reads the server's metrics.
const READERS: &[&str] = &[
    "packaging/grafana/paneld.json",
    "packaging/prometheus/alerts.yaml",
    "packaging/prometheus/alerts.test.yaml",
];

/// What names the server's version: in the name of its image, of its package, or as its entry.
const VERSIONED: &[&str] = &[
    "docs/install.md",
    "packaging/Dockerfile",
    "packaging/compose.yaml",
    "packaging/debian/changelog",
    "packaging/kubernetes/statefulset.yaml",
];

/// One finding for each setting that the configuration file lacks or should not have, for each
/// metric that no source counts, and for each file that does not name the version of now.
pub(super) fn findings(
    sh: &Shell,
    metadata: &Metadata,
    files: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let known = keys_of_reference(&sh.read_file(REFERENCE)?);
    let shown = keys_of_file(&sh.read_file(SETTINGS)?);
    let mut findings = wrong_keys(&known, &shown);

    let mut counted = BTreeSet::new();
    for path in files.iter().filter(|path| is_source(path)) {
        counted.extend(metrics(&sh.read_file(path)?));
    }
    for path in READERS {
        let read = metrics(&sh.read_file(path)?);
        let unknown = read.difference(&counted);
        findings.extend(unknown.map(|name| format!("{path}: nothing counts {name}")));
    }

    let packages = metadata.workspace_packages();
    let server = packages.iter().find(|package| package.name == "paneld");
    let version = server
        .context("there is no package paneld")?
        .version
        .to_string();
    for path in VERSIONED {
        let named = versions(&sh.read_file(path)?);
        if named != BTreeSet::from([version.clone()]) {
            findings.push(format!(
                "{path} names {named:?}, and the version is {version}"
            ));
        }
    }
    Ok(findings)
}

fn wrong_keys(known: &BTreeSet<String>, shown: &BTreeSet<String>) -> Vec<String> {
    let missing = known.difference(shown);
    let missing = missing.map(|key| format!("{SETTINGS} lacks {key}"));
    let unknown = shown.difference(known);
    let unknown = unknown.map(|key| format!("{SETTINGS} has {key}, which is no setting"));
    missing.chain(unknown).collect()
}

/// The key of each setting, or for a secret that of the file that holds it.
fn keys_of_reference(page: &str) -> BTreeSet<String> {
    let sections = page.split("\n## `").skip(1);
    let keys = sections.filter_map(|section| {
        let (key, text) = section.split_once('`')?;
        let of_file = format!("{key}_file");
        let is_secret = text.contains(&format!("`{of_file}`"));
        Some(if is_secret { of_file } else { key.to_owned() })
    });
    keys.collect()
}

/// The keys of all lines, commented out or not.
fn keys_of_file(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.trim_start_matches("# "));
    let keys = lines.filter_map(|line| line.split_once(" = "));
    keys.map(|(key, _)| key.to_owned()).collect()
}

fn is_source(path: &str) -> bool {
    let is_of_server = path.starts_with("crates/") || path.starts_with("bin/");
    is_of_server && path.contains("/src/") && path.ends_with(".rs")
}

/// Everything that is called like a metric. The parts of a histogram have its name.
fn metrics(text: &str) -> BTreeSet<String> {
    let rests = text.split("paneld_").skip(1);
    let names = rests.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        let name = end.map_or(rest, |end| &rest[..end]);
        format!("paneld_{}", name.trim_end_matches("_bucket"))
    });
    names.collect()
}

/// The versions in `paneld:1.2.3`, `paneld_1.2.3-1_amd64.deb` and `paneld (1.2.3-1)`.
fn versions(text: &str) -> BTreeSet<String> {
    let rests = text.split("paneld").skip(1);
    let versions = rests.filter_map(|rest| {
        let rest = [":", "_", " ("]
            .iter()
            .find_map(|mark| rest.strip_prefix(*mark))?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let version = end.map_or(rest, |end| &rest[..end]);
        version.contains('.').then(|| version.to_owned())
    });
    versions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn settings_are_found_in_the_reference_and_secrets_by_their_file() {
        let page = "# Configuration\n\n## `listen`\n\n- Names: `PANELD_LISTEN`, `--listen`\n\n\
                    ## `redis_url`\n\n- Names: `PANELD_REDIS_URL`; from a file: `redis_url_file`\n";
        assert_eq!(
            keys_of_reference(page),
            names(&["listen", "redis_url_file"])
        );
    }

    #[test]
    fn settings_are_found_in_the_file_commented_out_or_not() {
        let file = "# Of the server.\n\ndata_dir = \"/d\"\n# listen = \"127.0.0.1:3333\"\n";
        assert_eq!(keys_of_file(file), names(&["data_dir", "listen"]));
    }

    #[test]
    fn a_missing_and_an_unknown_setting_are_found() {
        let findings = wrong_keys(&names(&["listen", "log"]), &names(&["listen", "lgo"]));
        assert_eq!(
            findings,
            [
                "packaging/paneld.toml lacks log",
                "packaging/paneld.toml has lgo, which is no setting"
            ]
        );
    }

    #[test]
    fn metrics_are_found_in_sources_and_in_expressions() {
        let source = r#"metrics::counter!("paneld_auth_failures_total").increment(1);"#;
        assert_eq!(metrics(source), names(&["paneld_auth_failures_total"]));
        let expression = "rate(paneld_http_request_duration_seconds_bucket{job=~\"$job\"}[5m]) or paneld_spool_up";
        assert_eq!(
            metrics(expression),
            names(&["paneld_http_request_duration_seconds", "paneld_spool_up"])
        );
    }

    #[test]
    fn versions_are_found_in_images_packages_and_entries() {
        let text = "docker run --name paneld --volume paneld:/data paneld:1.2.3\n\
                    apt-get install ./paneld_1.2.4-1_amd64.deb\npaneld (1.2.5-1) stable";
        assert_eq!(versions(text), names(&["1.2.3", "1.2.4", "1.2.5"]));
    }
}
