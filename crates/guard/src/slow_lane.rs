//! Where secrets are checked that take long to check: beside the workers, few at once.

use std::{sync::Arc, time::Duration};

use paneld_auth::{NotChecked, SlowCheck, SlowVerdict};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// How many checks run at once.
const WIDTH: usize = 2;
/// How long a check waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs slow checks on threads of their own.
#[derive(Debug)]
pub(crate) struct SlowLane {
    turns: Arc<Semaphore>,
}

/// Too many wait for their turn.
#[derive(Debug, thiserror::Error)]
#[error("too many secrets wait to be checked")]
struct Crowded;

impl SlowLane {
    pub(crate) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(WIDTH)),
        }
    }

    /// Waits for a turn, asks `admit` then, and runs the check.
    ///
    /// Not before: behind failures of the same caller, which wait too, it would ask too early.
    pub(crate) async fn run(
        &self,
        check: SlowCheck,
        admit: impl AsyncFnOnce() -> Result<(), NotChecked>,
    ) -> Result<SlowVerdict, NotChecked> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_elapsed| NotChecked::Unavailable(Box::new(Crowded)))?;
        admit().await?;
        let ran = spawn_blocking(move || {
            let verdict = check.run();
            // A caller that went away does not make room for another before.
            drop(turn);
            verdict
        });
        ran.await
            .map_err(|error| NotChecked::Unavailable(Box::new(error)))
    }
}
