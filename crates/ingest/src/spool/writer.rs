//! The thread that writes to the spool.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, TryRecvError},
    },
    thread,
    time::Duration,
};

use paneld_domain::ErrorChain;

use super::{
    Gauges, Seen, SpoolError,
    fault::Fault,
    frames::Frames,
    replies::{Replies, Waiter},
    tables::Tables,
    tail::Tail,
    transaction::Transaction,
};
use crate::{
    Ids,
    sessions::{Kept, LiveChange},
};

/// How many commands go into one transaction at most.
const MOST: usize = 2_048;
/// With how many bytes of records no more commands go into a transaction.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// After a commit of so many commands, the next one begins a little later: whoever sends that many
/// at once keeps the processors busy, and fewer commits leave more of them for everything else.
const CROWD: usize = 32;
const REST: Duration = Duration::from_millis(1);

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Append(Entry, Waiter),
    Trim(u64),
    ForgetSeen(i64),
    SetAside(u64, Waiter),
    DropSetAside(Vec<u64>, Waiter),
    Compact(i64, Waiter),
}

impl Command {
    /// How many bytes of records are to be written.
    fn bytes(&self) -> usize {
        match self {
            Self::Append(entry, _) => entry.records.as_bytes().len(),
            Self::Trim(_)
            | Self::ForgetSeen(_)
            | Self::SetAside(..)
            | Self::DropSetAside(..)
            | Self::Compact(..) => 0,
        }
    }
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
    /// Up to where every sink is, as far as was told. Nobody tells it again when what could not
    /// be written was to remove something.
    trimmable: u64,
    /// Up to where every sink was with the last commit: the records behind it are those that
    /// wait.
    applied: u64,
    /// Up to where the records are removed.
    trimmed: u64,
    tail: Tail,
}

/// What a commit did, and up to where.
struct Committed {
    last: u64,
    added: u64,
    applied: u64,
    removed: u64,
    trimmed: u64,
}

impl Writer {
    pub(super) fn new(
        tables: Arc<Tables>,
        tail: Tail,
        gauges: Arc<Gauges>,
        inbox: Receiver<Command>,
    ) -> Self {
        Self {
            tables,
            gauges,
            inbox,
            is_broken: false,
            trimmable: 0,
            applied: 0,
            trimmed: 0,
            tail,
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
        let mut bytes = first.bytes();
        let mut commands = vec![first];
        while commands.len() < MOST
            && bytes < MOST_BYTES
            && let Ok(command) = self.inbox.try_recv()
        {
            bytes += command.bytes();
            commands.push(command);
        }
        Some(commands)
    }

    fn write(&mut self, commands: Vec<Command>) {
        for command in &commands {
            if let Command::Trim(up_to) = command {
                self.trimmable = self.trimmable.max(*up_to);
            }
        }
        let result = self.mend_and_commit(&commands);
        match &result {
            Ok(_) if self.is_broken => tracing::info!("the spool can be written again"),
            Err(error) if !self.is_broken => {
                tracing::error!(error = %ErrorChain(error), "the spool cannot be written");
            }
            _ => {}
        }
        self.is_broken = result.is_err();
        let mut position = *result.as_ref().unwrap_or(&0);
        let result = result.map(|_| ());
        let mut replies = Replies::default();
        let mut compactions = Vec::new();
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
                Command::SetAside(_, waiter) | Command::DropSetAside(_, waiter) => {
                    replies.add(waiter, result.clone().map(|()| position));
                }
                Command::Compact(seen_until, waiter) => compactions.push((seen_until, waiter)),
                Command::Trim(_) | Command::ForgetSeen(_) => {}
            }
        }
        replies.send();
        // Behind the replies of others, for it takes a while.
        for (seen_until, waiter) in compactions {
            let compacted = result.clone().and_then(|()| self.compact(seen_until));
            let mut replies = Replies::default();
            replies.add(waiter, compacted.map(|()| position));
            replies.send();
        }
    }

    fn mend_and_commit(&mut self, commands: &[Command]) -> Result<u64, SpoolError> {
        if self.is_broken {
            self.mend()?;
        }
        let has_time = !commands
            .iter()
            .any(|command| matches!(command, Command::Append(..)));
        self.tail.follow(self.last(), has_time);
        self.commit(commands)
    }

    /// All commands in one transaction. Tells the position of the last record before it.
    fn commit(&mut self, commands: &[Command]) -> Result<u64, SpoolError> {
        let before = self.last();
        let tail = &self.tail;
        let (applied_before, applied) = (self.applied, self.trimmable);
        let trimmed_before = self.trimmed;
        let committed = self.tables.write(|transaction| {
            let mut records = Vec::with_capacity(commands.len());
            let mut last = before;
            for command in commands {
                match command {
                    Command::Append(entry, _) => {
                        last += entry.records.count();
                        records.push(&entry.records);
                        note(transaction, entry)?;
                    }
                    Command::Trim(_) | Command::Compact(..) => {}
                    Command::ForgetSeen(before) => transaction.forget_seen(*before)?,
                    Command::SetAside(at, _) => transaction.set_aside(*at)?,
                    Command::DropSetAside(at, _) => transaction.drop_set_aside(at)?,
                }
            }
            let added = transaction.append(before, &records)?;
            let removed = if applied > applied_before {
                transaction.size(applied_before + 1..=applied)?
            } else {
                0
            };
            transaction.put_live(tail.next())?;
            if tail.next_snapshot() > tail.snapshot() {
                transaction.set_snapshot(tail.next_snapshot())?;
            }
            let trimmed = trimmed_before.max(applied.min(tail.next_snapshot()));
            if trimmed > trimmed_before {
                transaction.trim(trimmed)?;
            }
            Ok(Committed {
                last,
                added,
                applied,
                removed,
                trimmed,
            })
        })?;
        self.note(&committed);
        Ok(before)
    }

    /// Reads the file anew, and removes what nobody needs any more before anything is added: that
    /// takes little room, and makes some when the disk is full. What the snapshot must be past
    /// before it can go is the rest of it.
    fn mend(&mut self) -> Result<(), SpoolError> {
        self.tables.reopen()?;
        // What was refused may have reached the disk all the same.
        self.tail = self.tables.tail()?;
        self.applied = self.trimmable;
        let (last, bytes) = self.tables.measure(self.applied)?;
        self.gauges.bytes.store(bytes, Ordering::Relaxed);
        self.gauges.last.send_replace(last);
        self.commit(&[])?;
        self.follow_and_trim()
    }

    /// Lets the snapshot of live sessions be where the records are, and removes what then nobody
    /// needs any more.
    pub(super) fn follow_and_trim(&mut self) -> Result<(), SpoolError> {
        self.tail.follow(self.last(), true);
        while self.tail.is_following() {
            self.commit(&[])?;
        }
        Ok(())
    }

    pub(super) fn tables(&self) -> &Tables {
        &self.tables
    }

    fn last(&self) -> u64 {
        *self.gauges.last.borrow()
    }

    /// Makes known what is on disk now.
    fn note(&mut self, committed: &Committed) {
        self.tail.note_written();
        self.applied = committed.applied;
        self.trimmed = committed.trimmed;
        self.gauges
            .bytes
            .fetch_add(committed.added, Ordering::Relaxed);
        self.gauges
            .bytes
            .fetch_sub(committed.removed, Ordering::Relaxed);
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
mod tests {
    use std::{
        path::Path,
        sync::{
            atomic::AtomicU64,
            mpsc::{Sender, channel},
        },
    };

    use tokio::sync::{oneshot, watch};

    use super::{
        super::{
            replies::Outcome,
            tests::{SmallDisk, append, append_big},
        },
        *,
    };
    use crate::spool::Append;

    const MIB: usize = 1024 * 1024;

    /// A writer that works when it is told to.
    fn writer(path: &Path) -> (Writer, Sender<Command>) {
        let tables = Arc::new(Tables::open(path, 0).unwrap());
        let (last, bytes) = tables.measure(0).unwrap();
        let gauges = Arc::new(Gauges {
            last: watch::Sender::new(last),
            bytes: AtomicU64::new(bytes),
        });
        let (commands, inbox) = channel();
        let tail = tables.tail().unwrap();
        (Writer::new(tables, tail, gauges, inbox), commands)
    }

    fn command(append: &Append) -> (Command, oneshot::Receiver<Outcome>) {
        let (waiter, written) = Waiter::here();
        (Command::Append(append.encode().unwrap(), waiter), written)
    }

    async fn write(writer: &mut Writer, append: &Append) -> Outcome {
        let (command, written) = command(append);
        writer.write(vec![command]);
        written.await.unwrap()
    }

    #[tokio::test]
    async fn a_transaction_is_no_bigger_than_memory_allows() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, commands) = writer(&folder.path().join("spool"));
        for _ in 0..10 {
            commands.send(command(&append_big(3 * MIB)).0).unwrap();
        }
        commands.send(Command::ForgetSeen(0)).unwrap();
        drop(commands);
        let counts = std::iter::from_fn(|| writer.next().map(|commands| commands.len()));
        assert_eq!(counts.collect::<Vec<_>>(), [3, 3, 3, 2]);
    }

    #[tokio::test]
    async fn what_every_sink_has_goes_although_a_transaction_failed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let moved = folder.path().join("moved");
        let (mut writer, _commands) = writer(&path);
        for position in 1..=3 {
            let written = write(&mut writer, &append("/")).await;
            assert_eq!(written.unwrap(), position);
        }
        let waiting = writer.gauges.bytes.load(Ordering::Relaxed);

        std::fs::rename(&path, &moved).unwrap();
        std::fs::create_dir(&path).unwrap();
        writer.tables.reopen().unwrap_err();
        let (lost, written) = command(&append("/"));
        writer.write(vec![Command::Trim(2), lost]);
        written.await.unwrap().unwrap_err();
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&moved, &path).unwrap();

        writer.write(vec![Command::ForgetSeen(0)]);
        let (last, bytes) = writer.tables.measure(0).unwrap();
        assert_eq!((last, bytes), (3, waiting / 3));
        assert_eq!(writer.gauges.bytes.load(Ordering::Relaxed), bytes);
        assert_eq!(write(&mut writer, &append("/")).await.unwrap(), 4);
        writer.write(vec![Command::Trim(4)]);
        assert_eq!(writer.gauges.bytes.load(Ordering::Relaxed), 0);
    }

    /// Nobody frees a byte of the disk, and requests never cease.
    #[tokio::test]
    async fn a_full_disk_is_no_trouble_once_everything_is_applied() {
        let folder = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::mount(&folder.path().join("disk")) else {
            return;
        };
        let (mut writer, _commands) = writer(&disk.path().join("spool"));
        let append = append_big(MIB / 4);
        let mut last = 0;
        while let Ok(position) = write(&mut writer, &append).await {
            last = position;
            assert!(last < 100, "the disk is not small");
        }
        assert!(last > 4, "the disk is too small");
        write(&mut writer, &append).await.unwrap_err();

        let (refused, written) = command(&append);
        writer.write(vec![Command::Trim(last), refused]);
        let mut result = written.await.unwrap();
        for _ in 0..3 {
            if result.is_err() {
                result = write(&mut writer, &append).await;
            }
        }
        assert_eq!(result.unwrap(), last + 1);
        assert_eq!(
            writer.tables.measure(0).unwrap(),
            (last + 1, writer.gauges.bytes.load(Ordering::Relaxed))
        );
    }
}
