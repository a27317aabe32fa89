//! Finds out whether the library of DuckDB will be found, before anybody waits twenty minutes to
//! read that a linker did not find it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Where linkers look by themselves.
const USUAL_FOLDERS: [&str; 5] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/opt/homebrew/lib",
    "/opt/local/lib",
];

fn main() {
    for variable in [
        "DUCKDB_LIB_DIR",
        "DUCKDB_DOWNLOAD_LIB",
        "LIBRARY_PATH",
        "PANELD_TRUST_LINKER",
    ] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let is_given = |variable| env::var_os(variable).is_some();
    if is_given("CARGO_FEATURE_BUNDLED")
        || is_given("DUCKDB_DOWNLOAD_LIB")
        || is_given("DOCS_RS")
        || is_given("PANELD_TRUST_LINKER")
        || is_given("CARGO_CFG_WINDOWS")
    {
        return;
    }
    match env::var_os("DUCKDB_LIB_DIR") {
        Some(folder) => match library(Path::new(&folder)) {
            Some(library) => println!("cargo::rerun-if-changed={}", library.display()),
            None => {
                let folder = Path::new(&folder).display();
                refuse(&format!("DUCKDB_LIB_DIR names {folder}, which has none"));
            }
        },
        None if is_where_linkers_look() => {}
        None => refuse("DUCKDB_LIB_DIR does not say where it is"),
    }
}

/// The library in a folder, to be linked when programs start or when they are built.
fn library(folder: &Path) -> Option<PathBuf> {
    let names = ["libduckdb.so", "libduckdb.dylib", "libduckdb.a"];
    let mut files = names.iter().map(|name| folder.join(name));
    files.find(|file| file.is_file())
}

fn is_where_linkers_look() -> bool {
    let told = env::var_os("LIBRARY_PATH").unwrap_or_default();
    let processor = env::var_os("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let multiarch = format!("/usr/lib/{}-linux-gnu", processor.display());
    let usual = USUAL_FOLDERS.iter().map(PathBuf::from);
    let mut folders = env::split_paths(&told)
        .chain(usual)
        .chain([PathBuf::from(multiarch)]);
    folders.any(|folder| library(&folder).is_some()) || pkg_config_knows_it()
}

fn pkg_config_knows_it() -> bool {
    let asked = Command::new("pkg-config")
        .args(["--exists", "duckdb"])
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Fails the build with a way out for each who may read this.
fn refuse(why: &str) {
    let lines = [
        format!("paneld keeps events in DuckDB 1.5.6, whose library was not found: {why}."),
        "In a checkout of paneld, run: cargo xtask setup".to_owned(),
        "In another project, set DUCKDB_LIB_DIR to a folder that has libduckdb (from DuckDB's \
         releases, or target/duckdb of a checkout), for the build; and for programs to start, \
         LD_LIBRARY_PATH (macOS: DYLD_LIBRARY_PATH) to the same."
            .to_owned(),
        "Or compile DuckDB, in about an hour on two cores: the feature `bundled` of paneld-server."
            .to_owned(),
        "Or set PANELD_TRUST_LINKER, if it is where nobody can know but your linker, such as with \
         another crate that compiles DuckDB."
            .to_owned(),
        "Or do without events: paneld-server with default-features = false, features = [\"manage\"]."
            .to_owned(),
        "docs/embedding.md says more.".to_owned(),
    ];
    for line in lines {
        println!("cargo::error={line}");
    }
}
