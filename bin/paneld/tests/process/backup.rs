//! Backups: made while events come in, restored, checked, and broken off.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use paneld_domain::Clock;
use paneld_testing::Database;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    faults::SmallDisk,
    support::{Caller, Ended, Launch, Place, Server},
};

/// Credentials of the client that tracks.
#[derive(Clone)]
struct Tracker {
    id: String,
    secret: String,
}

impl Tracker {
    async fn make(server: &Server) -> Self {
        let made = json!({"name": "shop"});
        let made = server.root().create("/manage/projects", made).await;
        let text = |name: &str| made["client"][name].as_str().unwrap().to_owned();
        Self {
            id: text("id"),
            secret: text("secret"),
        }
    }

    fn caller(&self, server: &Server) -> Caller {
        let caller = server.caller(&self.id, &self.secret);
        caller.with_header("user-agent", "node")
    }
}

/// What was acknowledged: the names of events, and how often the profile was counted up.
#[derive(Default, Clone)]
struct Ledger {
    events: HashSet<String>,
    added: u64,
}

async fn track(caller: &Caller, kind: &str, payload: Json) -> bool {
    let body = json!({"type": kind, "payload": payload}).to_string();
    let reply = caller.call(Method::POST, "/track", Some(body)).await;
    // Nobody knows what became of a request to a server that was killed.
    reply.is_ok_and(|reply| {
        assert_eq!(reply.status, 200, "{}", reply.text);
        true
    })
}

/// Tracks one event, and counts the profile up by one.
async fn track_once(caller: &Caller, name: String, ledger: &Mutex<Ledger>) -> bool {
    let event = json!({"name": name, "profileId": "anna"});
    if !track(caller, "track", event).await {
        return false;
    }
    ledger.lock().unwrap().events.insert(name);
    let add = json!({"profileId": "anna", "property": "count", "value": 1});
    if !track(caller, "increment", add).await {
        return false;
    }
    ledger.lock().unwrap().added += 1;
    true
}

/// Callers that track until they are stopped.
struct Load {
    ledger: Arc<Mutex<Ledger>>,
    is_over: Arc<AtomicBool>,
    /// Of each caller the longest time that a request took.
    callers: Vec<tokio::task::JoinHandle<Duration>>,
}

impl Load {
    fn begin(tracker: &Tracker, server: &Server) -> Self {
        let (ledger, is_over) = (Arc::<Mutex<Ledger>>::default(), Arc::default());
        let callers = (0..4).map(|number| {
            let (caller, ledger) = (tracker.caller(server), Arc::clone(&ledger));
            let is_over: Arc<AtomicBool> = Arc::clone(&is_over);
            tokio::spawn(async move {
                let clock = Clock::system();
                let mut longest = Duration::ZERO;
                for count in 0.. {
                    let begun = clock.elapsed();
                    let name = format!("{number}-{count}");
                    if is_over.load(Ordering::Relaxed) || !track_once(&caller, name, &ledger).await
                    {
                        break;
                    }
                    longest = longest.max(clock.elapsed() - begun);
                }
                longest
            })
        });
        Self {
            callers: callers.collect(),
            ledger,
            is_over,
        }
    }

    fn so_far(&self) -> Ledger {
        self.ledger.lock().unwrap().clone()
    }

    /// Waits until so many events more were acknowledged.
    async fn wait_for(&self, more: usize) {
        let enough = self.so_far().events.len() + more;
        while self.so_far().events.len() < enough {
            assert!(!self.callers.iter().all(|caller| caller.is_finished()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops, and returns the longest time that two requests took.
    async fn end(self) -> Duration {
        self.is_over.store(true, Ordering::Relaxed);
        let mut longest = Duration::ZERO;
        for caller in self.callers {
            longest = longest.max(caller.await.unwrap());
        }
        longest
    }
}

/// All that is stored: the names of events, each as often as it is there, and the count of the
/// profile.
async fn stored(server: &Server) -> (Vec<String>, u64) {
    let root = server.root();
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/export/events?projectId=shop&limit=1000{cursor}");
        let page = root.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let events = page.body["data"].as_array().unwrap().iter();
        let all = events.map(|event| event["name"].as_str().unwrap().to_owned());
        names.extend(all.filter(|name| name.contains('-')));
        match page.body["meta"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let profile = root.get("/insights/shop/profiles/anna").await;
    let count = &profile.body["profile"]["properties"]["count"];
    let count = count.as_f64().or_else(|| count.as_str()?.parse().ok());
    (names, count.unwrap_or_else(|| panic!("no count")) as u64)
}

/// Waits until all of this is stored.
async fn settle(server: &Server, ledger: &Ledger) -> (Vec<String>, u64) {
    let clock = Clock::system();
    let start = clock.elapsed();
    loop {
        let profile = server.root().get("/insights/shop/profiles/anna").await;
        if profile.status == 200 {
            let (names, count) = stored(server).await;
            let there = names.iter().collect::<HashSet<_>>();
            if ledger.events.iter().all(|name| there.contains(name)) && count >= ledger.added {
                return (names, count);
            }
        }
        let waited = clock.elapsed() - start;
        assert!(waited < Duration::from_secs(60), "events are missing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn assert_each_once(names: &[String]) {
    let different = names.iter().collect::<HashSet<_>>();
    assert_eq!(different.len(), names.len(), "some events are there twice");
}

fn run(place: &Place, command: &str, path: &Path) -> Ended {
    launch(place, command, path).run()
}

fn launch(place: &Place, command: &str, path: &Path) -> Launch {
    place.paneld().arg(command).arg(&path.display().to_string())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Names in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names = names.collect::<Vec<_>>();
    names.sort();
    names
}

/// Waits until something holds.
async fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let clock = Clock::system();
    let start = clock.elapsed();
    while !holds() {
        assert!(clock.elapsed() - start < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A place with a server that has some events, and is stopped.
async fn stopped_with_events(events: usize) -> (Place, Tracker, Ledger) {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let tracker = Tracker::make(&server).await;
    let ledger = Mutex::default();
    let caller = tracker.caller(&server);
    for number in 0..events {
        assert!(track_once(&caller, format!("before-{number}"), &ledger).await);
    }
    server.stop();
    (place, tracker, ledger.into_inner().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_all_that_was_acknowledged_and_nothing_twice() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    assert_eq!(mode(&place.data_dir().join("paneld.sock")), 0o600);
    let tracker = Tracker::make(&server).await;
    let load = Load::begin(&tracker, &server);
    load.wait_for(200).await;

    // Both forms, one after the other.
    let mut made = Vec::new();
    for name in ["one.tar.zst", "two"] {
        let backup = place.path().join(name);
        let before = load.so_far();
        let said = run(&place, "backup", &backup).output();
        for file in ["events.duckdb", "spool.redb", "catalog.sqlite"] {
            assert!(said.contains(file), "{said}");
        }
        assert!(run(&place, "verify", &backup).output().contains("is good"));
        load.wait_for(50).await;
        made.push((backup, before));
    }
    let ledger = Arc::clone(&load.ledger);
    let longest = load.end().await;
    assert!(
        longest < Duration::from_secs(5),
        "Track stood still for {longest:?}"
    );
    let ledger = ledger.lock().unwrap().clone();

    // The server went on, and has everything.
    let (names, count) = settle(&server, &ledger).await;
    assert_each_once(&names);
    assert_eq!((names.len(), count), (ledger.events.len(), ledger.added));
    server.stop();
    assert_eq!(names_in(place.path()), ["data", "one.tar.zst", "two"]);
    let left = names_in(&place.data_dir());
    assert!(
        !left
            .iter()
            .any(|name| name == "backup" || name == "paneld.sock"),
        "{left:?}"
    );

    for (backup, before) in made {
        let new = Place::new();
        assert_eq!(mode(&backup) & 0o077, 0);
        run(&new, "restore", &backup).output();
        for name in ["events.duckdb", "spool.redb", "catalog.sqlite"] {
            assert_eq!(mode(&new.data_dir().join(name)), 0o600);
        }
        let server = new.bootstrapped().serve();
        let (names, count) = settle(&server, &before).await;
        assert_each_once(&names);
        assert!(names.iter().all(|name| ledger.events.contains(name)));
        assert!((before.added..=ledger.added).contains(&count));
        // It takes more, and loses nothing of it in its new spool.
        let more = Mutex::default();
        let caller = tracker.caller(&server);
        for number in 0..20 {
            assert!(track_once(&caller, format!("after-{number}"), &more).await);
        }
        // Records are applied in their order: when these are there, all of before are.
        let mut expected = more.into_inner().unwrap();
        let (after, _) = settle(&server, &expected).await;
        assert_each_once(&after);
        assert!(after.len() >= names.len() + 20);
        // Each of the four callers counts once behind each event; the catalog may be further.
        expected.added = after.len() as u64 - 4;
        let (_, added) = settle(&server, &expected).await;
        assert!(added <= ledger.added + 20);
        server.stop();
        assert!(
            new.paneld()
                .arg("verify")
                .run()
                .output()
                .contains("is good")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_files_are_backed_up_and_data_is_never_written_over() {
    let (place, _, ledger) = stopped_with_events(30).await;
    assert!(
        place
            .paneld()
            .arg("verify")
            .run()
            .output()
            .contains("is good")
    );
    let backup = place.path().join("backup.tar.zst");
    run(&place, "backup", &backup).output();
    run(&place, "backup", &backup).assert_refused(1, &["is there already"]);
    let wrong = place.path().join("backup.zip");
    run(&place, "backup", &wrong).assert_refused(1, &["must end in .tar.zst"]);

    let refused = run(&place, "restore", &backup);
    refused.assert_refused(1, &["there is data at", "into an empty folder only"]);
    let new = Place::new();
    run(&new, "restore", &backup).output();
    let again = run(&new, "restore", &backup);
    again.assert_refused(1, &["there is data at"]);
    // A restored one can be backed up and restored before it was ever started.
    let second = new.path().join("second");
    run(&new, "backup", &second).output();
    let newer = Place::new();
    run(&newer, "restore", &second).output();
    // One that was broken off is no data folder, and can be done again.
    let broken_off = Place::new();
    fs::create_dir_all(broken_off.data_dir().join("restoring")).unwrap();
    let refused = broken_off.bootstrapped().run();
    refused.assert_refused(1, &["a restore into the data folder", "restore again"]);
    run(&broken_off, "restore", &backup).output();
    broken_off.bootstrapped().serve().stop();
    for place in [place, new, newer] {
        let server = place.bootstrapped().serve();
        let (names, count) = settle(&server, &ledger).await;
        assert_eq!((names.len(), count), (30, 30));
        let refused = place.paneld().arg("verify").run();
        refused.assert_refused(1, &["another paneld process is using", "check a backup"]);
        server.stop();
    }
    let nothing = Place::new();
    let to = nothing.path().join("backup");
    run(&nothing, "backup", &to).assert_refused(1, &["there is nothing of paneld in"]);
    let verified = nothing.paneld().arg("verify").run();
    verified.assert_refused(1, &["there is nothing of paneld in"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_is_found() {
    let (place, _, _) = stopped_with_events(10).await;
    let folder = place.path().join("folder");
    run(&place, "backup", &folder).output();
    assert_eq!(
        names_in(&folder),
        [
            "catalog.sqlite",
            "events.duckdb",
            "manifest.json",
            "spool.redb"
        ]
    );
    let flip = |path: &PathBuf| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    for name in ["catalog.sqlite", "events.duckdb", "spool.redb"] {
        let path = folder.join(name);
        flip(&path);
        let changed = format!("{name} was changed");
        run(&place, "verify", &folder).assert_refused(1, &["is no good backup", &changed]);
        let new = Place::new();
        run(&new, "restore", &folder).assert_refused(1, &[&changed]);
        // Nothing is left but the lock.
        assert_eq!(names_in(&new.data_dir()), ["lock"]);
        flip(&path);
        run(&place, "verify", &folder).output();
    }
    let archive = place.path().join("archive.tar.zst");
    run(&place, "backup", &archive).output();
    flip(&archive);
    run(&place, "verify", &archive).assert_refused(1, &["is no good backup"]);
    fs::write(
        folder.join("manifest.json"),
        r#"{"format": 9, "paneld": "7.0.0"}"#,
    )
    .unwrap();
    let newer = run(&place, "verify", &folder);
    newer.assert_refused(1, &["is of format 9", "use paneld 7.0.0"]);
    assert_eq!(
        names_in(place.path()),
        ["archive.tar.zst", "data", "folder"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_command_or_the_server_is_killed_all_goes_on() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let tracker = Tracker::make(&server).await;
    let load = Load::begin(&tracker, &server);
    load.wait_for(100).await;
    // The command, while it copies.
    let backup = place.path().join("backup");
    let unfinished = place.path().join("backup.unfinished");
    let command = launch(&place, "backup", &backup).spawn();
    wait_until("nothing is copied", || {
        unfinished.join("events.duckdb").exists()
    })
    .await;
    command.signal("KILL");
    command.wait_for_end();
    let ledger = load.so_far();
    settle(&server, &ledger).await;
    // What is left is removed by the next.
    run(&place, "backup", &backup).output();
    assert!(!unfinished.exists());
    assert!(!place.data_dir().join("backup").exists());

    // The server.
    let second = place.path().join("second");
    let command = launch(&place, "backup", &second).spawn();
    wait_until("nothing is copied", || {
        place.path().join("second.unfinished").exists()
    })
    .await;
    server.process.signal("KILL");
    server.process.wait_for_end();
    let ended = command.wait_for_end();
    load.end().await;
    // It was done before, or leaves nothing.
    assert_eq!(ended.code == Some(0), second.exists(), "{}", ended.stderr);
    let server = place.bootstrapped().serve();
    assert!(!place.path().join("second.unfinished").exists());
    settle(&server, &ledger).await;
    let third = place.path().join("third.tar.zst");
    run(&place, "backup", &third).output();
    run(&place, "verify", &third).output();
    server.stop();
}

/// Whoever speaks to a server through its socket.
struct Asker(BufReader<UnixStream>);

impl Asker {
    fn of(place: &Place) -> Self {
        let stream = UnixStream::connect(place.data_dir().join("paneld.sock")).unwrap();
        let mut asker = Self(BufReader::new(stream));
        assert_eq!(asker.read()["paneld"], env!("CARGO_PKG_VERSION"));
        asker
    }

    fn next(&mut self) -> Json {
        self.0.get_mut().write_all(b"next\n").unwrap();
        self.read()
    }

    fn read(&mut self) -> Json {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn track_goes_on_while_the_event_store_stands_still_until_the_caller_goes_away() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let tracker = Tracker::make(&server).await;
    let (caller, ledger) = (tracker.caller(&server), Mutex::default());
    assert!(track_once(&caller, "first-0".to_owned(), &ledger).await);
    let so_far = ledger.lock().unwrap().clone();
    settle(&server, &so_far).await;

    let mut asker = Asker::of(&place);
    assert_eq!(asker.next()["part"]["name"], "events.duckdb");
    let other = place.path().join("other");
    let refused = run(&place, "backup", &other);
    refused.assert_refused(1, &["another backup is under way"]);
    for number in 0..20 {
        assert!(track_once(&caller, format!("meanwhile-{number}"), &ledger).await);
    }
    // Questions are answered from what is there.
    assert_eq!(stored(&server).await.0, ["first-0"]);
    drop(asker);
    let all = ledger.lock().unwrap().clone();
    assert_eq!(settle(&server, &all).await.0.len(), 21);

    // The spool comes without a pause; a second time all is as it was the first.
    let mut asker = Asker::of(&place);
    let names = ["events.duckdb", "spool.redb", "catalog.sqlite"];
    for name in names {
        assert_eq!(asker.next()["part"]["name"], name);
    }
    assert_eq!(asker.next(), "end");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_no_backup_and_the_server_as_it_was() {
    let place = Place::new();
    let disk = place.path().join("disk");
    let Some(_mounted) = SmallDisk::mount(&disk, 1) else {
        return;
    };
    let server = place.bootstrapped().serve();
    let tracker = Tracker::make(&server).await;
    let (caller, ledger) = (tracker.caller(&server), Mutex::default());
    // All of it.
    fs::write(disk.join("filler"), vec![0; 2 << 20]).unwrap_err();
    for name in ["folder", "file.tar.zst"] {
        let to = disk.join(name);
        run(&place, "backup", &to).assert_refused(1, &["cannot", "No space left on device"]);
        assert_eq!(names_in(&disk), ["filler"]);
        assert!(track_once(&caller, format!("after-{name}"), &ledger).await);
    }
    let all = ledger.into_inner().unwrap();
    assert_eq!(settle(&server, &all).await.0.len(), 2);
    assert!(!place.data_dir().join("backup").exists());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn with_postgres_the_database_stays_and_counts_nothing_twice() {
    let (place, database) = (Place::new(), Database::create());
    let with = |launch: Launch| launch.with("CATALOG_URL", database.url());
    let server = with(place.bootstrapped()).serve();
    let tracker = Tracker::make(&server).await;
    let (caller, ledger) = (tracker.caller(&server), Mutex::default());
    for number in 0..10 {
        assert!(track_once(&caller, format!("before-{number}"), &ledger).await);
    }
    let before = ledger.lock().unwrap().clone();
    let backup = place.path().join("backup");
    let said = with(launch(&place, "backup", &backup)).run().output();
    assert!(
        said.contains("run pg_dump now") && !said.contains("catalog.sqlite"),
        "{said}"
    );
    // The database gets further than the backup, and is not restored.
    for number in 0..5 {
        assert!(track_once(&caller, format!("lost-{number}"), &ledger).await);
    }
    let so_far = ledger.lock().unwrap().clone();
    settle(&server, &so_far).await;
    server.stop();

    let new = Place::new();
    run(&new, "restore", &backup).assert_refused(1, &["no catalog", "PANELD_CATALOG_URL"]);
    with(launch(&new, "restore", &backup)).run().output();
    let server = with(new.bootstrapped()).serve();
    let (names, count) = settle(&server, &before).await;
    assert_eq!((names.len(), count), (10, 15));
    let (caller, more) = (tracker.caller(&server), Mutex::default());
    for number in 0..7 {
        assert!(track_once(&caller, format!("after-{number}"), &more).await);
    }
    let expected = Ledger {
        events: more.into_inner().unwrap().events,
        added: 22,
    };
    let (names, count) = settle(&server, &expected).await;
    assert_eq!((names.len(), count), (17, 22));
    server.stop();
}
