//! From the spool to where it is kept: events and sessions to the event store, people to the
//! catalog, and from there copies of them to the event store.
//!
//! Each sink has an applier of its own, which reads the spool in order and in batches. A sink
//! stores how far it is in the transaction of the rows, and so takes nothing twice. One that is
//! away is tried until it is back. A record that a sink refuses although it works is set aside,
//! so that it does not stand in the way of all others; and so is one for which it has no room in
//! memory, alone and again.

mod changes;
mod copies;
mod refusal;
mod sink;

use std::{collections::HashMap, ops::Range, sync::Arc, time::Duration};

use paneld_domain::{ErrorChain, PeopleChange};
use paneld_events::EventStore;
use paneld_repository::Repository;
use tokio::{task::JoinSet, time::Instant};

use self::{copies::Copies, refusal::Refusal, sink::Sink};
use crate::{
    Ingest,
    pipeline::{
        ingest::Inner,
        record::Change,
        removals::Removals,
        sessions::{Kept, Told},
        spool::{RecordBatch, SpoolError, Spooled, Stretch},
    },
};

/// How long to wait before a sink that is away is tried again.
const AWAY: Duration = Duration::from_secs(1);
/// How often a single record is tried for which there is no room in memory.
const TRIES: u32 = 2;
/// The same while something else takes memory, too, or where the record removes something.
const PATIENT_TRIES: u32 = 60;

/// The appliers, at work until this is stopped or dropped.
#[derive(Debug)]
pub struct Appliers {
    inner: Arc<Inner>,
    tasks: JoinSet<()>,
}

impl Appliers {
    /// Starts the appliers, which read the spool from now on.
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
        let tasks = sinks.into_iter().map(|sink| applier(sink).run());
        let tasks = tasks.collect();
        Self { inner, tasks }
    }

    /// Waits until everything that is in the spool now is applied, and no longer takes room there.
    pub async fn settle(&self) {
        let spool = &self.inner.spool;
        spool.reach_applied(spool.last()).await;
    }

    /// Stops between two batches. What is not applied yet is after the next start.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Records that are to be applied together.
struct Pending {
    /// Behind which position they are, and up to which.
    range: Range<u64>,
    /// `None` when they must be read again.
    records: Option<Vec<Spooled>>,
    /// How often there was no room for them.
    tries: u32,
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
        // What was begun is finished first, as it was begun.
        let mut unfinished = self.unfinished_position().await;
        loop {
            let end = *last.borrow_and_update();
            let unfinished = unfinished.take().filter(|&position| position > applied);
            let end = unfinished.map_or(end, |position| position.min(end));
            if end <= applied {
                self.publish(applied);
                if last.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let (begun, before) = (Instant::now(), applied);
            let is_cut = match self.apply_stretch(&mut applied, end).await {
                Ok(is_cut) => is_cut,
                Err(error) => {
                    let sink = self.sink.name();
                    tracing::error!(sink, error = %ErrorChain(&error), "the spool cannot be read");
                    tokio::time::sleep(AWAY).await;
                    continue;
                }
            };
            if !is_cut && unfinished.is_none() {
                let gather = self.sink.pace().gather_after(applied - before);
                let hurry = self.inner.progress.hurry.notified();
                let _ = tokio::time::timeout_at(begun + gather, hurry).await;
            }
        }
    }

    /// Applies what follows a position, as far as it looks ahead. Tells whether there may be more
    /// before `end`, the position of the last record.
    async fn apply_stretch(&mut self, applied: &mut u64, end: u64) -> Result<bool, SpoolError> {
        let stretch = match self.sink {
            Sink::Store(_) => self.look_ahead(*applied, end).await?,
            // They keep no sessions.
            Sink::Catalog(_) | Sink::Copies(_) => Stretch::up_to(end),
        };
        while *applied < stretch.end {
            let most = self.sink.pace().most.min((stretch.end - *applied) as usize);
            let batch = self.read(*applied, most).await?;
            // Up to the end there may be positions of which nothing is left. Up to what was the
            // end before reading: what came meanwhile was perhaps not read.
            let position = batch.last.unwrap_or(stretch.end);
            let range = *applied..position;
            self.apply(batch.records, range, &stretch).await;
            *applied = position;
            self.publish(position);
        }
        Ok(stretch.is_cut)
    }

    async fn position(&mut self) -> u64 {
        loop {
            match self.sink.position(&self.inner).await {
                Ok(position) => return position,
                Err(refusal) => self.wait(&*refusal.into_cause()).await,
            }
        }
    }

    async fn unfinished_position(&mut self) -> Option<u64> {
        loop {
            match self.sink.unfinished_position().await {
                Ok(position) => return position,
                Err(refusal) => self.wait(&*refusal.into_cause()).await,
            }
        }
    }

    async fn look_ahead(&self, after: u64, last: u64) -> Result<Stretch, SpoolError> {
        let inner = Arc::clone(&self.inner);
        let stretch = tokio::task::spawn_blocking(move || inner.spool.stretch(after, last));
        stretch.await.unwrap_or(Err(SpoolError::Closed))
    }

    async fn read(&self, after: u64, most: usize) -> Result<RecordBatch, SpoolError> {
        let (inner, wanted) = (Arc::clone(&self.inner), self.sink.wanted());
        let read = tokio::task::spawn_blocking(move || inner.spool.read(wanted, after, most));
        read.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// Applies all that is wanted of the records behind a position and up to another, however
    /// long it takes.
    async fn apply(&mut self, records: Vec<Spooled>, range: Range<u64>, stretch: &Stretch) {
        let mut parts = vec![Pending {
            range,
            records: Some(records),
            tries: 0,
        }];
        while let Some(Pending {
            range,
            records,
            tries,
        }) = parts.pop()
        {
            let records = match records {
                Some(records) => records,
                None => self.read_again(&range).await,
            };
            let records = match self.sink {
                Sink::Store(_) => self.look_up(records, stretch).await,
                Sink::Catalog(_) | Sink::Copies(_) => records,
            };
            let positions = records.iter().map(|spooled| spooled.position);
            let positions = positions.collect::<Vec<_>>();
            let erasures = records.iter().flat_map(erasures).collect::<Vec<_>>();
            let alone = Alone::of(&records, &self.inner.removals);
            let seen = match self.sink {
                Sink::Store(_) => self.inner.watched.events_of(&records),
                Sink::Catalog(_) | Sink::Copies(_) => HashMap::new(),
            };
            let spool = self.inner.spool.id();
            let refusal = match self.sink.apply(spool, records, range.end, stretch).await {
                Ok(erased) => {
                    self.note_back();
                    self.inner.watched.add(seen);
                    let erased = erasures.into_iter().zip(erased);
                    self.inner.progress.note_erased(erased);
                    continue;
                }
                Err(refusal) => refusal,
            };
            let again = |range, tries| Pending {
                range,
                records: None,
                tries,
            };
            match (refusal, alone) {
                (Refusal::Away(error), _) => {
                    self.wait(&*error).await;
                    parts.push(again(range, tries));
                }
                (_, Alone::No) => {
                    let between = positions[positions.len() / 2 - 1];
                    parts.push(again(between..range.end, 0));
                    parts.push(again(range.start..between, 0));
                }
                (_, Alone::Overtaken) => self.pass_over(range.end, stretch).await,
                (Refusal::NoRoom(_), Alone::Yes { removes })
                    if tries + 1 < self.most_tries(removes) =>
                {
                    tokio::time::sleep(AWAY).await;
                    parts.push(again(range, tries + 1));
                }
                (Refusal::Rejected(error) | Refusal::NoRoom(error), Alone::Yes { .. }) => {
                    self.set_aside(positions, range.end, stretch, &*error).await;
                }
            }
        }
    }

    /// Puts sessions in the place of their growth, as they are now, which is as they were or later.
    /// A session that is not there any more was told whole when it went; unless it was forgotten.
    async fn look_up(&self, mut records: Vec<Spooled>, stretch: &Stretch) -> Vec<Spooled> {
        for Spooled { position, live, .. } in &mut records {
            for (device, told) in live {
                let Told::Grown(session_id, _growth) = told else {
                    continue;
                };
                if !stretch.is_last(*position, device.project(), session_id) {
                    continue;
                }
                let now = self.inner.live.now(device).await;
                let now = now.filter(|now| now.session.id == *session_id);
                if let Some(Ok(kept)) = now.map(|now| Kept::new(&now)) {
                    *told = Told::Whole(kept);
                }
            }
        }
        records
    }

    /// How often a single record is tried for which there is no room. Where questions are being
    /// answered, it may be them that take it.
    fn most_tries(&self, removes: bool) -> u32 {
        if removes || self.sink.is_answering() {
            PATIENT_TRIES
        } else {
            TRIES
        }
    }

    /// Reads what was read before. It stays in the spool until it is applied.
    async fn read_again(&mut self, range: &Range<u64>) -> Vec<Spooled> {
        loop {
            match self
                .read(range.start, (range.end - range.start) as usize)
                .await
            {
                Ok(part) => {
                    let mut records = part.records;
                    // Positions may begin far behind the start.
                    records.retain(|spooled| spooled.position <= range.end);
                    return records;
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    /// Keeps a record for an operator, and goes on behind it.
    async fn set_aside(
        &mut self,
        refused: Vec<u64>,
        end: u64,
        stretch: &Stretch,
        why: &(dyn std::error::Error + Send + Sync + 'static),
    ) {
        for position in refused {
            let sink = self.sink.name();
            let error = ErrorChain(why).to_string();
            tracing::error!(sink, position, error, "a record is refused, and set aside");
            metrics::counter!("paneld_spool_set_aside_total", "sink" => sink).increment(1);
            while let Err(error) = self.inner.spool.set_aside(position).await {
                self.wait(&error).await;
            }
        }
        self.pass_over(end, stretch).await;
    }

    /// Goes on behind a position without what is before it.
    async fn pass_over(&mut self, end: u64, stretch: &Stretch) {
        let inner = Arc::clone(&self.inner);
        while let Err(refusal) = self
            .sink
            .apply(inner.spool.id(), Vec::new(), end, stretch)
            .await
        {
            self.wait(&*refusal.into_cause()).await;
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
        let before = progress.applied();
        done.send_replace(applied);
        let now = progress.applied();
        if now != before {
            // Tried again with the next batch.
            let _ = self.inner.spool.trim(now);
        }
    }
}

/// Whether some records are a single one, which cannot be cut any more.
#[derive(Clone, Copy)]
enum Alone {
    /// There are several.
    No,
    /// Nothing needs to be kept of what they say: it is removed by what follows.
    Overtaken,
    Yes {
        /// Whether it removes what somebody wants to be gone.
        removes: bool,
    },
}

impl Alone {
    fn of(records: &[Spooled], removals: &Removals) -> Self {
        match records {
            [] => Self::Yes { removes: false },
            [one] if removals.overtake(one.position, &one.record) => Self::Overtaken,
            [one] => Self::Yes {
                removes: one.record.removes(),
            },
            _ => Self::No,
        }
    }
}

/// The position of a record, once for each erasure in it.
fn erasures(spooled: &Spooled) -> impl Iterator<Item = u64> {
    let changes = spooled.record.changes.iter();
    let erasures = changes
        .filter(|change| matches!(change, Change::People(PeopleChange::EraseProfile { .. })));
    erasures.map(|_| spooled.position)
}
