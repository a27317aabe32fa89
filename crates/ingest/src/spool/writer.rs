//! The thread that writes to the spool.

use std::sync::{
    Arc,
    atomic::Ordering,
    mpsc::{Receiver, TryRecvError},
};

use paneld_domain::ErrorChain;

use super::{
    Gauges, Seen, SpoolError,
    fault::Fault,
    frames::Frames,
    replies::{Replies, Waiter},
    tables::{Tables, Transaction},
    tail::Tail,
};
use crate::{
    Ids,
    sessions::{Kept, LiveChange},
};

/// How many commands go into one transaction at most.
const MOST: usize = 2_048;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Append(Entry, Waiter),
    Trim(u64),
    ForgetSeen(i64),
    SetAside(u64, Waiter),
}

/// What is appended, ready to be written.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) records: Frames,
    pub(super) live: Vec<LiveChange<Kept>>,
    pub(super) seen: Vec<(Seen, Ids)>,
    pub(super) crowded_at: Option<i64>,
}

pub(super) struct Writer {
    tables: Arc<Tables>,
    gauges: Arc<Gauges>,
    inbox: Receiver<Command>,
    is_broken: bool,
    /// Up to where every sink is.
    applied: u64,
    tail: Tail,
}

/// What a commit did.
struct Committed {
    last: u64,
    added: u64,
    applied: u64,
    removed: u64,
}

impl Writer {
    pub(super) fn new(tables: Arc<Tables>, gauges: Arc<Gauges>, inbox: Receiver<Command>) -> Self {
        let last = *gauges.last.borrow();
        Self {
            tables,
            gauges,
            inbox,
            is_broken: false,
            applied: 0,
            tail: Tail::behind(last),
        }
    }

    /// Writes until nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Some(commands) = self.next() {
            self.write(commands);
        }
    }

    /// What came in since the last commit. Waits for something, unless there is more to do.
    fn next(&self) -> Option<Vec<Command>> {
        let first = if self.tail.is_following() && !self.is_broken {
            match self.inbox.try_recv() {
                Ok(first) => first,
                Err(TryRecvError::Empty) => return Some(Vec::new()),
                Err(TryRecvError::Disconnected) => return None,
            }
        } else {
            self.inbox.recv().ok()?
        };
        let more = self.inbox.try_iter().take(MOST - 1);
        Some(std::iter::once(first).chain(more).collect())
    }

    fn write(&mut self, commands: Vec<Command>) {
        let result = self.commit(&commands);
        match &result {
            Ok(_) if self.is_broken => tracing::info!("the spool can be written again"),
            Err(error) if !self.is_broken => {
                tracing::error!(error = %ErrorChain(error), "the spool cannot be written");
            }
            _ => {}
        }
        self.is_broken = result.is_err();
        let mut position = *self.gauges.last.borrow();
        if let Ok(committed) = &result {
            self.note(committed);
        }
        let result = result.map(|_| ());
        let mut replies = Replies::default();
        for command in commands {
            match command {
                Command::Append(entry, waiter) => {
                    position += entry.records.count();
                    replies.add(waiter, result.clone().map(|()| position));
                    if result.is_ok() {
                        self.tail
                            .add(entry.live, entry.records.as_bytes().len() as u64);
                    }
                }
                Command::SetAside(_, waiter) => {
                    replies.add(waiter, result.clone().map(|()| position));
                }
                Command::Trim(_) | Command::ForgetSeen(_) => {}
            }
        }
        replies.send();
    }

    /// All commands in one transaction.
    fn commit(&mut self, commands: &[Command]) -> Result<Committed, SpoolError> {
        if self.is_broken {
            self.tables.reopen()?;
            let (last, bytes) = self.tables.measure()?;
            // What was refused may have reached the disk all the same.
            self.gauges.bytes.store(bytes, Ordering::Relaxed);
            self.gauges.last.send_replace(last);
            self.applied = 0;
        }
        let before = *self.gauges.last.borrow();
        let has_time = !commands
            .iter()
            .any(|command| matches!(command, Command::Append(..)));
        self.tail.follow(before, has_time);
        let tail = &self.tail;
        let applied_before = self.applied;
        self.tables.write(|transaction| {
            let mut records = Vec::with_capacity(commands.len());
            let (mut last, mut applied) = (before, applied_before);
            for command in commands {
                match command {
                    Command::Append(entry, _) => {
                        last += entry.records.count();
                        records.push(&entry.records);
                        note(transaction, entry)?;
                    }
                    Command::Trim(up_to) => applied = applied.max(*up_to),
                    Command::ForgetSeen(before) => transaction.forget_seen(*before)?,
                    Command::SetAside(at, _) => transaction.set_aside(*at)?,
                }
            }
            let added = if last > before {
                transaction.append(last, &records)?
            } else {
                0
            };
            let removed = if applied > applied_before {
                transaction.size(applied_before + 1..=applied)?
            } else {
                0
            };
            transaction.put_live(tail.next())?;
            if tail.next_snapshot() > tail.snapshot() {
                transaction.set_snapshot(tail.next_snapshot())?;
            }
            let (kept, needed) = (
                applied_before.min(tail.snapshot()),
                applied.min(tail.next_snapshot()),
            );
            if needed > kept {
                transaction.trim(needed)?;
            }
            Ok(Committed {
                last,
                added,
                applied,
                removed,
            })
        })
    }

    /// Makes known what is on disk now.
    fn note(&mut self, committed: &Committed) {
        self.tail.note_written();
        self.applied = committed.applied;
        self.gauges
            .bytes
            .fetch_add(committed.added, Ordering::Relaxed);
        self.gauges
            .bytes
            .fetch_sub(committed.removed, Ordering::Relaxed);
        if committed.last > *self.gauges.last.borrow() {
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
