//! From the spool to where it is kept: events and sessions to the event store, people to the
//! catalog, and from there copies of them to the event store.
//!
//! Each sink has an applier of its own, which reads the spool in order and in batches. A sink
//! stores how far it is in the transaction of the rows, and so takes nothing twice. One that is
//! away is tried until it is back. A record that a sink refuses although it works is set aside,
//! so that it does not stand in the way of all others.

mod copies;

use std::{sync::Arc, time::Duration};

use paneld_domain::{ErrorChain, PeopleChange, ProjectKey, Timestamp};
use paneld_events::{Batch, Erased, EventStore, EventsError, StoreChange};
use paneld_repository::{Repository, RepositoryError};
use tokio::task::JoinHandle;

use self::copies::Copies;
use crate::{
    Ingest,
    ingest::Inner,
    record::{Change, Record},
    spool::{SpoolError, Spooled},
};

/// How many records are applied at once at most.
const BATCH: usize = 5_000;
/// How long more is waited for after a batch that was not full: big transactions cost less, and
/// nobody sees that a report is so late.
const GATHER: Duration = Duration::from_millis(200);
/// How long to wait before a sink that is away is tried again.
const AWAY: Duration = Duration::from_secs(1);

/// The appliers, at work.
#[derive(Debug)]
pub struct Appliers {
    inner: Arc<Inner>,
    tasks: Vec<JoinHandle<()>>,
}

impl Appliers {
    /// Sets them to work.
    pub fn start(ingest: &Ingest, store: EventStore, catalog: Repository) -> Self {
        let inner = Arc::clone(ingest.inner());
        let copies = Copies {
            store: store.clone(),
            catalog: catalog.clone(),
            catalog_progress: inner.progress.catalog.subscribe(),
        };
        let applier = |sink| Applier {
            inner: Arc::clone(&inner),
            sink,
            is_away: false,
        };
        let sinks = [
            Sink::Store(store),
            Sink::Catalog(catalog),
            Sink::Copies(copies),
        ];
        let tasks = sinks.map(|sink| tokio::spawn(applier(sink).run()));
        Self {
            inner,
            tasks: tasks.into(),
        }
    }

    /// Waits until everything that is in the spool now is applied.
    pub async fn settle(&self) {
        let last = self.inner.spool.last();
        self.inner.progress.reach(last).await;
    }

    /// Stops between two batches. What is not applied yet is after the next start.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            // It was stopped: there is nothing else that it could tell.
            let _ = task.await;
        }
    }
}

enum Sink {
    Store(EventStore),
    Catalog(Repository),
    Copies(Copies),
}

/// Why a sink did not take a batch.
enum Refusal {
    /// It is away, and the same batch can be tried again.
    Away(Box<dyn std::error::Error + Send + Sync>),
    /// It will never take it.
    Rejected(Box<dyn std::error::Error + Send + Sync>),
}

struct Applier {
    inner: Arc<Inner>,
    sink: Sink,
    is_away: bool,
}

impl Applier {
    async fn run(mut self) {
        let mut last = self.inner.spool.watch();
        let mut applied = self.position().await;
        loop {
            let end = *last.borrow_and_update();
            if end <= applied {
                self.publish(applied);
                if last.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let batch = match self.read(applied).await {
                Ok(batch) => batch,
                Err(error) => {
                    let sink = self.sink.name();
                    tracing::error!(sink, error = %ErrorChain(&error), "the spool cannot be read");
                    tokio::time::sleep(AWAY).await;
                    continue;
                }
            };
            let is_full = batch.len() == BATCH;
            // Up to the end there may be positions of which nothing is left. Up to what was the
            // end before reading: what came meanwhile was perhaps not read.
            let position = batch.last().map_or(end, |last| last.position);
            self.apply(batch).await;
            applied = position;
            self.publish(applied);
            if !is_full {
                let _ = tokio::time::timeout(GATHER, self.inner.progress.hurry.notified()).await;
            }
        }
    }

    async fn position(&mut self) -> u64 {
        loop {
            match self.sink.position(&self.inner).await {
                Ok(position) => return position,
                Err(Refusal::Away(error) | Refusal::Rejected(error)) => self.wait(&*error).await,
            }
        }
    }

    async fn read(&self, after: u64) -> Result<Vec<Spooled>, SpoolError> {
        let inner = Arc::clone(&self.inner);
        let read = tokio::task::spawn_blocking(move || inner.spool.read(after, BATCH));
        read.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// Applies a batch, however long it takes.
    async fn apply(&mut self, batch: Vec<Spooled>) {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.sink.apply(self.inner.spool.id(), &part).await {
                Ok(erased) => {
                    self.note_back();
                    let positions = part.iter().flat_map(erasures);
                    self.inner.progress.note_erased(positions.zip(erased));
                }
                Err(Refusal::Away(error)) => {
                    self.wait(&*error).await;
                    parts.push(part);
                }
                Err(Refusal::Rejected(error)) => match part.len() {
                    0 => {}
                    1 => self.set_aside(part, &*error).await,
                    length => {
                        let mut first = part;
                        let second = first.split_off(length / 2);
                        parts.extend([second, first]);
                    }
                },
            }
        }
    }

    /// Keeps a record for an operator, and goes on behind it.
    async fn set_aside(
        &mut self,
        records: Vec<Spooled>,
        why: &(dyn std::error::Error + Send + Sync + 'static),
    ) {
        for spooled in records {
            let position = spooled.position;
            let sink = self.sink.name();
            let error = ErrorChain(why).to_string();
            tracing::error!(sink, position, error, "a record is refused, and set aside");
            metrics::counter!("paneld_spool_set_aside_total", "sink" => sink).increment(1);
            while let Err(error) = self.inner.spool.set_aside(spooled.clone()).await {
                self.wait(&error).await;
            }
            let nothing = Spooled {
                position,
                record: Record::new(spooled.record.project(), spooled.record.at, Vec::new()),
            };
            while let Err(Refusal::Away(error) | Refusal::Rejected(error)) = self
                .sink
                .apply(self.inner.spool.id(), std::slice::from_ref(&nothing))
                .await
            {
                self.wait(&*error).await;
            }
        }
    }

    async fn wait(&mut self, why: &(dyn std::error::Error + Send + Sync + 'static)) {
        if !self.is_away {
            let (sink, error) = (self.sink.name(), ErrorChain(why).to_string());
            tracing::warn!(
                sink,
                error,
                "what is tracked cannot be applied; it waits in the spool"
            );
        }
        self.is_away = true;
        tokio::time::sleep(AWAY).await;
    }

    fn note_back(&mut self) {
        if std::mem::take(&mut self.is_away) {
            tracing::info!(sink = self.sink.name(), "what is tracked is applied again");
        }
    }

    /// Tells how far it is, and lets go what nobody needs any more.
    fn publish(&self, applied: u64) {
        let progress = &self.inner.progress;
        let done = match self.sink {
            Sink::Store(_) => &progress.store,
            Sink::Catalog(_) => &progress.catalog,
            Sink::Copies(_) => &progress.copies,
        };
        if applied > done.send_replace(applied) {
            // Tried again with the next batch.
            let _ = self.inner.spool.trim(progress.everywhere());
        }
    }
}

impl Sink {
    fn name(&self) -> &'static str {
        match self {
            Self::Store(_) => "events",
            Self::Catalog(_) => "catalog",
            Self::Copies(_) => "copies",
        }
    }

    async fn position(&self, inner: &Inner) -> Result<u64, Refusal> {
        match self {
            Self::Store(store) => store.applied_position().await.map_err(of_store),
            Self::Catalog(catalog) => {
                let position = catalog.applied_position(inner.spool.id()).await;
                position.map_err(of_catalog)
            }
            Self::Copies(copies) => copies.position(inner).await,
        }
    }

    /// Tells what erasures removed from the event store, in their order.
    async fn apply(&self, spool: &str, records: &[Spooled]) -> Result<Vec<Erased>, Refusal> {
        let Some(position) = records.last().map(|last| last.position) else {
            return Ok(Vec::new());
        };
        match self {
            Self::Store(store) => {
                let changes = records.iter().flat_map(of_events).collect::<Vec<_>>();
                let removes = changes.iter().any(|(_, change)| is_removal(change));
                let batch = Batch { position, changes };
                let erased = store.apply(batch).await.map_err(of_store)?;
                if removes && let Err(error) = store.checkpoint().await {
                    // What was removed is in the file still, until the next checkpoint.
                    let error = ErrorChain(&error);
                    tracing::warn!(%error, "there was no checkpoint after a removal");
                }
                Ok(erased)
            }
            Self::Catalog(catalog) => {
                let changes = records.iter().flat_map(of_people).collect::<Vec<_>>();
                if changes.is_empty() {
                    return Ok(Vec::new());
                }
                let applied = catalog.apply_people(spool, position, changes).await;
                let complaints = applied.map_err(of_catalog)?.complaints;
                metrics::counter!("paneld_increments_of_text_total").increment(complaints);
                Ok(Vec::new())
            }
            Self::Copies(copies) => {
                copies.apply(position, records).await?;
                Ok(Vec::new())
            }
        }
    }
}

fn of_store(error: EventsError) -> Refusal {
    match error {
        rejected @ EventsError::Rejected(_) => Refusal::Rejected(Box::new(rejected)),
        away => Refusal::Away(Box::new(away)),
    }
}

fn of_catalog(error: RepositoryError) -> Refusal {
    match error {
        away @ RepositoryError::Unavailable(_) => Refusal::Away(Box::new(away)),
        rejected => Refusal::Rejected(Box::new(rejected)),
    }
}

/// The position of a record, once for each erasure in it.
fn erasures(spooled: &Spooled) -> impl Iterator<Item = u64> {
    let changes = spooled.record.changes.iter();
    let erasures = changes
        .filter(|change| matches!(change, Change::People(PeopleChange::EraseProfile { .. })));
    erasures.map(|_| spooled.position)
}

/// Whether this removes what somebody wants to be gone.
fn is_removal(change: &StoreChange) -> bool {
    matches!(
        change,
        StoreChange::EraseProfile { .. } | StoreChange::Purge
    )
}

/// What the event store keeps of a record.
fn of_events(spooled: &Spooled) -> Vec<(ProjectKey, StoreChange)> {
    let record = &spooled.record;
    let changes = record.changes.iter().filter_map(|change| {
        let change = match change {
            Change::Event(event) => StoreChange::Event(event.clone()),
            Change::View(event, view) => StoreChange::View(event.clone(), view.clone()),
            Change::Disordered(span) => StoreChange::Disordered(span.clone()),
            Change::Session(session) => StoreChange::Session(session.clone()),
            Change::Bot(visit) => StoreChange::Bot(visit.clone()),
            Change::Replay(chunk) => StoreChange::Replay((**chunk).clone()),
            Change::People(PeopleChange::EraseProfile { profile_id }) => {
                StoreChange::EraseProfile {
                    profile_id: profile_id.clone(),
                }
            }
            Change::People(_) => return None,
            Change::Forget {
                events_before,
                replays_before,
            } => StoreChange::Forget {
                events_before: *events_before,
                replays_before: *replays_before,
            },
            Change::Purge => StoreChange::Purge,
        };
        Some((record.project(), change))
    });
    changes.collect()
}

/// What the catalog keeps of a record.
fn of_people(spooled: &Spooled) -> Vec<(ProjectKey, Timestamp, PeopleChange)> {
    let record = &spooled.record;
    let changes = record.changes.iter().filter_map(|change| match change {
        Change::People(change) => Some((record.project(), record.at, change.clone())),
        _ => None,
    });
    changes.collect()
}
