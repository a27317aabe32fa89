//! `cargo xtask codegen`: pages that the code itself knows best, and data that others keep.

mod bots;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::{setup, workspace};

/// Files that paneld prints, with the arguments for that.
const PRINTED: &[(&str, &[&str])] = &[
    ("docs/openapi.json", &["openapi"]),
    ("docs/configuration.md", &["config", "--reference"]),
];

/// Writes every generated file.
pub(crate) fn write(sh: &Shell) -> Result<()> {
    setup::run(sh)?;
    for path in paths() {
        sh.write_file(path, generate(sh, path)?)?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails, naming each of them, if committed files differ from what would be written now.
pub(crate) fn check(sh: &Shell) -> Result<()> {
    setup::run(sh)?;
    let mut stale = Vec::new();
    for path in paths() {
        let committed = if sh.path_exists(path) {
            sh.read_file(path)?
        } else {
            String::new()
        };
        if committed != generate(sh, path)? {
            stale.push(path);
        }
    }
    if !stale.is_empty() {
        bail!(
            "stale: {}; run `cargo xtask codegen` and commit the result",
            stale.join(", ")
        );
    }
    Ok(())
}

fn paths() -> impl Iterator<Item = &'static str> {
    let printed = PRINTED.iter().map(|(path, _)| *path);
    std::iter::once(bots::PATH).chain(printed)
}

fn generate(sh: &Shell, path: &str) -> Result<String> {
    let printed = PRINTED.iter().find(|(other, _)| *other == path);
    match printed {
        Some((_, args)) => print(sh, args),
        None => bots::generate(sh),
    }
}

/// What paneld prints, with one newline at its end.
fn print(sh: &Shell, args: &[&str]) -> Result<String> {
    let program = workspace::program(sh)?;
    let printed = cmd!(sh, "{program} {args...}")
        .quiet()
        .read()
        .with_context(|| format!("failed to run `paneld {}`", args.join(" ")))?;
    Ok(printed + "\n")
}
