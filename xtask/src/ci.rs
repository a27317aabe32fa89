//! `cargo xtask ci`: what CI runs, so that it can be run before a push.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::{
    codegen, features, packaging, schemathesis, setup, stopwatch, test, tidy, web, workspace,
};

type Step = fn(&Shell) -> Result<()>;

/// In order: what fails soonest stands first.
const STEPS: &[(&str, Step)] = &[
    ("fmt", fmt),
    ("packaging", packaging::run),
    ("setup", setup::run),
    ("clippy", clippy),
    ("features", features::run),
    ("doc", doc),
    ("tidy", tidy::run),
    ("build", build),
    ("codegen --check", codegen::check),
    ("web --check", web::check),
    ("schemathesis", schemathesis::run),
    ("test", |sh| test::run(sh, &[])),
];

/// Runs the steps and stops at the first that fails.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    for (name, step) in STEPS {
        println!("\n=== {name}");
        let started = stopwatch::now();
        step(sh).with_context(|| format!("CI stopped at the step `{name}`"))?;
        println!("=== {name}: {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}

fn fmt(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo fmt --all --check").run()?;
    Ok(())
}

fn clippy(sh: &Shell) -> Result<()> {
    cmd!(
        sh,
        "cargo clippy --workspace --all-targets --locked -- -D warnings"
    )
    .run()?;
    Ok(())
}

fn doc(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo doc --workspace --no-deps --locked")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(())
}

/// Builds what the tests need, and the program among it, once: alone, it would be built with other
/// features of what it depends on.
fn build(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo test --locked --workspace --no-run").run()?;
    let program = workspace::target_folder(sh)?.join("debug").join("paneld");
    sh.set_var(workspace::PROGRAM, program);
    Ok(())
}
