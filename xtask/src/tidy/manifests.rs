//! Manifests: what they inherit from the workspace, and whether what they name is used.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, Package};
use toml::Table;
use xshell::Shell;

/// Fields of `[package]` that are written once, in the root manifest.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license"];

/// Dependencies that no source file names, each with the reason why they are there.
const NOT_NAMED_IN_SOURCES: &[(&str, &str)] = &[
    (
        "libsqlite3-sys",
        "only for its feature `bundled`, which compiles SQLite in",
    ),
    (
        "rustls",
        "only for its feature `ring`, the cryptography that redis leaves open",
    ),
];

/// One finding for each field that is not inherited and each dependency that is not used.
pub(super) fn findings(
    sh: &Shell,
    metadata: &Metadata,
    files: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest: Table = sh
            .read_file(&package.manifest_path)?
            .parse()
            .with_context(|| format!("failed to parse {}", package.manifest_path))?;
        findings.extend(not_inherited(&package.name, &manifest));
        findings.extend(not_told(&package.name, &manifest));
        findings.extend(not_used(
            &package.name,
            &dependencies(package),
            &sources(sh, metadata, package, files)?,
        ));
    }
    let root: Table = sh
        .read_file("Cargo.toml")?
        .parse()
        .context("failed to parse the root manifest")?;
    let used = metadata
        .workspace_packages()
        .into_iter()
        .flat_map(dependencies)
        .collect();
    findings.extend(not_wanted(&root, &used));
    Ok(findings)
}

fn not_inherited(name: &str, manifest: &Table) -> Vec<String> {
    let inherits = |table: Option<&toml::Value>| {
        table
            .and_then(|value| value.get("workspace"))
            .and_then(toml::Value::as_bool)
            == Some(true)
    };
    let package = manifest.get("package");
    let mut findings = Vec::new();
    for field in INHERITED {
        if !inherits(package.and_then(|package| package.get(field))) {
            findings.push(format!(
                "{name}: its manifest needs `{field}.workspace = true` in [package]"
            ));
        }
    }
    if !inherits(manifest.get("lints")) {
        findings.push(format!(
            "{name}: its manifest needs `workspace = true` in [lints]"
        ));
    }
    findings
}

/// Whether a package is for developers of paneld alone.
fn is_private(manifest: &Table) -> bool {
    let publish = manifest
        .get("package")
        .and_then(|package| package.get("publish"));
    publish.and_then(toml::Value::as_bool) == Some(false)
}

/// What a registry wants to be told of a package that may be published.
fn not_told(name: &str, manifest: &Table) -> Vec<String> {
    if is_private(manifest) {
        return Vec::new();
    }
    let package = manifest.get("package");
    let fields = ["description", "keywords", "categories"].into_iter();
    let missing = fields.filter(|field| package.and_then(|it| it.get(field)).is_none());
    missing
        .map(|field| {
            format!("{name}: its manifest needs `{field}` in [package], or `publish = false`")
        })
        .collect()
}

/// The names under which a package's manifest lists its dependencies.
fn dependencies(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .map(|dependency| {
            dependency
                .rename
                .as_ref()
                .unwrap_or(&dependency.name)
                .clone()
        })
        .collect()
}

/// The text of every Rust file of a package.
fn sources(
    sh: &Shell,
    metadata: &Metadata,
    package: &Package,
    files: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let folder = package
        .manifest_path
        .parent()
        .context("a manifest is in no folder")?;
    let folder = folder.strip_prefix(&metadata.workspace_root)?;
    let rust_files = files
        .iter()
        .filter(|path| path.starts_with(&format!("{folder}/")) && path.ends_with(".rs"));
    rust_files.map(|path| Ok(sh.read_file(path)?)).collect()
}

fn not_used(name: &str, dependencies: &BTreeSet<String>, sources: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    for dependency in dependencies {
        let excused = NOT_NAMED_IN_SOURCES
            .iter()
            .any(|(name, _)| name == dependency);
        let library = dependency.replace('-', "_");
        if !excused && !sources.iter().any(|source| names_library(source, &library)) {
            findings.push(format!(
                "{name}: no source file uses its dependency {dependency}"
            ));
        }
    }
    findings
}

/// Whether a source file has the library's name as the start of a path (`name::…`) or in `use name as …`.
/// A mere word would not do: `url`, `rand` and `redis` are words of comments too.
fn names_library(source: &str, library: &str) -> bool {
    source.match_indices(library).any(|(start, _)| {
        let before = &source[..start];
        let after = &source[start + library.len()..];
        let whole_word = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':'));
        whole_word
            && (after.starts_with("::") || before.ends_with("use ") && after.starts_with(" as "))
    })
}

/// Versions in the root manifest that no package asks for.
fn not_wanted(root: &Table, used: &BTreeSet<String>) -> Vec<String> {
    let listed = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(toml::Value::as_table);
    let names = listed.into_iter().flat_map(Table::keys);
    names
        .filter(|name| !used.contains(*name))
        .map(|name| format!("Cargo.toml: no package uses {name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_manifest_that_inherits_everything_is_fine() {
        let manifest = "[package]\nname = 'a'\nversion.workspace = true\nedition = { workspace = true }\n\
                        rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(
            not_inherited("a", &manifest.parse().unwrap()),
            [] as [&str; 0]
        );
    }

    #[test]
    fn each_field_that_is_not_inherited_is_found() {
        let manifest = "[package]\nname = 'a'\nversion = '1.0.0'\nedition.workspace = true\nrust-version.workspace = false\n";
        let expected = [
            "a: its manifest needs `version.workspace = true` in [package]",
            "a: its manifest needs `rust-version.workspace = true` in [package]",
            "a: its manifest needs `license.workspace = true` in [package]",
            "a: its manifest needs `workspace = true` in [lints]",
        ];
        assert_eq!(not_inherited("a", &manifest.parse().unwrap()), expected);
    }

    #[test]
    fn a_package_that_may_be_published_says_what_it_is() {
        let told = "[package]\ndescription = 'a'\nkeywords = []\ncategories = []\n";
        assert_eq!(not_told("a", &told.parse().unwrap()), [] as [&str; 0]);
        let private = "[package]\npublish = false\n";
        assert_eq!(not_told("a", &private.parse().unwrap()), [] as [&str; 0]);
        let silent = "[package]\nkeywords = []\npublish.workspace = true\n";
        assert_eq!(
            not_told("a", &silent.parse().unwrap()),
            [
                "a: its manifest needs `description` in [package], or `publish = false`",
                "a: its manifest needs `categories` in [package], or `publish = false`",
            ]
        );
    }

    #[test]
    fn a_dependency_is_used_where_a_path_starts_with_it() {
        for source in [
            "use some_crate::Thing;",
            "#[some_crate::main]",
            "use some_crate as _;",
        ] {
            assert!(names_library(source, "some_crate"), "{source}");
        }
    }

    #[test]
    fn a_word_or_a_part_of_one_is_no_use() {
        let sources = [
            "// url of the page",
            "// an url as given",
            "let url = 1;",
            "curl::x()",
            "url_of::x()",
            "crate::url::x()",
        ];
        let sources = sources.map(str::to_owned);
        assert_eq!(
            not_used("a", &set(&["url"]), &sources),
            ["a: no source file uses its dependency url"]
        );
    }

    #[test]
    fn an_excused_dependency_needs_no_use() {
        assert_eq!(
            not_used("a", &set(&["libsqlite3-sys"]), &[]),
            [] as [&str; 0]
        );
    }

    #[test]
    fn a_version_that_no_package_asks_for_is_found() {
        let root = "[workspace.dependencies]\nserde = '1'\nold = '1'\n"
            .parse()
            .unwrap();
        assert_eq!(
            not_wanted(&root, &set(&["serde"])),
            ["Cargo.toml: no package uses old"]
        );
    }
}
