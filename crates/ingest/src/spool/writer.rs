//! The thread that writes to the spool.

use std::sync::{
    Arc,
    atomic::Ordering,
    mpsc::{Receiver, TryIter},
};

use paneld_domain::ErrorChain;
use tokio::sync::oneshot;

use super::{Append, Gauges, SpoolError, Spooled, tables::Tables};

/// How many commands go into one transaction at most.
const MOST: usize = 2_048;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Append(Append, Done),
    Trim(u64),
    ForgetSeen(i64),
    SetAside(Spooled, Done),
}

/// Where it says that it is on disk, and the position that the last record has by then.
pub(super) type Done = oneshot::Sender<Result<u64, SpoolError>>;

pub(super) struct Writer {
    tables: Arc<Tables>,
    gauges: Arc<Gauges>,
    inbox: Receiver<Command>,
    is_broken: bool,
}

impl Writer {
    pub(super) fn new(tables: Arc<Tables>, gauges: Arc<Gauges>, inbox: Receiver<Command>) -> Self {
        Self {
            tables,
            gauges,
            inbox,
            is_broken: false,
        }
    }

    /// Writes until nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.inbox.recv() {
            let more: TryIter<'_, Command> = self.inbox.try_iter();
            let commands = std::iter::once(first).chain(more.take(MOST - 1)).collect();
            self.write(commands);
        }
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
        for (number, command) in commands.into_iter().enumerate() {
            if let Command::Append(_, done) | Command::SetAside(_, done) = command {
                let position = |positions: &Vec<u64>| positions.get(number).copied();
                let result = result.as_ref().map(|all| position(all).unwrap_or_default());
                // Whoever went away meanwhile misses nothing.
                let _ = done.send(result.map_err(SpoolError::clone));
            }
        }
    }

    /// All commands in one transaction. Tells the last position behind each.
    fn commit(&mut self, commands: &[Command]) -> Result<Vec<u64>, SpoolError> {
        if self.is_broken {
            self.tables.reopen()?;
            let (last, bytes) = self.tables.measure()?;
            // What was refused may have reached the disk all the same.
            self.gauges.bytes.store(bytes, Ordering::Relaxed);
            self.gauges.last.send_replace(last);
        }
        let before = *self.gauges.last.borrow();
        let (positions, added, removed) = self.tables.write(|transaction| {
            let (mut last, mut added, mut removed) = (before, 0, 0);
            let mut positions = Vec::with_capacity(commands.len());
            for command in commands {
                match command {
                    Command::Append(append, _) => added += transaction.append(append, &mut last)?,
                    Command::Trim(up_to) => removed += transaction.trim(*up_to)?,
                    Command::ForgetSeen(before) => transaction.forget_seen(*before)?,
                    Command::SetAside(spooled, _) => transaction.set_aside(spooled)?,
                }
                positions.push(last);
            }
            if last > before {
                transaction.set_last(last)?;
            }
            Ok((positions, added, removed))
        })?;
        let last = positions.last().copied().unwrap_or(before);
        self.gauges.bytes.fetch_add(added, Ordering::Relaxed);
        self.gauges.bytes.fetch_sub(removed, Ordering::Relaxed);
        if last > before {
            self.gauges.last.send_replace(last);
        }
        Ok(positions)
    }
}
