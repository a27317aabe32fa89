//! Whether projects share the server: a single one may fill the spool.

use std::time::Duration;

use paneld_domain::{Clock, ErrorChain};
use paneld_ingest::Ingest;
use paneld_repository::Repository;
use tokio::sync::Mutex;

/// How long an answer is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long the catalog may take to answer. Track does without it otherwise.
const PATIENCE: Duration = Duration::from_millis(200);

/// Finds out whether there are several projects, while the spool is so full that it matters.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    asked_at: Mutex<Option<Duration>>,
}

impl Neighbours {
    /// Lets the spool know, before something is added to it. Callers at the same time share one
    /// question; while the catalog is away, what it said last counts.
    pub(crate) async fn note(&self, ingest: &Ingest, repository: &Repository, clock: &Clock) {
        if !ingest.is_half_full() {
            return;
        }
        let mut asked_at = self.asked_at.lock().await;
        let now = clock.elapsed();
        if asked_at.is_some_and(|at| now.saturating_sub(at) < BELIEVED) {
            return;
        }
        match tokio::time::timeout(PATIENCE, repository.has_several_projects()).await {
            Ok(Ok(are_several)) => ingest.note_projects(are_several),
            Ok(Err(error)) => {
                tracing::debug!(error = %ErrorChain(&error), "the projects were not counted");
            }
            Err(_elapsed) => tracing::debug!("the projects were not counted in time"),
        }
        *asked_at = Some(clock.elapsed());
    }
}
