//! `cargo xtask codegen`: pages that the code itself knows best.

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::setup;

/// Each generated file with the arguments that make paneld print it.
const GENERATED: &[(&str, &[&str])] = &[
    ("docs/openapi.json", &["openapi"]),
    ("docs/configuration.md", &["config", "--reference"]),
];

/// Writes every generated file.
pub(crate) fn write(sh: &Shell) -> Result<()> {
    setup::run(sh)?;
    for (path, args) in GENERATED {
        sh.write_file(path, generate(sh, args)?)?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails, naming each of them, if committed files differ from what would be written now.
pub(crate) fn check(sh: &Shell) -> Result<()> {
    setup::run(sh)?;
    let mut stale = Vec::new();
    for (path, args) in GENERATED {
        let committed = if sh.path_exists(path) {
            sh.read_file(path)?
        } else {
            String::new()
        };
        if committed != generate(sh, args)? {
            stale.push(*path);
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

/// What paneld prints, with one newline at its end.
fn generate(sh: &Shell, args: &[&str]) -> Result<String> {
    let printed = cmd!(
        sh,
        "cargo run --quiet --locked --package paneld -- {args...}"
    )
    .quiet()
    .read()
    .with_context(|| format!("failed to run `paneld {}`", args.join(" ")))?;
    Ok(printed + "\n")
}
