//! Forgetting a profile: `docs/contract/manage.md` §8.2.

use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/126.0.0.0 Safari/537.36";

/// Somebody's browser.
fn visitor(server: &TestServer, client: &Json, address: &str) -> Caller {
    let caller = server.caller_of(client);
    caller
        .with_header("user-agent", CHROME)
        .with_header("x-client-ip", address)
}

async fn send(caller: &Caller, kind: &str, payload: Json) {
    let body = json!({"type": kind, "payload": payload});
    let reply = caller.post("/track", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

async fn erase(server: &TestServer, profile: &str) -> Reply {
    let path = format!("/manage/projects/shop/profiles/{profile}");
    server.root().delete(&path).await
}

async fn names(server: &TestServer) -> Vec<String> {
    server.settle().await;
    let events = "/export/events?projectId=shop&limit=1000";
    let reply = server.root().get(events).await;
    let events = reply.data().as_array().unwrap().iter();
    let mut names = events
        .map(|event| event["name"].as_str().unwrap().to_owned())
        .collect::<Vec<_>>();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_forgotten_profile_nothing_is_left_and_of_others_everything() {
    let server = TestServer::start().await;
    let client = server.create_project("Shop").await["client"].clone();
    let anna = visitor(&server, &client, "198.51.100.7");
    let bob = visitor(&server, &client, "198.51.100.8");
    // Before she says who she is, and after; nothing is waited for in between.
    send(&anna, "track", json!({"name": "anonymous"})).await;
    send(
        &anna,
        "identify",
        json!({"profileId": "anna", "firstName": "Anna"}),
    )
    .await;
    send(
        &anna,
        "track",
        json!({"name": "known", "profileId": "anna"}),
    )
    .await;
    let elsewhere = server.caller_of(&client).with_header("user-agent", "node");
    send(
        &elsewhere,
        "alias",
        json!({"profileId": "anna", "alias": "a@shop.example"}),
    )
    .await;
    let renamed = json!({"name": "renamed", "profileId": "a@shop.example"});
    send(&elsewhere, "track", renamed).await;
    send(&bob, "track", json!({"name": "other", "profileId": "bob"})).await;
    send(
        &bob,
        "identify",
        json!({"profileId": "bob", "firstName": "Bob"}),
    )
    .await;

    let reply = erase(&server, "anna").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    // The start of her session, and three events.
    let deleted = json!({"profiles": 1, "events": 4, "sessions": 1});
    assert_eq!(reply.body, json!({"success": true, "deleted": deleted}));
    assert_eq!(names(&server).await, ["other", "session_start"]);
    for id in ["anna", "a@shop.example"] {
        let path = format!("/insights/shop/profiles/{id}");
        let found = server.root().get(&path).await;
        found.assert_error(404, "Profile not found");
        erase(&server, id)
            .await
            .assert_error(404, "Profile not found");
    }
    let bob = server.root().get("/insights/shop/profiles/bob").await;
    assert_eq!(bob.body["profile"]["first_name"], "Bob", "{}", bob.text);

    // Whoever comes back is somebody new, with a session that is whole.
    send(&anna, "track", json!({"name": "back"})).await;
    let expected = ["back", "other", "session_start", "session_start"];
    assert_eq!(names(&server).await, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_only_left_events_can_be_forgotten() {
    let server = TestServer::start().await;
    let client = server.create_project("Shop").await["client"].clone();
    let backend = server.caller_of(&client).with_header("user-agent", "node");
    for _ in 0..3 {
        send(
            &backend,
            "track",
            json!({"name": "paid", "profileId": "carl"}),
        )
        .await;
    }
    let reply = erase(&server, "carl").await;
    let deleted = json!({"profiles": 0, "events": 3, "sessions": 0});
    assert_eq!(reply.body["deleted"], deleted, "{}", reply.text);
    assert!(names(&server).await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_manage_the_project_forgets_and_it_is_written_down() {
    let server = TestServer::start().await;
    let client = server.create_project("Shop").await["client"].clone();
    let backend = server.caller_of(&client).with_header("user-agent", "node");
    send(
        &backend,
        "identify",
        json!({"profileId": "anna", "firstName": "Anna"}),
    )
    .await;
    let path = "/manage/projects/shop/profiles/anna";
    assert_eq!(server.anonymous().delete(path).await.status, 401);
    assert_eq!(backend.delete(path).await.status, 401);
    let stranger = server.create_organization("Other").await;
    let refused = stranger.delete(path).await;
    refused.assert_error(404, "Project not found");
    for project in ["nowhere", "N0%20PE"] {
        let path = format!("/manage/projects/{project}/profiles/anna");
        let refused = server.root().delete(&path).await;
        refused.assert_error(404, "Project not found");
    }
    let nobody = erase(&server, "nobody").await;
    nobody.assert_error(404, "Profile not found");

    let reply = erase(&server, "anna").await;
    assert_eq!(reply.body["deleted"]["profiles"], 1, "{}", reply.text);
    let audit = server.root().get("/manage/audit?resource=profile").await;
    let entries = audit.data().as_array().unwrap().clone();
    assert_eq!(entries.len(), 1, "{}", audit.text);
    assert_eq!(entries[0]["action"], "profile.delete");
    assert_eq!(entries[0]["resourceId"], "anna");
    assert_eq!(entries[0]["requestId"], reply.header("request-id"));
    assert!(!audit.text.contains("Anna"), "{}", audit.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_event_store_is_away_nobody_is_forgotten() {
    if paneld_testing::skip_without_duckdb("the file of the event store is moved away") {
        return;
    }
    let server = TestServer::start().await;
    let client = server.create_project("Shop").await["client"].clone();
    let backend = server.caller_of(&client).with_header("user-agent", "node");
    send(
        &backend,
        "identify",
        json!({"profileId": "anna", "firstName": "Anna"}),
    )
    .await;
    server.settle().await;
    let data = server.folder().join("data");
    let (file, hidden) = (data.join("events.duckdb"), data.join("hidden"));
    std::fs::rename(&file, &hidden).unwrap();
    let refused = erase(&server, "anna").await;
    refused.assert_error(503, "The service is temporarily unavailable");
    assert_ne!(refused.header("retry-after"), "");
    let known = server.root().get("/manage/audit?resource=profile").await;
    assert_eq!(known.data(), &json!([]));
    std::fs::rename(&hidden, &file).unwrap();
    let reply = erase(&server, "anna").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    server.stop().await;
}
