use std::{
    collections::HashMap,
    path::Path,
    sync::mpsc::{Sender, channel},
};

use tokio::sync::oneshot;

use super::{
    super::{
        replies::Outcome,
        tests::{SmallDisk, append, append_big, everywhere},
    },
    *,
};
use crate::{
    Ids,
    pipeline::spool::{Append, RequestKey},
};

const MIB: usize = 1024 * 1024;

/// A writer that works when it is told to.
fn writer(path: &Path) -> (Writer, Sender<Command>) {
    let tables = Arc::new(Tables::open(path, 0).unwrap());
    let (last, waiting) = tables.measure(Applied::default()).unwrap();
    let gauges = Arc::new(Gauges::new(last, Backlog::new(HashMap::new(), &waiting)));
    let (commands, inbox) = channel();
    let tail = tables.tail().unwrap();
    let writer = Writer::new(tables, tail, gauges, inbox, DedupLimits::USUAL);
    (writer, commands)
}

/// The position of the last record in the file, and how many bytes there are.
fn measured(writer: &Writer) -> (u64, u64) {
    let (last, waiting) = writer.tables.measure(Applied::default()).unwrap();
    (last, Backlog::new(HashMap::new(), &waiting).total())
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
    let (mut writer, commands) = writer(&folder.path().join("spool"));
    for _ in 0..1_000 {
        commands.send(command(&append_big(15 << 10)).0).unwrap();
    }
    commands.send(Command::ForgetSeen(0)).unwrap();
    drop(commands);
    let counts = std::iter::from_fn(|| writer.next().map(|commands| commands.len()));
    assert_eq!(counts.collect::<Vec<_>>(), [545, 456]);
}

#[tokio::test]
async fn what_is_small_does_not_wait_for_all_that_is_large() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, commands) = writer(&folder.path().join("spool"));
    let sizes = [3 * MIB, MIB / 2, MIB / 2, MIB / 2, 1, MIB, 2];
    for size in sizes {
        commands.send(command(&append_big(size)).0).unwrap();
    }
    drop(commands);
    let commits = std::iter::from_fn(|| writer.next());
    let sizes = commits.map(|commands| {
        let sizes = commands.iter().map(|command| command.bytes() / (MIB / 2));
        sizes.collect::<Vec<_>>()
    });
    // Each in the order in which they came.
    let expected = [vec![0, 0, 6], vec![1, 1], vec![1, 2]];
    assert_eq!(sizes.collect::<Vec<_>>(), expected);
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
    writer.write(vec![Command::Trim(everywhere(2)), lost]);
    written.await.unwrap().unwrap_err();
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&moved, &path).unwrap();

    writer.write(vec![Command::ForgetSeen(0)]);
    assert_eq!(measured(&writer), (3, waiting / 3));
    assert_eq!(writer.gauges.bytes.load(Ordering::Relaxed), waiting / 3);
    assert_eq!(write(&mut writer, &append("/")).await.unwrap(), 4);
    writer.write(vec![Command::Trim(everywhere(4))]);
    assert_eq!(writer.gauges.bytes.load(Ordering::Relaxed), 0);
}

/// A request with ids of these numbers, which came at that time.
fn with_ids(numbers: std::ops::Range<u128>, at: i64) -> Append {
    let ids = Ids {
        device_id: "phone".to_owned(),
        session_id: "visit".to_owned(),
    };
    let seen = numbers.map(|number| RequestKey {
        project: paneld_domain::ProjectKey(7),
        id: uuid::Uuid::from_u128(number),
        at,
    });
    Append {
        seen: seen.map(|seen| (seen, ids.clone())).collect(),
        ..append("/")
    }
}

/// How many ids of these numbers are known.
fn known(writer: &Writer, numbers: std::ops::Range<u128>) -> usize {
    let all = with_ids(numbers, 0).seen.into_iter().map(|(seen, _)| seen);
    writer
        .tables
        .seen_of(&all.collect::<Vec<_>>())
        .unwrap()
        .len()
}

#[tokio::test]
async fn ids_are_forgotten_a_few_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, _commands) = writer(&folder.path().join("spool"));
    for (numbers, at) in [(0..3_000, 10), (3_000..3_005, 20)] {
        write(&mut writer, &with_ids(numbers, at)).await.unwrap();
    }
    writer.write(vec![Command::ForgetSeen(20)]);
    let left = known(&writer, 0..3_005);
    assert!((2_000..3_005).contains(&left), "{left} are left");
    let mut commits = 0;
    while writer.has_ids_to_tidy {
        let commands = writer.next().unwrap();
        writer.write(commands);
        commits += 1;
    }
    assert_eq!(known(&writer, 0..3_005), 5);
    assert!((4..10).contains(&commits), "{commits} commits");
}

#[tokio::test]
async fn requests_do_not_wait_until_all_ids_are_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let (mut writer, commands) = writer(&path);
    write(&mut writer, &with_ids(0..10_000, 10)).await.unwrap();
    let (waiter, mut written) = Waiter::here();
    commands.send(Command::Compact(10, waiter)).unwrap();
    let mut steps = 0;
    while steps == 0 || writer.compaction.is_some() {
        // Ids come and go meanwhile, before and behind those that are copied.
        let next = writer.next().unwrap();
        writer.write(next);
        let more = 20_000 + 10 * steps;
        write(&mut writer, &with_ids(more..more + 10, 20))
            .await
            .unwrap();
        if steps == 1 {
            writer.write(vec![Command::ForgetSeen(20)]);
        }
        steps += 1;
    }
    assert!(steps > 2, "{steps} steps");
    tokio::task::yield_now().await;
    written.try_recv().unwrap().unwrap();
    while writer.has_ids_to_tidy {
        writer.write(Vec::new());
    }
    drop(writer);
    let (writer, _commands) = self::writer(&path);
    assert_eq!(known(&writer, 0..10_000), 0);
    assert_eq!(known(&writer, 20_000..30_000) as u128, 10 * steps);
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
    writer.write(vec![Command::Trim(everywhere(last)), refused]);
    let mut result = written.await.unwrap();
    for _ in 0..10 {
        if result.is_err() {
            result = write(&mut writer, &append).await;
        }
    }
    // What was refused may be there all the same.
    let position = result.unwrap();
    assert!(position > last);
    assert_eq!(measured(&writer), (position, writer.waiting()));
}
