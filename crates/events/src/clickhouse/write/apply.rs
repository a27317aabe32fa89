//! Applying batches.

use std::collections::{BTreeMap, HashMap};

use paneld_domain::{BotVisit, Event, ProjectKey, ReplayChunk, Session};

use super::remove::{Removed, remove};
use crate::{
    Batch, Erased, StoreChange,
    clickhouse::{
        fault::Fault,
        insert,
        journal::Begun,
        rows::{BotRow, ChunkRow, SessionRow},
        writer::Writer,
    },
};

impl Writer {
    /// Applies a batch, or what is left of it; or not again. Tells what its erasures removed.
    pub(super) async fn apply(&mut self, batch: &Batch) -> Result<Vec<Erased>, Fault> {
        let position = batch.position;
        if position <= self.progress.applied {
            return Ok(Vec::new());
        }
        let begun = self.progress.begun.clone();
        let begun = begun.filter(|begun| begun.position == position);
        let mut begun = begun.unwrap_or(Begun {
            position,
            removals: 0,
            erased: Vec::new(),
        });
        self.note(|progress| progress.begun = Some(begun.clone()))
            .await?;
        // Also of a batch that ends later: those before may have been cut differently.
        let may_be_there = self.progress.applied < self.sent_until;
        self.sent_until = self.sent_until.max(position);
        let mut pending = Pending::default();
        let mut segment = Segment {
            position,
            number: 1,
            may_be_there,
        };
        for (project, change) in &batch.changes {
            if !pending.take(*project, change) {
                // It, and what is before it, was done before.
                if segment.number > begun.removals {
                    self.send(&pending, segment).await?;
                    let removed = remove(&self.client, *project, change).await?;
                    if let Removed::Profile(Erased { events, sessions }) = removed {
                        begun.erased.push((events, sessions));
                    }
                    begun.removals = segment.number;
                    self.note(|progress| {
                        progress.begun = Some(begun.clone());
                        progress.removals.made += u64::from(removed != Removed::Nothing);
                    })
                    .await?;
                }
                pending = Pending::default();
                segment.number += 1;
            }
        }
        self.send(&pending, segment).await?;
        self.note(|progress| {
            progress.applied = position;
            progress.begun = None;
        })
        .await?;
        let erased = begun.erased.into_iter();
        let erased = erased.map(|(events, sessions)| Erased { events, sessions });
        Ok(erased.collect())
    }

    /// Sends the rows that come before a removal of a batch, or before its end.
    async fn send(&mut self, pending: &Pending<'_>, segment: Segment) -> Result<(), Fault> {
        if segment.may_be_there && !pending.events.is_empty() {
            insert::end_all(&self.client, &self.spools).await?;
        }
        for (month, events) in &pending.events {
            let block = insert::Block {
                spool: &self.progress.spool,
                journal: self.progress.id,
                position: segment.position,
                segment: segment.number,
                month: *month,
            };
            if segment.may_be_there {
                let absent = insert::absent(&self.client, &self.spools, events).await?;
                block.insert(&self.client, &absent).await?;
            } else {
                block.insert(&self.client, events).await?;
            }
        }
        let version = self.version();
        let sessions = pending.sessions.iter();
        let sessions = sessions.map(|((project, _), row)| SessionRow::new(*project, row, version));
        insert::insert::<SessionRow<'_>>(&self.client, "sessions", sessions.collect()).await?;
        let bots = pending.bot_visits.iter();
        let bots = bots.map(|(project, row)| BotRow::new(*project, row));
        insert::insert::<BotRow<'_>>(&self.client, "bot_visits", bots.collect()).await?;
        let chunks = pending.replay_chunks.iter();
        let chunks = chunks.map(|(project, row)| ChunkRow::new(*project, row));
        insert::insert::<ChunkRow<'_>>(&self.client, "replay_chunks", chunks.collect()).await
    }
}

/// A segment of a batch: what comes before one of its removals, or before its end.
#[derive(Clone, Copy)]
struct Segment {
    /// Where the batch ends.
    position: u64,
    /// Which one of the batch, counted from one on.
    number: usize,
    /// Whether something of the batch may have been sent before.
    may_be_there: bool,
}

/// Rows that are sent together.
#[derive(Default)]
struct Pending<'a> {
    /// By month, which is by partition.
    events: BTreeMap<i32, Vec<(ProjectKey, &'a Event)>>,
    /// The last version of each.
    sessions: HashMap<(ProjectKey, &'a str), &'a Session>,
    bot_visits: Vec<(ProjectKey, &'a BotVisit)>,
    replay_chunks: Vec<(ProjectKey, &'a ReplayChunk)>,
}

impl<'a> Pending<'a> {
    /// Takes the rows of a change; whether it is none that removes something.
    fn take(&mut self, project: ProjectKey, change: &'a StoreChange) -> bool {
        match change {
            // What is seen first, and for how long, is counted when it is asked for.
            StoreChange::Event(event) | StoreChange::View(event, _) => {
                let of_month = self.events.entry(insert::month(event.created_at));
                of_month.or_default().push((project, event));
            }
            StoreChange::Disordered(_) => {}
            StoreChange::Session(session) => {
                self.sessions.insert((project, &session.id), session);
            }
            StoreChange::Bot(visit) => self.bot_visits.push((project, visit)),
            StoreChange::Replay(chunk) => self.replay_chunks.push((project, chunk)),
            StoreChange::EraseProfile { .. } | StoreChange::Forget { .. } | StoreChange::Purge => {
                return false;
            }
        }
        true
    }
}
