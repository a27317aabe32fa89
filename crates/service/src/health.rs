//! Whether the server can do its work.

use std::time::Duration;

use paneld_domain::{Clock, ErrorChain};
use paneld_redis::{Redis, RedisState};
use paneld_repository::Repository;
use tokio::sync::Mutex;

use crate::{BackendState, Pipeline};

/// How long an answer is repeated: anyone may ask, and must not keep the catalog busy.
const REPEAT: Duration = Duration::from_secs(1);
/// How long the catalog may take before it counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found of each backend, and what follows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// What is tracked, before it is applied: whether it can be written.
    pub spool: BackendState,
    /// The event store: while it is away, events wait in the spool.
    pub events: BackendState,
    /// The catalog: without it nobody can be let in.
    pub catalog: BackendState,
    /// Redis, where there is one.
    pub redis: Option<BackendState>,
    /// Whether requests can be served.
    pub overall: Overall,
}

/// Whether requests can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overall {
    /// Requests can be served, and nothing is away.
    Ready,
    /// Requests can be served, but something is away that others do without.
    Degraded,
    /// Requests cannot be served: send them to another server.
    Unavailable,
}

/// What was found out of each backend.
struct Backends {
    catalog: BackendState,
    spool: BackendState,
    events: BackendState,
    redis: Option<BackendState>,
}

impl Readiness {
    fn new(backends: Backends, redis_is_needed: bool) -> Self {
        let Backends {
            catalog,
            spool,
            events,
            redis,
        } = backends;
        let is_down = |state| state == BackendState::Down;
        let redis_is_away = redis.is_some_and(is_down);
        let cannot_track = is_down(catalog) || is_down(spool) || (redis_is_away && redis_is_needed);
        let overall = if cannot_track {
            Overall::Unavailable
        } else if redis_is_away || is_down(events) {
            Overall::Degraded
        } else {
            Overall::Ready
        };
        Self {
            catalog,
            spool,
            events,
            redis,
            overall,
        }
    }
}

/// Asks the backends how they are.
#[derive(Debug)]
pub struct Health {
    repository: Repository,
    /// `None` where no events are kept.
    pipeline: Option<Pipeline>,
    redis: Option<Redis>,
    redis_is_needed: bool,
    clock: Clock,
    last: Mutex<Option<(Duration, BackendState)>>,
}

impl Health {
    /// The health of a server on this catalog, with these events, if it keeps any.
    pub fn new(repository: Repository, pipeline: Option<Pipeline>, clock: Clock) -> Self {
        Self {
            repository,
            pipeline,
            redis: None,
            redis_is_needed: false,
            clock,
            last: Mutex::new(None),
        }
    }

    /// The same, of a server that uses this Redis, and perhaps refuses requests without it.
    #[must_use]
    pub fn with_redis(self, redis: Redis, is_needed: bool) -> Self {
        Self {
            redis: Some(redis),
            redis_is_needed: is_needed,
            ..self
        }
    }

    /// The state of the backends; the catalog's at most a second old.
    pub async fn readiness(&self) -> Readiness {
        let redis = self.redis.as_ref().map(|redis| match redis.state() {
            RedisState::Up => BackendState::Up,
            RedisState::Down => BackendState::Down,
        });
        let (spool, events) = match &self.pipeline {
            Some(pipeline) => pipeline.states().await,
            None => (BackendState::Off, BackendState::Off),
        };
        let backends = Backends {
            catalog: self.catalog().await,
            spool,
            events,
            redis,
        };
        Readiness::new(backends, self.redis_is_needed)
    }

    /// Sets the gauges of the backends, of what waits and of what is live.
    pub async fn measure(&self) {
        let found = self.readiness().await;
        for (gauge, state) in [
            ("paneld_catalog_up", found.catalog),
            ("paneld_events_up", found.events),
        ] {
            if state != BackendState::Off {
                let is_up = if state == BackendState::Up { 1.0 } else { 0.0 };
                metrics::gauge!(gauge).set(is_up);
            }
        }
        if let Some(pipeline) = &self.pipeline {
            pipeline.measure().await;
        }
    }

    /// Callers at the same time share one look.
    async fn catalog(&self) -> BackendState {
        let mut last = self.last.lock().await;
        let now = self.clock.elapsed();
        if let Some((at, catalog)) = *last
            && now.saturating_sub(at) < REPEAT
        {
            return catalog;
        }
        let asked = tokio::time::timeout(PATIENCE, self.repository.is_empty()).await;
        let why = match asked {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(ErrorChain(&error).to_string()),
            Err(_elapsed) => Some("it does not answer".to_owned()),
        };
        let was_away = last.is_some_and(|(_, catalog)| catalog == BackendState::Down);
        let catalog = match why {
            Some(why) => {
                if !was_away {
                    tracing::warn!(error = %why, "the catalog is away");
                }
                BackendState::Down
            }
            None => {
                if was_away {
                    tracing::info!("the catalog is back");
                }
                BackendState::Up
            }
        };
        *last = Some((self.clock.elapsed(), catalog));
        catalog
    }
}
