//! The crash test: whatever was acknowledged is there, once, however often the server is killed.
//!
//! Callers send events, increments and identities on many connections, and keep a ledger of
//! what was sent and what was answered. Meanwhile the server is killed at random moments, some of
//! them while it starts, and started again on the same data. In the end everything is read
//! back over HTTP: what was answered is there exactly once, what was not answered once
//! or not at all, sums are right, and sessions are whole.
//!
//! It knows nothing of the server but its API, so that it can be built without it.

mod callers;
mod ledger;
mod proof;
mod server;
mod verify;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

pub use proof::Proof;

use crate::{callers::Crowd, server::Server};

/// For how long the server is left alone before it is killed, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 200..2_500;
/// How often it is killed while it starts: one time in so many.
const STILLBORN: u32 = 6;
/// How long after its start such a server is killed, in milliseconds.
const STILLBORN_MS: std::ops::Range<u64> = 0..200;

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's executable.
    pub program: PathBuf,
    /// How often to kill it.
    pub kills: u32,
    /// What all random choices are made of. The moment of a kill is still another one each time.
    pub seed: u64,
    /// How many requests are in flight at once.
    pub connections: u32,
}

/// Kills the server so many times, and then looks for what is missing.
///
/// # Errors
/// What was lost, is there twice, or is wrong otherwise; or why it could not be found out.
pub async fn run(options: &Options) -> Result<Proof> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    // It is started in another folder than this.
    let program = std::path::absolute(&options.program)?;
    let mut random = StdRng::seed_from_u64(options.seed);
    let mut server = Server::start(&program, folder.path())?;
    let client = server.make_project().await?;
    let mut crowd = Crowd::new(options.connections, client, &mut random);
    let mut kills = 0;
    while kills < options.kills {
        let life = Duration::from_millis(random.random_range(LIFE_MS));
        crowd.go_to(server.url());
        tokio::time::sleep(life).await;
        server.kill()?;
        crowd.come_back().await?;
        kills += 1;
        while kills < options.kills && random.random_ratio(1, STILLBORN) {
            let mut stillborn = Server::spawn(&program, folder.path())?;
            let life = Duration::from_millis(random.random_range(STILLBORN_MS));
            tokio::time::sleep(life).await;
            stillborn.kill()?;
            kills += 1;
        }
        server = Server::start(&program, folder.path())?;
    }
    let ledger = crowd.into_ledger(&server.url()).await?;
    ensure!(
        ledger.acknowledged() > u64::from(kills),
        "the server hardly answered anything: that proves nothing"
    );
    let proof = verify::verify(&server, &ledger).await?;
    Ok(Proof { kills, ..proof })
}
