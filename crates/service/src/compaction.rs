//! Removing from all files what was removed from the tables in them.

use chrono::TimeDelta;
use paneld_domain::{Clock, Timestamp};
use paneld_events::{EventStore, Removals};
use paneld_ingest::Ingest;
use paneld_repository::Repository;
use tokio::sync::Mutex;

use crate::ServiceError;

/// How many records may come in between two looks at most for it to be quiet.
const QUIET: u64 = 150;

/// Writes the files of all stores anew after something was removed: an erased profile, a purged
/// project, what is older than a project wants.
///
/// Half of the time that it may take is waited for more, so that much is removed at once; then
/// for a quiet moment. Near the end it is done in any case.
#[derive(Debug)]
pub struct Compaction {
    repository: Repository,
    ingest: Ingest,
    events: EventStore,
    clock: Clock,
    within: TimeDelta,
    last: Mutex<Last>,
}

/// What was found the last time.
#[derive(Debug, Default)]
struct Last {
    position: u64,
    failed_at: Option<Timestamp>,
}

impl Compaction {
    /// Files are to be written anew within this time.
    pub fn new(
        repository: Repository,
        ingest: Ingest,
        events: EventStore,
        clock: Clock,
        within: TimeDelta,
    ) -> Self {
        Self {
            repository,
            ingest,
            events,
            clock,
            within,
            last: Mutex::default(),
        }
    }

    /// Writes the files anew if it is time. To be called again and again.
    ///
    /// # Errors
    /// When a file could not be written anew, for want of room say. It is tried again after a
    /// while.
    pub async fn run_if_due(&self) -> Result<(), ServiceError> {
        let mut last = self.last.lock().await;
        let position = self.ingest.last_position();
        let came = position.saturating_sub(std::mem::replace(&mut last.position, position));
        let now = self.clock.now();
        if last.failed_at.is_some_and(|at| now - at < self.within / 24) {
            return Ok(());
        }
        // A store that is away says so itself.
        let Ok(Some(removals)) = self.events.removals(now).await else {
            return Ok(());
        };
        let is_quiet = came < QUIET && !self.events.is_sending_parts();
        let waited = now - removals.since;
        let is_due = waited >= self.within / 2 && is_quiet || waited >= self.within / 24 * 23;
        if !is_due {
            return Ok(());
        }
        let done = self.run(removals).await;
        last.failed_at = done.is_err().then_some(now);
        done
    }

    /// The event store last, for it is there that removals are noted.
    async fn run(&self, removals: Removals) -> Result<(), ServiceError> {
        let begun = self.clock.elapsed();
        self.ingest.compact(removals.since).await?;
        self.repository.compact().await?;
        self.events.compact(removals).await?;
        let took = (self.clock.elapsed() - begun).as_millis();
        tracing::info!(took_ms = %took, "nothing is left in the files of what was removed");
        Ok(())
    }
}
