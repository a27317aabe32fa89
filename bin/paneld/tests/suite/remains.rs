//! What is left in the files of what was removed: nothing, within the time that operations.md
//! promises.

use std::{path::Path, time::Duration};

use serde_json::{Value as Json, json};

use crate::{
    shop::{CHROME, MINUTE, Shop},
    support::{Caller, TestServer},
};

/// The time that the documentation promises.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What only Anna's profile, events, group and devices have.
const OF_ANNA: [&str; 9] = [
    "anna@secret.example",
    "Annabella-First",
    "Nightingale-Last",
    "https://secret.example/anna.png",
    "profile-property-of-anna",
    "event-property-of-anna",
    "recording-of-anna",
    "/page-of-anna",
    "id-of-anna",
];

/// The same of Bob, who stays.
const OF_BOB: [&str; 4] = [
    "bob@shop.example",
    "Robert-First",
    "event-property-of-bob",
    "recording-of-bob",
];

/// All files in a folder, at any depth: name and content. There may be a socket beside them.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            found.push((name, std::fs::read(path).unwrap()));
        }
    }
    found
}

/// Each of these texts that is in some file, with the file.
fn found(server: &TestServer, texts: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for (name, bytes) in files(&server.folder().join("data")) {
        for text in texts {
            let mut windows = bytes.windows(text.len());
            if windows.any(|window| window == text.as_bytes()) {
                all.push(format!("{text} in {name}"));
            }
        }
    }
    all
}

async fn send(caller: &Caller, kind: &str, payload: Json) -> Json {
    let body = json!({"type": kind, "payload": payload});
    let reply = caller.post("/track", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body
}

/// Somebody visits, says who it is, and does something; returns the device.
async fn visit(shop: &Shop, who: &str, address: &str, identity: Json) -> String {
    let id = shop.client["id"].as_str().unwrap();
    let browser = shop
        .server
        .anonymous()
        .with_header("openpanel-client-id", id)
        .with_header("origin", crate::shop::ORIGIN)
        .with_header("user-agent", CHROME)
        .with_header("x-client-ip", address);
    let page = format!("https://shop.example/page-of-{who}");
    let view = json!({"name": "screen_view", "properties": {"__path": page}});
    let ids = send(&browser, "track", view).await;
    let profile = format!("id-of-{who}");
    let mut identity = identity;
    identity["profileId"] = json!(profile);
    send(&browser, "identify", identity).await;
    let bought = json!({
        "name": "bought", "profileId": profile,
        "properties": {"what": format!("event-property-of-{who}")},
    });
    send(&browser, "track", bought).await;
    let recording = json!({
        "chunk_index": 0, "events_count": 1, "is_full_snapshot": true,
        "started_at": crate::support::START, "ended_at": crate::support::START,
        "payload": format!("recording-of-{who}"),
    });
    send(&browser, "replay", recording).await;
    ids["deviceId"].as_str().unwrap().to_owned()
}

/// What callers are told of everybody who is left.
async fn told(server: &TestServer) -> Vec<Json> {
    server.settle().await;
    let mut told = Vec::new();
    for path in [
        "/export/events?projectId=shop&limit=1000&includes=profile",
        "/insights/shop/metrics?startDate=2026-01-01&endDate=2026-02-01",
        "/insights/shop/pages?startDate=2026-01-01&endDate=2026-02-01",
        "/insights/shop/profiles/id-of-bob",
    ] {
        let reply = server.root().get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        told.push(reply.body);
    }
    told
}

/// Lets the time pass that is promised, in which the server looks now and then.
async fn pass_the_time(server: &TestServer) {
    server.compact_if_due().await;
    server.advance(DAY);
    server.compact_if_due().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_profile_nothing_is_left_in_any_file() {
    if paneld_testing::skip_without_duckdb("events are in no file of the server") {
        return;
    }
    let shop = Shop::open().await;
    let anna = json!({
        "firstName": "Annabella-First", "lastName": "Nightingale-Last",
        "email": "anna@secret.example", "avatar": "https://secret.example/anna.png",
        "properties": {"likes": "profile-property-of-anna"},
    });
    let bob = json!({"firstName": "Robert-First", "email": "bob@shop.example"});
    let device = visit(&shop, "anna", "198.51.100.7", anna).await;
    visit(&shop, "bob", "198.51.100.8", bob).await;
    let alias = json!({"profileId": "id-of-anna", "alias": "alias-of-anna"});
    send(&shop.backend, "alias", alias).await;
    let server = shop.server;
    server.settle().await;
    let mut secrets = OF_ANNA.to_vec();
    secrets.extend([device.as_str(), "alias-of-anna"]);
    for secret in &secrets {
        assert_ne!(
            found(&server, &[*secret]),
            [""; 0],
            "{secret} is not found before"
        );
    }

    let path = "/manage/projects/shop/profiles/id-of-anna";
    let erased = server.root().delete(path).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    server.advance(MINUTE * 40);
    server.end_idle_sessions().await;
    let before = told(&server).await;
    assert_ne!(found(&server, &secrets), [""; 0], "nothing was to be done");
    pass_the_time(&server).await;

    // The audit log says who was erased, and no more.
    let kept = ["id-of-anna in catalog.sqlite"];
    let mut left = found(&server, &secrets);
    left.retain(|found| !kept.contains(&found.as_str()));
    assert_eq!(left, [""; 0]);
    assert_eq!(told(&server).await, before);
    let server = server.restart().await;
    let mut left = found(&server, &secrets);
    left.retain(|found| !kept.contains(&found.as_str()));
    assert_eq!(left, [""; 0]);
    assert_eq!(told(&server).await, before);
    for text in OF_BOB {
        assert_ne!(found(&server, &[text]), [""; 0], "{text} is gone, too");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_anew_in_time_and_not_before() {
    if paneld_testing::skip_without_duckdb("events are in no file of the server") {
        return;
    }
    let shop = Shop::open().await;
    visit(
        &shop,
        "anna",
        "198.51.100.7",
        json!({"email": "anna@secret.example"}),
    )
    .await;
    let server = shop.server;
    server.settle().await;
    let inode = |name: &str| {
        use std::os::unix::fs::MetadataExt as _;
        let path = server.folder().join("data").join(name);
        std::fs::metadata(path).unwrap().ino()
    };
    let files = ["events.duckdb", "spool.redb"];
    let before = files.map(inode);
    // Nothing was removed.
    pass_the_time(&server).await;
    assert_eq!(files.map(inode), before);

    let path = "/manage/projects/shop/profiles/id-of-anna";
    assert_eq!(server.root().delete(path).await.status, 200);
    server.settle().await;
    server.compact_if_due().await;
    server.advance(DAY / 2 - MINUTE);
    server.compact_if_due().await;
    assert_eq!(files.map(inode), before, "more removals are waited for");
    server.advance(MINUTE * 2);
    server.compact_if_due().await;
    let after = files.map(inode);
    assert!(
        after[0] != before[0] && after[1] != before[1],
        "it was quiet"
    );
    pass_the_time(&server).await;
    assert_eq!(files.map(inode), after, "once is enough");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_purged_project_and_of_old_events_nothing_is_left_in_any_file() {
    if paneld_testing::skip_without_duckdb("events are in no file of the server") {
        return;
    }
    let shop = Shop::open_with(json!({"retentionDays": 3})).await;
    let other = shop.server.create_project("Other").await["client"].clone();
    visit(
        &shop,
        "anna",
        "198.51.100.7",
        json!({"email": "anna@secret.example"}),
    )
    .await;
    let backend = shop
        .server
        .caller_of(&other)
        .with_header("user-agent", "node");
    let paid = json!({"name": "paid", "profileId": "zoe", "properties": {"by": "property-of-zoe"}});
    send(&backend, "track", paid).await;
    let who = json!({"profileId": "zoe", "email": "zoe@secret.example"});
    send(&backend, "identify", who).await;
    let server = shop.server;
    server.advance(MINUTE * 40);
    server.end_idle_sessions().await;
    server.settle().await;

    let gone = server.root().delete("/manage/projects/other").await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    let old = ["event-property-of-anna", "recording-of-anna"];
    let purged = ["property-of-zoe", "zoe@secret.example"];
    for text in old.iter().chain(&purged) {
        assert_ne!(
            found(&server, &[*text]),
            [""; 0],
            "{text} is not found before"
        );
    }
    server.advance(DAY * 32);
    server.do_chores().await;
    server.retain().await;
    server.settle().await;
    pass_the_time(&server).await;
    let server = server.restart().await;
    assert_eq!(found(&server, &old), [""; 0]);
    assert_eq!(found(&server, &purged), [""; 0]);
    // Profiles are kept for ever.
    assert_ne!(found(&server, &["anna@secret.example"]), [""; 0]);
    server.stop().await;
}
