//! The spool: what was accepted and is not applied everywhere yet, on the local disk.
//!
//! It is a file of a transactional store. One thread writes: it takes what has come in since its
//! last commit, commits it at once, and only then do the replies leave. Records have what they
//! change of live sessions with them, and the ids of recent events are in the same transaction,
//! so that a restart finds them as they were told.

mod append;
mod applied;
mod backlog;
mod command;
mod compaction;
mod contents;
mod copying;
mod dedup;
mod error;
mod fault;
mod file;
mod format;
mod frames;
mod gauges;
mod inbox;
mod known;
mod outage;
mod replies;
mod reserve;
mod snapshot;
mod spooled;
mod stretch;
mod tables;
mod tail;
mod transaction;
mod writer;

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use paneld_domain::{OrganizationId, ProjectKey, Timestamp};
use tokio::{sync::watch, task::spawn_blocking};
use uuid::Uuid;

pub(crate) use self::{
    append::{Account, Append},
    applied::Applied,
    dedup::RequestKey,
    snapshot::Snapshot,
    spooled::{RecordBatch, RecordFilter, Spooled},
    stretch::Stretch,
};
use self::{
    backlog::Backlog, command::Command, dedup::DedupLimits, fault::Fault, gauges::Gauges,
    replies::Waiter, tables::Tables, writer::Writer,
};
pub use self::{
    contents::{SpoolContents, renew_spool},
    error::SpoolError,
};
use crate::{
    Ids,
    pipeline::{
        record::Record,
        sessions::{DeviceKey, Live},
    },
};

/// The spool, open.
#[derive(Debug)]
pub(crate) struct Spool {
    tables: Arc<Tables>,
    /// `None` only while it is dropped.
    commands: Option<mpsc::Sender<Command>>,
    writer: Option<JoinHandle<()>>,
    gauges: Arc<Gauges>,
    limit: u64,
    /// Whether others want room, too. Until somebody has said, they do.
    has_several_projects: AtomicBool,
    /// Whether it was said that it is more than half full.
    was_full: AtomicBool,
}

impl Spool {
    /// Opens the file, and makes it when it is not there. No more than `limit` bytes of records
    /// will be taken. The positions of a new file begin behind `behind`, which must be more than
    /// any file in its place had: a store knows what it applied by position.
    pub(crate) fn open(path: &Path, limit: u64, behind: u64) -> Result<Self, SpoolError> {
        Self::open_with(path, limit, behind, DedupLimits::USUAL)
    }

    fn open_with(
        path: &Path,
        limit: u64,
        behind: u64,
        ids: DedupLimits,
    ) -> Result<Self, SpoolError> {
        let tables = Arc::new(Tables::open(path, behind)?);
        let (last, waiting) = tables.measure(Applied::default())?;
        let tail = tables.tail()?;
        let backlog = Backlog::new(tables.owners()?, &waiting);
        let gauges = Arc::new(Gauges::new(last, backlog));
        let (commands, inbox) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&tables), tail, Arc::clone(&gauges), inbox, ids);
        let writer = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run())
            .map_err(SpoolError::broken)?;
        Ok(Self {
            tables,
            commands: Some(commands),
            writer: Some(writer),
            gauges,
            limit,
            has_several_projects: AtomicBool::new(true),
            was_full: AtomicBool::new(false),
        })
    }

    /// What sinks remember this spool by.
    pub(crate) fn id(&self) -> &str {
        self.tables.id()
    }

    /// Writes, and returns once it is on disk: the position of the last record of it; of the
    /// spool, when it has none.
    pub(crate) async fn append(&self, append: &Append) -> Result<u64, SpoolError> {
        self.demand_writable()?;
        if !self.has_room(&append.account) {
            return Err(SpoolError::Full {
                bytes: self.bytes(),
            });
        }
        let entry = append.encode().map_err(SpoolError::broken)?;
        let (waiter, written) = Waiter::here();
        self.command(Command::Append(entry, waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)?
    }

    /// Whether something may be added to this part.
    fn has_room(&self, account: &Account) -> bool {
        let (project, organization) = match account {
            // Its records are small, and few.
            Account::Upkeep => return self.bytes() < self.limit + self.limit / 8,
            Account::Of(target) => (target.key, Some(&target.organization)),
            Account::Project(project) => (*project, None),
        };
        if !self.is_half_full() {
            return true;
        }
        if !self.has_several_projects.load(Ordering::Relaxed) {
            return self.bytes() < self.limit;
        }
        let backlog = self.gauges.backlog();
        backlog.may_add(self.limit, project, organization)
    }

    /// Whether so much waits that not everybody can have all the room they want.
    pub(crate) fn is_half_full(&self) -> bool {
        self.bytes() >= self.limit / 2
    }

    /// Says in the log when it gets more than half full, and when there is room again: less than a
    /// quarter, so that it is not said with every batch that is applied.
    pub(crate) fn tell_fill(&self) {
        let (bytes, limit) = (self.bytes(), self.limit);
        let was_full = self.was_full.load(Ordering::Relaxed);
        if !was_full && bytes >= limit / 2 {
            tracing::warn!(
                bytes,
                limit,
                "the spool is more than half full: Track is refused to who has most waiting"
            );
            self.was_full.store(true, Ordering::Relaxed);
        } else if was_full && bytes < limit / 4 {
            tracing::info!(bytes, limit, "there is room in the spool again");
            self.was_full.store(false, Ordering::Relaxed);
        }
    }

    /// Notes whether others want room, too.
    pub(crate) fn note_projects(&self, are_several: bool) {
        self.has_several_projects
            .store(are_several, Ordering::Relaxed);
    }

    /// Whose a project is, if it was told when something of it was written.
    pub(crate) fn owner(&self, project: ProjectKey) -> Option<OrganizationId> {
        self.gauges.backlog().owner(project).cloned()
    }

    /// Forgets the records that no sink needs any more.
    pub(crate) fn trim(&self, applied: Applied) -> Result<(), SpoolError> {
        self.command(Command::Trim(applied))
    }

    /// Waits until the records up to this position do not count as waiting any more.
    pub(crate) async fn reach_applied(&self, position: u64) {
        let mut applied = self.gauges.applied.subscribe();
        // Who could tell it lives as long as this.
        let _ = applied.wait_for(|&applied| applied >= position).await;
    }

    /// Forgets the ids of requests from before.
    pub(crate) fn forget_seen(&self, before: Timestamp) -> Result<(), SpoolError> {
        self.command(Command::ForgetSeen(before.timestamp_millis()))
    }

    /// Keeps the record of this position, which a sink refuses, where an operator can find it.
    pub(crate) async fn set_aside(&self, position: u64) -> Result<(), SpoolError> {
        let (waiter, written) = Waiter::here();
        self.command(Command::SetAside(position, waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)??;
        Ok(())
    }

    /// The positions of the records that are kept so and meant here.
    pub(crate) fn find_set_aside(
        &self,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Result<Vec<u64>, SpoolError> {
        self.tables.find_set_aside(is_meant)
    }

    /// Lets go of records that are kept so.
    pub(crate) async fn drop_set_aside(&self, positions: Vec<u64>) -> Result<(), SpoolError> {
        let (waiter, written) = Waiter::here();
        self.command(Command::DropSetAside(positions, waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)??;
        Ok(())
    }

    /// Writes the file anew, so that nothing is left in it of what was removed, nor who sent
    /// requests that came up to this time. What is to be written waits meanwhile.
    pub(crate) async fn compact(&self, seen_until: Timestamp) -> Result<(), SpoolError> {
        let (waiter, written) = Waiter::here();
        self.command(Command::Compact(seen_until.timestamp_millis(), waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)??;
        Ok(())
    }

    /// The spool as it is now, whatever becomes of it.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, SpoolError> {
        Snapshot::of(&self.tables)
    }

    /// The spools that this one was restored from, the latest first, with their last positions.
    pub(crate) fn ancestors(&self) -> Result<Vec<(String, u64)>, SpoolError> {
        self.tables.ancestors()
    }

    fn command(&self, command: Command) -> Result<(), SpoolError> {
        let commands = self.commands.as_ref().ok_or(SpoolError::Closed)?;
        commands.send(command).map_err(|_closed| SpoolError::Closed)
    }

    /// The records behind a position, in order: of so many, or fewer when they are big, those
    /// that are wanted.
    pub(crate) fn read(
        &self,
        wanted: RecordFilter,
        after: u64,
        most: usize,
    ) -> Result<RecordBatch, SpoolError> {
        self.tables.read(wanted, after, most)
    }

    /// The records that follow a position, as far as it is worth to look ahead. `last` was that
    /// of the last record: up to it there may be positions of which nothing is left.
    pub(crate) fn stretch(&self, after: u64, last: u64) -> Result<Stretch, SpoolError> {
        self.tables.stretch(after, last)
    }

    /// The sessions of all devices.
    pub(crate) fn live(&self) -> Result<Vec<(DeviceKey, Live)>, SpoolError> {
        self.tables.live()
    }

    /// When a session was last ended early, in milliseconds since 1970; long ago if never.
    pub(crate) fn crowded_at(&self) -> Result<i64, SpoolError> {
        self.tables.crowded_at()
    }

    /// What was replied to the request of this id, if it came lately. It is looked for only where
    /// the request could be taken.
    pub(crate) async fn seen(&self, seen: RequestKey) -> Result<Option<Ids>, SpoolError> {
        self.demand_writable()?;
        let tables = Arc::clone(&self.tables);
        // The disk may have to be asked.
        let found = spawn_blocking(move || tables.seen(seen)).await;
        found.unwrap_or(Err(SpoolError::Closed))
    }

    /// Those of these ids that came lately, in the same way.
    pub(crate) async fn seen_of(&self, all: Vec<RequestKey>) -> Result<HashSet<Uuid>, SpoolError> {
        self.demand_writable()?;
        let tables = Arc::clone(&self.tables);
        let found = spawn_blocking(move || tables.seen_of(&all)).await;
        found.unwrap_or(Err(SpoolError::Closed))
    }

    fn demand_writable(&self) -> Result<(), SpoolError> {
        match self.can_write() {
            true => Ok(()),
            false => Err(SpoolError::broken(Fault::NotWritable)),
        }
    }

    /// The position of the last record that is on disk.
    pub(crate) fn last(&self) -> u64 {
        *self.gauges.last.borrow()
    }

    /// Tells of every new last position.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.gauges.last.subscribe()
    }

    /// The size of all records that wait, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.gauges.bytes.load(Ordering::Relaxed)
    }

    /// Whether the file can be written, as far as is known.
    pub(crate) fn can_write(&self) -> bool {
        self.gauges.can_write.load(Ordering::Relaxed)
    }

    /// Whether something can be taken, if not of everybody.
    pub(crate) fn is_writable(&self) -> bool {
        self.can_write() && self.bytes() < self.limit
    }
}

impl Drop for Spool {
    /// Waits until everything is written and the file is closed: it may be opened again at once.
    fn drop(&mut self) {
        self.commands = None;
        if let Some(writer) = self.writer.take() {
            // A panic of it was told when it happened.
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests;
