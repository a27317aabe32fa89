//! `cargo xtask crash` runs this on the server it built.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool talks to its terminal"
)]

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use crash::{Options, Proof};

/// Kill a server again and again, and demand that it keeps what it acknowledged
#[derive(Parser)]
struct Cli {
    /// The server's executable
    program: PathBuf,
    /// How often to kill it
    #[arg(long, default_value_t = 30)]
    kills: u32,
    /// Where random choices begin; another one each time unless it is given
    #[arg(long)]
    seed: Option<u64>,
    /// How many requests are in flight at once
    #[arg(long, default_value_t = 64)]
    connections: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let seed = cli.seed.unwrap_or_else(rand::random);
    println!("seed {seed}: the same choices again with `--seed {seed}`");
    let options = Options {
        program: cli.program,
        kills: cli.kills,
        seed,
        connections: cli.connections,
    };
    match crash::run(&options).await {
        Ok(proof) => {
            tell(proof);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tell(proof: Proof) {
    let Proof {
        kills,
        acknowledged,
        unanswered,
        repeated,
        events,
        sessions: (sessions, ended),
    } = proof;
    println!("killed {kills} times");
    println!("{acknowledged} requests were acknowledged, {repeated} of them when repeated;");
    println!("{unanswered} were never answered");
    println!("{events} events are stored, in {sessions} sessions, of which {ended} ended");
    println!("nothing is missing, and nothing is there twice");
}
