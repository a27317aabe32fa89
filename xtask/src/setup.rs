//! `cargo xtask setup`: the library of DuckDB, prebuilt.
//!
//! Compiling DuckDB takes the better part of an hour; its library takes seconds to fetch. The npm
//! client brings it: whoever has set up a mirror or a proxy for that needs nothing more.

use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::{npm::Package, workspace};

/// The version of the packages; they hold DuckDB 1.5.6, which the crate `duckdb` has to match.
const VERSION: &str = "1.5.6-r.1";

/// Where the linker looks; `.cargo/config.toml` says so too.
const FOLDER: &str = "target/duckdb";

/// The variable that names the linker's folder.
const FOLDER_VARIABLE: &str = "DUCKDB_LIB_DIR";

/// The packages by operating system and processor.
const PACKAGES: &[(&str, &str, Package)] = &[
    (
        "linux",
        "x86_64",
        Package {
            name: "@duckdb/node-bindings-linux-x64",
            version: VERSION,
            sha256: "1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff",
        },
    ),
    (
        "linux",
        "aarch64",
        Package {
            name: "@duckdb/node-bindings-linux-arm64",
            version: VERSION,
            sha256: "3a45a6305b3235a781ed9de25aa795a3862acd042782d1f864e1bdb656de212b",
        },
    ),
    (
        "macos",
        "x86_64",
        Package {
            name: "@duckdb/node-bindings-darwin-x64",
            version: VERSION,
            sha256: "1004f6a9ec624612e8d30e25010070e7e3aac23fc807146a470c5a4f6f6e38e0",
        },
    ),
    (
        "macos",
        "aarch64",
        Package {
            name: "@duckdb/node-bindings-darwin-arm64",
            version: VERSION,
            sha256: "6ca33c2c6566246d6a452e24194f004010dd860d5b2764c7143ff255555862ca",
        },
    ),
];

/// Puts the library where the linker looks, and where programs look: beside what they are built
/// in. Does nothing if it is there, or if the environment names another folder.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    let for_linker = sh.current_dir().join(FOLDER);
    if names_another_folder(sh, &for_linker) {
        return Ok(());
    }
    if !is_there(&for_linker) {
        fetch(sh, &for_linker).with_context(|| help(&for_linker))?;
        println!("DuckDB {VERSION} is in {FOLDER}");
    }
    let for_programs = workspace::target_folder(sh)?.join("duckdb");
    if !is_there(&for_programs) {
        let library = for_linker.join(library());
        put(&library, &for_programs)?;
    }
    Ok(())
}

/// Cargo itself sets the variable to the usual folder for what it runs, such as this task.
fn names_another_folder(sh: &Shell, usual: &Path) -> bool {
    sh.var_os(FOLDER_VARIABLE)
        .is_some_and(|folder| Path::new(&folder) != usual)
}

fn help(folder: &Path) -> String {
    format!(
        "the library of DuckDB is needed in {}, and it could not be fetched with npm. \
         Instead, set {FOLDER_VARIABLE} to a folder that has a libduckdb of version 1.5.6 \
         (the system's, or the one of DuckDB's own releases, which LD_LIBRARY_PATH must name \
         too), or compile it, in about an hour on two cores, with `--features bundled`",
        folder.display()
    )
}

/// The name of the library's file.
fn library() -> String {
    format!("{DLL_PREFIX}duckdb{DLL_SUFFIX}")
}

/// Says, beside the library, which version it is.
fn marker(folder: &Path) -> PathBuf {
    folder.join("version")
}

fn is_there(folder: &Path) -> bool {
    let version = fs::read_to_string(marker(folder));
    version.is_ok_and(|version| version == VERSION) && folder.join(library()).is_file()
}

fn fetch(sh: &Shell, folder: &Path) -> Result<()> {
    let (.., package) = PACKAGES
        .iter()
        .find(|(os, arch, _)| (*os, *arch) == (OS, ARCH))
        .with_context(|| format!("there is no package for {OS} on {ARCH}"))?;
    let unpacked = tempfile::tempdir().context("failed to make a temporary folder")?;
    package.unpack(sh, &library(), unpacked.path())?;
    put(&unpacked.path().join("package").join(library()), folder)
}

/// Copies the library into a folder. Nobody ever sees a half of it there, not even another task
/// that does the same.
fn put(library: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let temporary = tempfile::tempdir_in(folder)?;
    let copy = temporary.path().join("library");
    fs::copy(library, &copy)?;
    let name = library.file_name().context("the library has no name")?;
    fs::rename(&copy, folder.join(name))?;
    fs::write(marker(folder), VERSION)?;
    Ok(())
}
