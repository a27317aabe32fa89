//! The thread that writes to the spool.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering, mpsc::Receiver},
    thread,
    time::Duration,
};

use paneld_domain::ErrorChain;

use super::{
    Applied, Gauges, SpoolError,
    append::Entry,
    backlog::{Backlog, Shares},
    command::Command,
    compaction::Compaction,
    dedup::{DedupChanges, DedupLimits, TidyUp},
    fault::Fault,
    file::remove_leftover,
    inbox::Inbox,
    outage::{Outage, ROOM},
    replies::{Replies, Waiter},
    tables::Tables,
    tail::Tail,
    transaction::Transaction,
};
use crate::Target;

/// After a commit of so many commands, the next one begins a little later: whoever sends that many
/// at once keeps the processors busy, and fewer commits leave more of them for everything else.
const CROWD: usize = 32;
const REST: Duration = Duration::from_millis(1);

/// How often it is tried whether a spool that could not be written can be again; and as often as
/// something is applied, which makes room.
const TRY_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    tables: Arc<Tables>,
    gauges: Arc<Gauges>,
    inbox: Inbox,
    /// Up to where every sink is, as far as was told. Nobody tells it again when what could not
    /// be written was to remove something.
    trimmable: Applied,
    /// Up to where sinks were with the last commit: the records behind it are those that wait.
    applied: Applied,
    /// Up to where the records are removed.
    trimmed: Applied,
    tail: Tail,
    outage: Outage,
    ids: DedupLimits,
    /// Before which time ids are to be forgotten, if some are.
    forgets_before: Option<i64>,
    /// Whether more ids are to be removed than the last commit did.
    has_ids_to_tidy: bool,
    /// What is asked for the next writings of the file anew, and by whom.
    compactions: VecDeque<(i64, Waiter)>,
    compaction: Option<(Compaction, Waiter)>,
}

/// What a commit did, and up to where.
struct Committed {
    last: u64,
    owners: Vec<Arc<Target>>,
    added: Shares,
    applied: Applied,
    removed: Shares,
    trimmed: Applied,
    ids: DedupChanges,
}

impl Writer {
    pub(super) fn new(
        tables: Arc<Tables>,
        tail: Tail,
        gauges: Arc<Gauges>,
        commands: Receiver<Command>,
        ids: DedupLimits,
    ) -> Self {
        Self {
            tables,
            gauges,
            inbox: Inbox::new(commands),
            trimmable: Applied::default(),
            applied: Applied::default(),
            trimmed: Applied::default(),
            tail,
            outage: Outage::none(),
            ids,
            forgets_before: None,
            has_ids_to_tidy: false,
            compactions: VecDeque::new(),
            compaction: None,
        }
    }

    /// Writes until nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Some(commands) = self.next() {
            let is_crowded = commands.len() >= CROWD;
            self.write(commands);
            if is_crowded {
                thread::sleep(REST);
            }
        }
    }

    /// What came in since the last commit. Waits for something, unless there is more to do.
    fn next(&mut self) -> Option<Vec<Command>> {
        let has_more = self.has_more() || self.compaction.is_some() || !self.compactions.is_empty();
        let wait = if !self.outage.is_over() {
            Some(TRY_AGAIN)
        } else if has_more {
            Some(Duration::ZERO)
        } else {
            None
        };
        self.inbox.take(wait)
    }

    /// Whether there is something to commit though nobody asks for it.
    fn has_more(&self) -> bool {
        self.tail.is_following() || self.has_ids_to_tidy
    }

    fn write(&mut self, mut commands: Vec<Command>) {
        // None of these requests has its reply yet, so they can go in any order.
        commands.sort_by_key(Command::is_about_people);
        for command in &commands {
            match command {
                Command::Trim(applied) => self.trimmable = self.trimmable.max(*applied),
                Command::ForgetSeen(before) => {
                    self.forgets_before = self.forgets_before.max(Some(*before));
                }
                _ => {}
            }
        }
        let result = self.mend_and_commit(&commands);
        let mut position = *result.as_ref().unwrap_or(&0);
        let result = result.map(|_| ());
        let mut replies = Replies::default();
        for command in commands {
            match command {
                Command::Append(entry, waiter) => {
                    position += entry.records.count();
                    replies.add(waiter, result.clone().map(|()| position));
                    if result.is_ok() {
                        let bytes = entry.bytes() as u64;
                        self.tail.add(entry.live, bytes);
                    }
                }
                Command::SetAside(_, waiter) | Command::DropSetAside(_, waiter) => {
                    replies.add(waiter, result.clone().map(|()| position));
                }
                Command::Compact(seen_until, waiter) => {
                    self.compactions.push_back((seen_until, waiter));
                }
                Command::Trim(_) | Command::ForgetSeen(_) => {}
            }
        }
        replies.send();
        // Behind the replies of others, for it takes a while.
        match result {
            Ok(()) => self.compact(),
            Err(error) => self.end_compactions(&error),
        }
    }

    /// Goes on with writing the file anew, if somebody asked for it.
    fn compact(&mut self) {
        if self.compaction.is_none()
            && !self.has_ids_to_tidy
            && let Some((seen_until, waiter)) = self.compactions.pop_front()
        {
            match Compaction::begin(&self.tables, seen_until) {
                Ok(compaction) => self.compaction = Some((compaction, waiter)),
                Err(error) => waiter.tell(Err(error)),
            }
        }
        let Some((compaction, _)) = &self.compaction else {
            return;
        };
        let is_last = compaction.has_ids();
        // What the snapshot of live sessions must be past before it can go goes, too.
        let ready = if is_last {
            self.follow_and_trim()
        } else {
            Ok(())
        };
        let Some((mut compaction, waiter)) = self.compaction.take() else {
            return;
        };
        let result = match ready {
            Ok(()) if is_last => compaction.finish(&self.tables),
            Ok(()) => match compaction.copy_ids(&self.tables) {
                Ok(()) => {
                    self.compaction = Some((compaction, waiter));
                    return;
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.remove_leftover();
        }
        waiter.tell(result.map(|()| self.last()));
    }

    /// Gives up writing the file anew: whoever asked asks again.
    fn end_compactions(&mut self, error: &SpoolError) {
        if let Some((_, waiter)) = self.compaction.take() {
            self.remove_leftover();
            waiter.tell(Err(error.clone()));
        }
        for (_, waiter) in self.compactions.drain(..) {
            waiter.tell(Err(error.clone()));
        }
    }

    fn remove_leftover(&self) {
        // What cannot be removed now is before the next try.
        let _ = remove_leftover(self.tables.path());
    }

    /// Carries commands out. One that cannot be written is refused; if the file can be written all
    /// the same, it was too big for what is left of the disk, and others go on.
    fn mend_and_commit(&mut self, commands: &[Command]) -> Result<u64, SpoolError> {
        if !self.outage.is_over() {
            let mended = self.mend();
            let (free, waiting) = (self.tables.reserve().free_bytes(), self.waiting());
            self.outage.try_again(mended.is_ok(), free, waiting);
            if self.outage.is_over() {
                self.tables.reserve().keep();
            }
            self.tell(mended.as_ref().err());
            mended?;
            if !self.outage.is_over() {
                return Err(SpoolError::broken(Fault::NotWritable));
            }
        }
        let has_time = !commands
            .iter()
            .any(|command| matches!(command, Command::Append(..)));
        self.tail.follow(self.last(), has_time);
        if commands.is_empty() && !self.has_more() {
            return Ok(self.last());
        }
        let result = self.commit(commands);
        if let Err(error) = &result {
            let free = self.tables.reserve().free_bytes();
            let bytes = commands.iter().map(Command::bytes).sum::<usize>() as u64;
            if free < ROOM {
                self.tables.reserve().spend();
            }
            let is_open = self.mend().is_ok();
            self.outage.begin(bytes, is_open, free);
            self.tell(Some(error));
        }
        result
    }

    /// Makes known whether the file can be written, where that has changed.
    fn tell(&self, why_not: Option<&SpoolError>) {
        let can_write = self.outage.is_over();
        if self.gauges.can_write.swap(can_write, Ordering::Relaxed) == can_write {
            return;
        }
        match why_not.filter(|_| !can_write) {
            Some(error) => {
                tracing::error!(error = %ErrorChain(error), "the spool cannot be written");
            }
            None => tracing::info!("the spool can be written again"),
        }
    }

    fn waiting(&self) -> u64 {
        self.gauges.bytes.load(Ordering::Relaxed)
    }

    /// All commands in one transaction. Tells the position of the last record before it.
    fn commit(&mut self, commands: &[Command]) -> Result<u64, SpoolError> {
        let before = self.last();
        let tail = &self.tail;
        let (applied_before, applied) = (self.applied, self.trimmable);
        let trimmed_before = self.trimmed;
        // Not where room is to be made on a full disk: that takes more than it makes.
        let tidy_up = (self.has_ids_to_tidy || !commands.is_empty()).then_some(TidyUp {
            limits: self.ids,
            before: self.forgets_before,
            had_more: self.has_ids_to_tidy,
        });
        let committed = self.tables.write(|transaction| {
            let mut records = Vec::with_capacity(commands.len());
            let mut owners = Vec::new();
            let mut last = before;
            for command in commands {
                match command {
                    Command::Append(entry, _) => {
                        last += entry.records.count();
                        records.push(&entry.records);
                        note(transaction, entry)?;
                        owners.extend(self.note_owner(transaction, entry)?);
                    }
                    Command::Trim(_) | Command::ForgetSeen(_) | Command::Compact(..) => {}
                    Command::SetAside(at, _) => transaction.set_aside(*at)?,
                    Command::DropSetAside(at, _) => transaction.drop_set_aside(at)?,
                }
            }
            let added = transaction.append(before, &records)?;
            let removed = transaction.applied(applied_before, applied)?;
            let ids = match tidy_up {
                Some(tidy_up) => {
                    let owner_of = |project| self.gauges.backlog().owner_of(project);
                    transaction.tidy_seen(tidy_up, owner_of)?
                }
                None => DedupChanges::default(),
            };
            transaction.put_live(tail.next())?;
            if tail.next_snapshot() > tail.snapshot() {
                transaction.set_snapshot(tail.next_snapshot())?;
            }
            let trimmed = trimmed_before.max(applied.min(tail.next_snapshot()));
            if trimmed != trimmed_before {
                transaction.trim(trimmed_before, trimmed)?;
            }
            Ok(Committed {
                last,
                owners,
                added,
                applied,
                removed,
                trimmed,
                ids,
            })
        })?;
        self.note(&committed, tidy_up.is_some());
        Ok(before)
    }

    /// Reads the file anew, and removes what nobody needs any more before anything is added: that
    /// takes little room, and makes some when the disk is full. What the snapshot must be past
    /// before it can go is the rest of it.
    fn mend(&mut self) -> Result<(), SpoolError> {
        self.has_ids_to_tidy = false;
        self.tables.reopen()?;
        // What was refused may have reached the disk all the same.
        self.tail = self.tables.tail()?;
        self.applied = self.trimmable;
        let (last, waiting) = self.tables.measure(self.applied)?;
        let owners = self.tables.owners()?;
        let waited = self.waiting();
        self.gauges
            .update(|backlog| *backlog = Backlog::new(owners, &waiting));
        self.outage
            .note_freed(waited.saturating_sub(self.waiting()));
        self.gauges.last.send_replace(last);
        self.commit(&[])?;
        self.follow_and_trim()
    }

    /// Lets the snapshot of live sessions be where the records are, and removes what then nobody
    /// needs any more.
    fn follow_and_trim(&mut self) -> Result<(), SpoolError> {
        self.tail.follow(self.last(), true);
        while self.tail.is_following() {
            self.commit(&[])?;
        }
        Ok(())
    }

    /// Notes whose the project is, unless that is known.
    fn note_owner(
        &self,
        transaction: &mut Transaction<'_>,
        entry: &Entry,
    ) -> Result<Option<Arc<Target>>, Fault> {
        let Some(target) = &entry.target else {
            return Ok(None);
        };
        let Target {
            key, organization, ..
        } = &**target;
        if self.gauges.backlog().owner(*key) == Some(organization) {
            return Ok(None);
        }
        transaction.note_owner(*key, organization)?;
        Ok(Some(Arc::clone(target)))
    }

    fn last(&self) -> u64 {
        *self.gauges.last.borrow()
    }

    /// Makes known what is on disk now.
    fn note(&mut self, committed: &Committed, is_tidied: bool) {
        self.tail.note_written();
        self.applied = committed.applied;
        self.trimmed = committed.trimmed;
        self.gauges.update(|backlog| {
            for target in &committed.owners {
                backlog.note_owner(target.key, target.organization.clone());
            }
            backlog.add(&committed.added);
            backlog.remove(&committed.removed);
        });
        self.gauges
            .applied
            .send_replace(committed.applied.everywhere);
        if is_tidied {
            let DedupChanges {
                touched,
                forgotten_early,
                has_more,
            } = &committed.ids;
            self.has_ids_to_tidy = *has_more;
            if !has_more {
                self.forgets_before = None;
            }
            metrics::counter!("paneld_request_ids_forgotten_early_total")
                .increment(*forgotten_early);
            if let Some((compaction, _)) = &mut self.compaction {
                compaction.note_touched(touched);
            }
        }
        self.outage.note_taken(committed.added.total());
        self.outage.note_freed(committed.removed.total());
        if committed.last > self.last() {
            self.gauges.last.send_replace(committed.last);
        }
    }
}

fn note(transaction: &mut Transaction<'_>, entry: &Entry) -> Result<(), Fault> {
    transaction.note_seen(&entry.seen)?;
    match entry.crowded_at {
        Some(at) => transaction.note_crowded(at),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
