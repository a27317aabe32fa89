//! Developer tasks: `cargo xtask --help` lists them.
//!
//! Holds what cargo itself cannot do, so that a checkout needs no other tool installed.
//! It must know no crate of paneld: it runs before any of them compiles.
//! Start with `ci.rs`, which names the steps that every change has to pass.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool talks to its terminal"
)]

mod admin;
mod bench;
mod ci;
mod codegen;
mod crash;
mod features;
mod fuzz;
mod npm;
mod packaging;
mod python;
mod schemathesis;
mod services;
mod setup;
mod siege;
mod stopwatch;
mod suites;
mod test;
mod tidy;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Developer tasks of paneld.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run `paneld admin …` from source, in this folder and with this environment
    #[command(disable_help_flag = true)]
    Admin {
        /// Arguments for `paneld admin`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure the server
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Run every step of CI, in its order
    Ci,
    /// Write the generated files: pages under docs/, and the list of bots
    Codegen {
        /// Write nothing; fail if a file is stale
        #[arg(long)]
        check: bool,
    },
    /// Compile the server with each of its APIs alone
    Features,
    /// Send Track random bodies, and look whether it stumbles
    Fuzz(fuzz::Options),
    /// Kill the server at random, again and again, and demand that nothing acknowledged is lost
    Crash(crash::Options),
    /// Check packages, workflows and alerts, with the checkers of others
    Packaging,
    /// Hold the server against its OpenAPI document, with schemathesis from PyPI
    Schemathesis,
    /// Fetch the library of DuckDB, unless it is there; the tasks that need it do this themselves
    Setup,
    /// Attack the server in all ways, and demand that its neighbour does not notice
    Siege(siege::Options),
    /// Build the console's page anew from its source
    Web {
        /// Write nothing; fail if the committed page is not what the source makes
        #[arg(long)]
        check: bool,
    },
    /// Hold recognition of browsers and bots against the lists of others
    Suites,
    /// Run every test: unit, integration and documentation
    Test {
        /// More arguments for `cargo test`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Check what compilers do not: layers, manifests, READMEs, licences, links, stray files, and names in packages
    Tidy,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Not the backtrace that returning it would add where `RUST_BACKTRACE` is set for the tests.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let task = Cli::parse().task;
    let sh = workspace::shell()?;
    match task {
        Task::Admin { args } => return admin::run(&sh, &args),
        Task::Bench(bench) => bench::run(&sh, bench)?,
        Task::Ci => ci::run(&sh)?,
        Task::Codegen { check: false } => codegen::write(&sh)?,
        Task::Codegen { check: true } => codegen::check(&sh)?,
        Task::Features => features::run(&sh)?,
        Task::Fuzz(options) => fuzz::run(&sh, &options)?,
        Task::Crash(options) => crash::run(&sh, &options)?,
        Task::Packaging => packaging::run(&sh)?,
        Task::Schemathesis => schemathesis::run(&sh)?,
        Task::Setup => setup::run(&sh)?,
        Task::Siege(options) => siege::run(&sh, &options)?,
        Task::Suites => suites::run(&sh)?,
        Task::Test { args } => test::run(&sh, &args)?,
        Task::Web { check: false } => web::write(&sh)?,
        Task::Web { check: true } => web::check(&sh)?,
        Task::Tidy => tidy::run(&sh)?,
    }
    Ok(ExitCode::SUCCESS)
}
