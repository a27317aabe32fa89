//! What is tracked while something is away, full or slow: nothing that was acknowledged is lost,
//! and nobody has to help.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Duration,
};

use paneld_domain::Clock;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, Launch, Place, Server, wait_until};

/// How long something may take to be well again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server without limits in the way.
fn launch(place: &Place) -> Launch {
    place
        .bootstrapped()
        .with("RATE_LIMIT_TRACK", "off")
        .with("RATE_LIMIT_EXPORT", "off")
}

/// Makes the project, and returns the credentials of its client.
async fn make_project(server: &Server) -> (String, String) {
    let made = json!({"name": "Shop"});
    let made = server.root().create("/manage/projects", made).await;
    let text = |name: &str| made["client"][name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

fn backend(server: &Server, (id, secret): &(String, String)) -> Caller {
    server.caller(id, secret).with_header("user-agent", "node")
}

fn event(number: u32) -> Json {
    json!({"type": "track", "payload": {"name": format!("event-{number}")}})
}

async fn track(caller: &Caller, number: u32) {
    let reply = caller.post("/track", event(number)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// Waits until so many events are there, and returns their names in order.
async fn names(server: &Server, count: usize) -> Vec<String> {
    let clock = Clock::system();
    let start = clock.elapsed();
    loop {
        let path = "/export/events?projectId=shop&limit=1000";
        let reply = server.root().get(path).await;
        let events = reply.body["data"].as_array().cloned().unwrap_or_default();
        if events.len() >= count {
            let names = events.iter().map(|event| event["name"].as_str().unwrap());
            let mut names = names.map(str::to_owned).collect::<Vec<_>>();
            names.sort();
            return names;
        }
        assert!(clock.elapsed() - start < PATIENCE, "{}", reply.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_store_that_another_process_has_open() {
    let (here, there) = (Place::new(), Place::new());
    let file = format!("duckdb:{}", there.path().join("events.duckdb").display());
    let other = launch(&there).with("EVENTS_URL", &file).serve();
    wait_until(&other, "ready").await;

    let server = launch(&here).with("EVENTS_URL", &file).serve();
    let backends = wait_until(&server, "degraded").await;
    assert_eq!(backends["events"], "down");
    let client = make_project(&server).await;
    let caller = backend(&server, &client);
    for number in 0..5 {
        track(&caller, number).await;
    }
    let path = "/export/events?projectId=shop";
    let refused = server.root().get(path).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    assert!(!refused.text.contains("duckdb"), "{}", refused.text);

    other.stop();
    wait_until(&server, "ready").await;
    track(&caller, 5).await;
    let expected = (0..6).map(|number| format!("event-{number}"));
    assert_eq!(names(&server, 6).await, expected.collect::<Vec<_>>());
    server.stop();
}

/// A small disk of its own, unmounted when this is dropped.
pub(crate) struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// `None` where nobody may mount.
    #[expect(
        clippy::print_stderr,
        reason = "whoever runs it must see what was not tested"
    )]
    pub(crate) fn mount(path: &'a Path, mebibytes: u32) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={mebibytes}m,mode=700"),
            "tmpfs",
        ]);
        let mounted = mount.arg(path).status();
        let mounted = mounted.is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("SKIPPED: A FULL DISK IS NOT TESTED, for only root can mount a small one");
        }
        mounted.then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Lazily: the server may hold on to it for a moment.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Writes until the disk is full; but never one that is not small.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let is_full = (0..16_384).any(|_| file.write_all(&[7; 4096]).is_err());
    assert!(is_full, "the disk is not small");
}

/// An event of about a megabyte.
fn big_event(number: u32) -> Json {
    let mut event = event(number);
    for key in 0..60 {
        let value = "x".repeat(15_000);
        event["payload"]["properties"][format!("key-{key}")] = json!(value);
    }
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_recovers_without_losing_anything() {
    let place = Place::new();
    let data_dir = place.data_dir();
    let Some(disk) = SmallDisk::mount(&data_dir, 24) else {
        return;
    };
    let url = |scheme: &str, name: &str| format!("{scheme}:{}", place.path().join(name).display());
    let server = launch(&place)
        .with("CATALOG_URL", &url("sqlite", "catalog.sqlite"))
        .with("EVENTS_URL", &url("duckdb", "events.duckdb"))
        .serve();
    let client = make_project(&server).await;
    let caller = backend(&server, &client);
    track(&caller, 0).await;

    let filler = data_dir.join("filler");
    fill(&filler);
    let (mut acknowledged, mut refused) = (vec![0], 0);
    for number in 1..60 {
        let body = Some(big_event(number).to_string());
        let reply = caller.call(Method::POST, "/track", body).await.unwrap();
        if reply.status == 200 {
            acknowledged.push(number);
            continue;
        }
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
        refused += 1;
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk was never full");

    std::fs::remove_file(&filler).unwrap();
    let clock = Clock::system();
    let start = clock.elapsed();
    while caller.post("/track", event(100)).await.status != 200 {
        assert!(clock.elapsed() - start < PATIENCE, "it does not recover");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    acknowledged.push(100);
    let found = names(&server, acknowledged.len()).await;
    for number in acknowledged {
        let name = format!("event-{number}");
        let times = found.iter().filter(|found| **found == name).count();
        assert_eq!(times, 1, "{name} in {found:?}");
    }
    server.stop();
    drop(disk);
}

/// An event of about so many kibibytes.
fn event_of(number: u32, kibibytes: usize) -> Json {
    let mut event = event(number);
    event["payload"]["properties"] = (0..kibibytes)
        .map(|key| (format!("key-{key}"), json!("x".repeat(1_000))))
        .collect();
    event
}

async fn status_of(caller: &Caller, path: &str, body: Option<Json>) -> u16 {
    let method = body.as_ref().map_or(Method::GET, |_| Method::POST);
    let body = body.map(|body| body.to_string());
    let reply = caller.call(method, path, body).await.unwrap();
    reply.status.as_u16()
}

/// Everything is on the small disk. Whoever asks is told what Track would be told, and the log has
/// a line for each change, however many requests there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_full_disk_says_so_once() {
    const READY: &str = "/healthz/ready";
    let place = Place::new();
    let data_dir = place.data_dir();
    let Some(disk) = SmallDisk::mount(&data_dir, 16) else {
        return;
    };
    let server = launch(&place).serve();
    let client = make_project(&server).await;
    let caller = backend(&server, &client);
    track(&caller, 0).await;
    names(&server, 1).await;

    let filler = data_dir.join("filler");
    fill(&filler);
    let (mut acknowledged, mut refused, mut differed) = (1, 0, 0);
    for number in 1..1_000 {
        let body = event_of(number, [1, 40, 200][number as usize % 3]);
        let before = status_of(&caller, READY, None).await;
        let status = status_of(&caller, "/track", Some(body)).await;
        let after = status_of(&caller, READY, None).await;
        match status {
            200 => acknowledged += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
        // It may have changed in between.
        differed += u32::from(before == after && before != status);
        if refused == 300 {
            break;
        }
    }
    assert_eq!(refused, 300, "the disk was never full");
    // Those that were too big for what was left, perhaps.
    assert!(
        differed < 10,
        "{differed} times, readiness was not that of Track"
    );
    assert_eq!(status_of(&caller, READY, None).await, 503);

    std::fs::remove_file(&filler).unwrap();
    wait_until(&server, "ready").await;
    track(&caller, 1_000).await;
    names(&server, acknowledged + 1).await;
    let ended = server.stop();
    let lines = |level: &str, message: &str| {
        let lines = ended.log(level);
        lines
            .iter()
            .filter(|line| line["message"] == message)
            .count()
    };
    let lost = lines("ERROR", "the spool cannot be written");
    assert!((1..=3).contains(&lost), "{}", ended.stderr);
    assert_eq!(lines("INFO", "the spool can be written again"), lost);
    assert!(
        lines("ERROR", "the event store is away") <= 3,
        "{}",
        ended.stderr
    );
    assert_eq!(lines("ERROR", "request failed"), 0, "{}", ended.stderr);
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_clients_track_while_the_catalog_is_away() {
    let place = Place::new();
    let server = launch(&place).serve();
    let client = make_project(&server).await;
    let caller = backend(&server, &client);
    track(&caller, 0).await;
    let file = place.data_dir().join("catalog.sqlite");
    let hidden = place.path().join("hidden");
    std::fs::rename(&file, &hidden).unwrap();
    let root = server.root();
    let refused = root.post("/manage/projects", json!({"name": "B"})).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    // Beyond the time for which a client is known without asking.
    for number in 1..8 {
        track(&caller, number).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let who = json!({"profileId": "anna", "firstName": "Anna"});
    let who = json!({"type": "identify", "payload": who});
    assert_eq!(caller.post("/track", who).await.status, 200);

    std::fs::rename(&hidden, &file).unwrap();
    let clock = Clock::system();
    let start = clock.elapsed();
    loop {
        let path = "/insights/shop/profiles/anna";
        let reply = server.root().get(path).await;
        if reply.status == 200 {
            assert_eq!(reply.body["profile"]["first_name"], "Anna");
            break;
        }
        assert!(clock.elapsed() - start < PATIENCE, "{}", reply.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let expected = (0..8).map(|number| format!("event-{number}"));
    assert_eq!(names(&server, 8).await, expected.collect::<Vec<_>>());
    server.stop();
}

/// The most memory that a process ever had, in MiB.
fn peak_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() / 1024
}

/// Sends a part of a body, waits for the reply, and returns its status.
fn send_slowly(address: std::net::SocketAddr, (id, secret): (String, String)) -> u16 {
    const LENGTH: usize = 1_000_000;
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /track HTTP/1.1\r\nHost: {address}\r\nopenpanel-client-id: {id}\r\n\
         openpanel-client-secret: {secret}\r\nContent-Type: application/json\r\n\
         Content-Length: {LENGTH}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Refused in the middle of it, perhaps.
    for _ in 0..LENGTH / 10_000 * 3 / 4 {
        if stream.write_all(&[b' '; 10_000]).is_err() {
            break;
        }
    }
    let mut start = [0; 12];
    // What was not read when the connection was ended can take the reply with it.
    match stream.read_exact(&mut start) {
        Ok(()) => std::str::from_utf8(&start[9..]).unwrap().parse().unwrap(),
        Err(_reset) => 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_are_refused_and_take_bounded_memory() {
    let place = Place::new();
    let server = launch(&place).serve();
    let client = make_project(&server).await;
    track(&backend(&server, &client), 0).await;
    let before = peak_mib(server.process.id());
    let senders = (0..256).map(|_| {
        let (address, client) = (server.address, client.clone());
        std::thread::spawn(move || send_slowly(address, client))
    });
    let senders = senders.collect::<Vec<_>>();
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for sender in senders {
        *statuses.entry(sender.join().unwrap()).or_default() += 1;
    }
    let is_good = |status: &u16| [0, 408, 503].contains(status);
    assert!(statuses.keys().all(is_good), "{statuses:?}");
    // 256 times 750 kB are more than the budget: some are refused at once, and others time out.
    assert!(statuses.contains_key(&408), "{statuses:?}");
    assert!(statuses.keys().any(|status| *status != 408), "{statuses:?}");
    // The budget is 128 MiB, and there is what it takes to read: not what all of them say that
    // they send, nor all that they sent.
    let grown = peak_mib(server.process.id()) - before;
    assert!(grown < 512, "{grown} MiB");
    track(&backend(&server, &client), 1).await;
    assert_eq!(names(&server, 2).await, ["event-0", "event-1"]);
    server.stop();
}

/// A list of zeros of so many bytes: a tree of it takes sixteen times as many.
fn zeros(bytes: usize) -> String {
    format!("[{}0]", "0,".repeat(bytes / 2 - 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_tiny_things_take_a_small_multiple_of_their_bytes() {
    const MIB: usize = 1024 * 1024;
    let place = Place::new();
    let server = launch(&place).serve();
    let client = make_project(&server).await;
    let caller = backend(&server, &client);
    track(&caller, 0).await;
    let grows = async |path: &str, body: String| {
        let before = peak_mib(server.process.id());
        let reply = caller.call(Method::POST, path, Some(body)).await.unwrap();
        let error = reply.body["message"].as_str().unwrap();
        assert_eq!(
            (reply.status.as_u16(), error),
            (400, "Invalid request body")
        );
        (peak_mib(server.process.id()) - before, reply)
    };
    let zeros_of_8_mib = zeros(8 * MIB - 1_000);
    for (kind, payload) in [
        (r#""replay""#, format!(r#"{{"payload":{zeros_of_8_mib}}}"#)),
        (r#""replay""#, format!(r#"{{"unknown":{zeros_of_8_mib}}}"#)),
    ] {
        let body = format!(r#"{{"type":{kind},"payload":{payload}}}"#);
        let (grown, _) = grows("/track", body).await;
        assert!(grown < 64, "{grown} MiB");
    }
    let zeros_of_1_mib = zeros(MIB - 1_000);
    let body = format!(r#"{{"type":{zeros_of_1_mib},"payload":{{}}}}"#);
    let (grown, _) = grows("/track", body).await;
    assert!(grown < 16, "{grown} MiB");

    let (grown, reply) = grows("/import/events", zeros(32 * MIB - 1)).await;
    assert!(grown < 160, "{grown} MiB");
    assert_eq!(reply.body["details"][0]["message"], "must be an object");
    // 500 properties of a row, in 8,000 rows.
    let properties = (0..500).map(|n| format!("\"{n}\":1"));
    let properties = properties.collect::<Vec<_>>().join(",");
    let row = format!(r#"{{"name":"x","created_at":"2020-01-01","properties":{{{properties}}}}}"#);
    let rows = vec![row.as_str(); 32 * MIB / (row.len() + 1) - 1];
    assert!(rows.len() > 8_000, "{}", rows.len());
    let body = format!("[{}]", rows.join(","));
    let (grown, reply) = grows("/import/events", body).await;
    assert!(grown < 320, "{grown} MiB");
    let why = "must have at most 1000000 properties and groups in all events together";
    assert_eq!(reply.body["details"][0]["message"], why);
    server.stop();
}
