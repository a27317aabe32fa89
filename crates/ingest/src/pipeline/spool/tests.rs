//! What the spool promises, asked of the spool.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use paneld_domain::{BotVisit, PeopleChange, parse_timestamp};

use super::*;
use crate::pipeline::{
    record::Change,
    sessions::{Told, tests::visit},
};

/// A record of a visit of this page.
pub(super) fn append(path: &str) -> Append {
    let at = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
    let visit = BotVisit {
        id: Uuid::nil(),
        name: "Bot".to_owned(),
        kind: String::new(),
        path: path.to_owned(),
        created_at: at,
    };
    of(vec![Record::new(
        ProjectKey(7),
        at,
        vec![Change::Bot(visit)],
    )])
}

/// Every sink is at this position.
pub(super) fn everywhere(position: u64) -> Applied {
    Applied {
        everywhere: position,
        by_store: position,
    }
}

/// These records, and nothing beside.
fn of(records: Vec<Record>) -> Append {
    Append {
        account: Account::Project(ProjectKey(7)),
        records,
        live: Vec::new(),
        grown: HashMap::new(),
        seen: Vec::new(),
        crowded_at: None,
    }
}

/// A record of so many bytes, and some more.
pub(super) fn append_big(bytes: usize) -> Append {
    append(&"x".repeat(bytes))
}

/// A disk of which little is left soon.
pub(super) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where nobody may mount.
    #[expect(
        clippy::print_stderr,
        reason = "whoever runs it must see what was not tested"
    )]
    pub(super) fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]);
        if mount
            .arg(path)
            .status()
            .is_ok_and(|status| status.success())
        {
            return Some(Self(path.to_owned()));
        }
        eprintln!("SKIPPED: A FULL DISK IS NOT TESTED, for only root can mount a small one");
        None
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes until it is full; but never to one that is not small.
    pub(super) fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        let is_full = (0..4_096).any(|_| file.write_all(&[7; 4096]).is_err());
        assert!(is_full, "the disk is not small");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whatever is open may be closed a moment later.
        let mut umount = std::process::Command::new("umount");
        let _ = umount.arg("-l").arg(&self.0).status();
    }
}

fn positions(spool: &Spool, after: u64) -> Vec<u64> {
    let records = spool.read(RecordFilter::All, after, 100).unwrap().records;
    records.iter().map(|spooled| spooled.position).collect()
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let spool = Spool::open(&path, 1_000_000, 0).unwrap();
    let id = spool.id().to_owned();
    for page in ["/a", "/b", "/c"] {
        spool.append(&append(page)).await.unwrap();
    }
    let before = spool.read(RecordFilter::All, 0, 100).unwrap().records;
    drop(spool);
    let spool = Spool::open(&path, 1_000_000, 0).unwrap();
    assert_eq!(spool.id(), id);
    assert_eq!((spool.last(), positions(&spool, 1)), (3, vec![2, 3]));
    let after = spool.read(RecordFilter::All, 0, 100).unwrap().records;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.record, after.record);
    }
}

#[tokio::test]
async fn a_position_is_never_given_out_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let spool = Spool::open(&path, 1_000_000, 0).unwrap();
    spool.append(&append("/a")).await.unwrap();
    spool.trim(everywhere(1)).unwrap();
    drop(spool);
    let spool = Spool::open(&path, 1_000_000, 500).unwrap();
    assert_eq!((spool.last(), spool.bytes()), (1, 0));
    spool.append(&append("/b")).await.unwrap();
    assert_eq!(positions(&spool, 0), [2]);
    drop(spool);
    std::fs::remove_file(&path).unwrap();
    let spool = Spool::open(&path, 1_000_000, 500).unwrap();
    spool.append(&append("/c")).await.unwrap();
    assert_eq!(positions(&spool, 0), [501]);
}

#[tokio::test]
async fn a_full_spool_takes_nothing_until_something_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool"), 10, 0).unwrap();
    spool.append(&append("/a")).await.unwrap();
    assert!(!spool.is_writable());
    let refused = spool.append(&append("/b")).await;
    assert!(
        matches!(refused, Err(SpoolError::Full { .. })),
        "{refused:?}"
    );
    spool.trim(everywhere(1)).unwrap();
    while !spool.is_writable() {
        tokio::task::yield_now().await;
    }
    spool.append(&append("/c")).await.unwrap();
    assert_eq!(positions(&spool, 0), [2]);
}

/// The process may die after any commit, be the snapshot where it may. What a restart finds in
/// the file is then what was told.
#[tokio::test]
async fn live_sessions_are_found_again_after_any_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let spool = Spool::open(&path, 1_000_000, 0).unwrap();
    let mut expected = BTreeMap::new();
    for step in 0..40_u32 {
        let device = format!("phone {}", step % 7);
        let key = DeviceKey::new(ProjectKey(7), device.clone());
        let live = (step % 5 != 4).then(|| visit(&device, step));
        let append = Append {
            live: vec![(key.clone(), live.clone())],
            ..if step % 4 == 1 {
                about_people(7)
            } else {
                append("/")
            }
        };
        let position = spool.append(&append).await.unwrap();
        match live {
            Some(live) => expected.insert(key, live),
            None => expected.remove(&key),
        };
        if step % 3 == 0 {
            // What nobody needs goes, as soon as the snapshot needs it no more. There is nothing
            // to set aside, but it is answered behind that.
            let by_store = position - u64::from(step % 2);
            let everywhere = by_store - u64::from(step % 4) * by_store / 5;
            spool
                .trim(Applied {
                    everywhere,
                    by_store,
                })
                .unwrap();
            spool.set_aside(0).await.unwrap();
        }
        let copy = folder.path().join(format!("copy {step}"));
        std::fs::copy(&path, &copy).unwrap();
        // The second time with a snapshot that went on from there.
        for start in ["first", "second"] {
            let found = Spool::open(&copy, 1_000_000, 0).unwrap();
            let live = found.live().unwrap().into_iter();
            let live = live.collect::<BTreeMap<_, _>>();
            assert_eq!(live, expected, "after step {step}, {start} start");
            assert_eq!(found.last(), position);
            found.set_aside(0).await.unwrap();
        }
    }
    spool.trim(everywhere(spool.last())).unwrap();
    spool.set_aside(0).await.unwrap();
    assert!(positions(&spool, 0).is_empty());
    assert_eq!(spool.bytes(), 0);
}

#[tokio::test]
async fn what_a_sink_refuses_is_kept_when_everything_else_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let spool = Spool::open(&path, 1_000_000, 0).unwrap();
    let both = [append("/a"), append("/b")];
    let both = of(both.into_iter().flat_map(|append| append.records).collect());
    assert_eq!(spool.append(&both).await.unwrap(), 2);
    spool.set_aside(2).await.unwrap();
    spool.trim(everywhere(2)).unwrap();
    spool.set_aside(3).await.unwrap();
    assert_eq!(
        spool.tables.set_aside().unwrap(),
        [(2, both.records[1].clone())]
    );
}

#[tokio::test]
async fn a_part_of_a_commit_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool"), 1_000_000, 10).unwrap();
    let pages = ["/a", "/b", "/c", "/d"];
    let records = pages.iter().flat_map(|page| append(page).records).collect();
    let all = of(records);
    assert_eq!(spool.append(&all).await.unwrap(), 14);
    spool.append(&append("/e")).await.unwrap();
    let read = |wanted, after, most| {
        let part = spool.read(wanted, after, most).unwrap();
        let positions = part.records.iter().map(|spooled| spooled.position);
        (positions.collect::<Vec<_>>(), part.last)
    };
    assert_eq!(read(RecordFilter::All, 0, 2), (vec![11, 12], Some(12)));
    assert_eq!(read(RecordFilter::All, 12, 2), (vec![13, 14], Some(14)));
    assert_eq!(read(RecordFilter::All, 12, 3), (vec![13, 14, 15], Some(15)));
    assert_eq!(read(RecordFilter::All, 15, 3), (vec![], None));
    assert_eq!(read(RecordFilter::AboutPeople, 12, 2), (vec![], Some(14)));
}

/// A record of somebody, who is not in the event store.
fn about_people(project: i64) -> Append {
    let at = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
    let group = PeopleChange::Group {
        id: "acme".to_owned(),
        kind: "company".to_owned(),
        name: "x".repeat(200),
        properties: BTreeMap::new(),
    };
    let record = Record::new(ProjectKey(project), at, vec![Change::People(group)]);
    Append {
        account: Account::Project(ProjectKey(project)),
        ..of(vec![record])
    }
}

#[tokio::test]
async fn who_waits_for_the_catalog_keeps_the_spool_full_for_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let spool = Arc::new(Spool::open(&path, 20_000, 0).unwrap());
    // Together, so that some of both are in one commit.
    for _ in 0..30 {
        let (event, people) = (append("/a"), about_people(8));
        let people = async {
            match spool.append(&people).await {
                Ok(_) | Err(SpoolError::Full { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        };
        let (event, ()) = tokio::join!(spool.append(&event), people);
        event.unwrap();
        let applied = Applied {
            everywhere: 0,
            by_store: spool.last(),
        };
        spool.trim(applied).unwrap();
        spool.set_aside(0).await.unwrap();
    }
    let read = |wanted| spool.read(wanted, 0, 1_000).unwrap().records;
    let people = read(RecordFilter::AboutPeople).len();
    assert!(people > 10, "{people} are about people");
    assert_eq!(read(RecordFilter::All).len(), people);
    let waiting = spool.bytes();
    let backlog = |spool: &Spool, project| {
        spool
            .gauges
            .backlog()
            .may_add(spool.bytes() + 1, ProjectKey(project), None)
    };
    assert!(backlog(&spool, 7) && !backlog(&spool, 8));
    let last = spool.last();
    drop(spool);

    let spool = Spool::open(&path, 20_000, 0).unwrap();
    assert_eq!((spool.last(), spool.bytes()), (last, waiting));
    spool.trim(everywhere(last)).unwrap();
    spool.set_aside(0).await.unwrap();
    assert_eq!(spool.bytes(), 0);
    assert!(positions(&spool, 0).is_empty());
}

/// The disk may be away for long.
#[tokio::test]
async fn ids_are_not_looked_for_where_they_keep_everybody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool"), 1_000_000, 0).unwrap();
    let seen = RequestKey {
        project: ProjectKey(7),
        id: Uuid::from_u128(1),
        at: 0,
    };
    let tables = Arc::clone(&spool.tables);
    let (held, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let holder = std::thread::spawn(move || {
        let _closed = tables.hold();
        held.send(()).unwrap();
        // In any case, or the test would wait for ever.
        let _ = released.recv_timeout(std::time::Duration::from_secs(10));
    });
    is_held.recv().unwrap();
    // The thread of the tasks goes on meanwhile.
    let instant = std::time::Duration::from_millis(20);
    tokio::time::timeout(instant, spool.seen(seen))
        .await
        .unwrap_err();
    spool.gauges.can_write.store(false, Ordering::Relaxed);
    for refused in [
        spool.seen(seen).await.unwrap_err(),
        spool.seen_of(vec![seen]).await.unwrap_err(),
    ] {
        assert!(matches!(refused, SpoolError::Broken(_)), "{refused:?}");
    }
    release.send(()).unwrap();
    holder.join().unwrap();
}

/// Makes the file one of another format.
fn set_format(path: &Path, format: u8) {
    let database = redb::Database::open(path).unwrap();
    let write = database.begin_write().unwrap();
    let mut meta = write.open_table(format::META).unwrap();
    meta.insert(format::FORMAT, [format].as_slice()).unwrap();
    drop(meta);
    write.commit().unwrap();
}

fn format(path: &Path) -> u8 {
    let database = redb::Database::open(path).unwrap();
    let meta = redb::ReadableDatabase::begin_read(&database).unwrap();
    let meta = meta.open_table(format::META).unwrap();
    meta.get(format::FORMAT).unwrap().unwrap().value()[0]
}

#[test]
fn what_another_version_wrote_is_not_misread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    drop(Spool::open(&path, 1_000_000, 0).unwrap());
    for (written, told) in [
        (2, "from before the first release"),
        (format::THIS_FORMAT + 1, "a newer version of paneld"),
    ] {
        set_format(&path, written);
        let refused = Spool::open(&path, 1_000_000, 0).unwrap_err();
        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(why.contains(told), "{why}");
        assert_eq!(format(&path), written);
    }
}

/// The version before must not find what it cannot read.
#[tokio::test]
async fn a_file_of_the_format_before_is_of_this_one_once_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    drop(Spool::open(&path, 1_000_000, 0).unwrap());
    set_format(&path, 3);
    drop(Spool::open(&path, 1_000_000, 0).unwrap());
    assert_eq!(format(&path), 3);
    let spool = Spool::open(&path, 1_000_000, 0).unwrap();
    spool.append(&append("/a")).await.unwrap();
    drop(spool);
    assert_eq!(format(&path), format::THIS_FORMAT);
}

/// However much comes at once, appliers need not have all of it in memory.
#[tokio::test]
async fn a_big_commit_is_read_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let spool = Spool::open(&path, 100_000_000, 0).unwrap();
    let sizes = [700_000, 10, 10, 3_000_000, 600_000, 600_000].repeat(5);
    let pages = sizes.iter().map(|size| "x".repeat(*size));
    let records = pages.flat_map(|page| append(&page).records);
    let big = Append {
        live: vec![(
            DeviceKey::new(ProjectKey(7), "phone".to_owned()),
            Some(visit("phone", 1)),
        )],
        ..of(records.collect())
    };
    assert_eq!(spool.append(&big).await.unwrap(), 30);
    drop(spool);

    let spool = Spool::open(&path, 100_000_000, 0).unwrap();
    assert_eq!(spool.live().unwrap().len(), 1);
    let (mut found, mut parts) = (Vec::new(), 0);
    loop {
        let after = found.len() as u64;
        let part = spool.read(RecordFilter::All, after, 100).unwrap();
        if part.last.is_none() {
            break;
        }
        let bytes = part
            .records
            .iter()
            .map(|spooled| match &spooled.record.changes[0] {
                Change::Bot(visit) => visit.path.len(),
                other => panic!("{other:?}"),
            });
        let bytes = bytes.sum::<usize>();
        assert!(bytes < 12_000_000, "{bytes} bytes at once");
        parts += 1;
        for spooled in part.records {
            found.push(spooled.record);
            assert_eq!(spooled.position, found.len() as u64);
        }
    }
    assert_eq!(parts, 3);
    assert_eq!(found, big.records);
    spool.set_aside(8).await.unwrap();
    let aside = spool.tables.set_aside().unwrap();
    assert_eq!(aside, [(8, found[7].clone())]);
    // What is applied goes, although more of the same commit waits.
    let before = spool.bytes();
    spool.trim(everywhere(20)).unwrap();
    spool.set_aside(0).await.unwrap();
    assert!(spool.bytes() < before / 2, "{} are left", spool.bytes());
    assert_eq!(positions(&spool, 0).first(), Some(&19));
}

#[tokio::test]
async fn a_full_disk_does_not_stand_in_the_way_of_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk")) else {
        return;
    };
    let path = disk.path().join("spool");
    let spool = Spool::open(&path, 100_000_000, 0).unwrap();
    let devices = (0..2_000).map(|device| format!("phone {device}"));
    let live = devices.map(|device| {
        let key = DeviceKey::new(ProjectKey(7), device.clone());
        (key, Some(visit(&device, 1)))
    });
    let many = Append {
        live: live.collect(),
        ..append("/")
    };
    spool.append(&many).await.unwrap();
    drop(spool);

    disk.fill();
    let spool = Spool::open(&path, 100_000_000, 0).unwrap();
    let found = spool.live().unwrap().into_iter();
    let found = found.map(|(key, live)| (key, Some(live)));
    let expected = many.live.into_iter();
    assert_eq!(
        found.collect::<BTreeMap<_, _>>(),
        expected.collect::<BTreeMap<_, _>>()
    );
    assert_eq!(positions(&spool, 0), [1]);
}

/// A sink that passes over earlier versions must find the last one of each session, and before
/// somebody is erased the last before that.
#[tokio::test]
async fn a_stretch_knows_the_last_version_of_each_session() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool"), 1_000_000, 10).unwrap();
    let seen = |device: &str, views| Append {
        live: vec![(
            DeviceKey::new(ProjectKey(7), device.to_owned()),
            Some(visit(device, views)),
        )],
        ..append("/")
    };
    let erased = of(vec![Record::new(
        ProjectKey(7),
        parse_timestamp("2026-01-15T10:30:00Z").unwrap(),
        vec![Change::People(PeopleChange::EraseProfile {
            profile_id: "ada".to_owned(),
        })],
    )]);
    let gone = Append {
        live: vec![(DeviceKey::new(ProjectKey(7), "tablet".to_owned()), None)],
        ..append("/")
    };
    for append in [
        seen("phone", 1),
        seen("tablet", 1),
        seen("phone", 2),
        erased,
        seen("phone", 3),
        seen("phone", 4),
        seen("tablet", 2),
        gone,
    ] {
        spool.append(&append).await.unwrap();
    }
    let lasts = |stretch: &Stretch| {
        let records = spool
            .read(RecordFilter::All, 0, 100)
            .unwrap()
            .records
            .into_iter();
        let last = records.filter(|spooled| {
            spooled.live.iter().any(|(device, live)| {
                let Told::Whole(live) = live else {
                    return false;
                };
                let id = live.session_id().unwrap();
                stretch.is_last(spooled.position, device.project(), id)
            })
        });
        last.map(|spooled| spooled.position).collect::<Vec<_>>()
    };
    let first = spool.stretch(0, 18).unwrap();
    assert_eq!((first.end, first.is_cut), (13, true));
    assert_eq!(lasts(&first), [12, 13, 15, 16, 17]);
    let second = spool.stretch(13, 17).unwrap();
    assert_eq!((second.end, second.is_cut), (18, false));
    assert_eq!(lasts(&second), [16, 17]);
    // Of what was there, nothing may be left.
    let none = spool.stretch(18, 20).unwrap();
    assert_eq!((none.end, none.is_cut), (20, false));
}
