//! `cargo xtask siege` runs this on the servers it built.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool talks to its terminal"
)]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use siege::Options;

/// Attack a server in all ways, and demand that its neighbour does not notice
#[derive(Parser)]
struct Cli {
    /// paneld's executable
    program: PathBuf,
    /// The floor's executable
    #[arg(long)]
    floor: Option<PathBuf>,
    /// For how many seconds each attack is made alone
    #[arg(long, default_value_t = 4)]
    each: u64,
    /// For how many seconds all attacks are made at once
    #[arg(long, default_value_t = 40)]
    all: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let options = Options {
        program: cli.program,
        floor: cli.floor,
        each: Duration::from_secs(cli.each),
        all: Duration::from_secs(cli.all),
    };
    match Box::pin(siege::run(&options)).await {
        Ok(verdict) => {
            print!("{verdict}");
            ExitCode::from(u8::from(!verdict.holds()))
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
