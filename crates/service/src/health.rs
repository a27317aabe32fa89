//! Whether the server can do its work.

use std::time::Duration;

use paneld_domain::{Clock, ErrorChain};
use paneld_repository::Repository;
use tokio::sync::Mutex;

/// How long an answer is repeated: anyone may ask, and must not keep the catalog busy.
const REPEAT: Duration = Duration::from_secs(1);
/// How long the catalog may take before it counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a backend was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendState {
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// The catalog.
    pub catalog: BackendState,
}

impl Readiness {
    /// Whether requests can be served.
    pub fn is_ready(&self) -> bool {
        self.catalog == BackendState::Up
    }
}

/// Asks the backends how they are.
#[derive(Debug)]
pub struct Health {
    repository: Repository,
    clock: Clock,
    last: Mutex<Option<(Duration, Readiness)>>,
}

impl Health {
    /// The health of a server on this catalog.
    pub fn new(repository: Repository, clock: Clock) -> Self {
        Self {
            repository,
            clock,
            last: Mutex::new(None),
        }
    }

    /// The state of the backends, at most a second old. Callers at the same time share one look.
    pub async fn readiness(&self) -> Readiness {
        let mut last = self.last.lock().await;
        let now = self.clock.elapsed();
        if let Some((at, readiness)) = *last
            && now.saturating_sub(at) < REPEAT
        {
            return readiness;
        }
        let asked = tokio::time::timeout(PATIENCE, self.repository.is_empty()).await;
        let catalog = match asked {
            Ok(Ok(_)) => BackendState::Up,
            Ok(Err(error)) => {
                tracing::warn!(error = %ErrorChain(&error), "the catalog is away");
                BackendState::Down
            }
            Err(_elapsed) => {
                tracing::warn!("the catalog does not answer");
                BackendState::Down
            }
        };
        let readiness = Readiness { catalog };
        *last = Some((self.clock.elapsed(), readiness));
        readiness
    }
}
