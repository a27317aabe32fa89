//! Rotation: a new secret, and a grace for the one it replaces.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, START, TestServer, assert_secret};

const MINUTE: Duration = Duration::from_secs(60);

/// A root client, and its secrets as they come to be.
struct Rotating {
    client: Json,
    path: String,
}

impl Rotating {
    async fn make(server: &TestServer) -> Self {
        let client = server
            .create_client(json!({"name": "CI", "type": "root"}))
            .await;
        let path = format!("/manage/clients/{}/rotate", client["id"].as_str().unwrap());
        Self { client, path }
    }

    fn first_caller(&self, server: &TestServer) -> Caller {
        server.caller_of(&self.client)
    }

    /// Rotates, and returns a caller with the new secret.
    async fn rotate(&self, server: &TestServer, grace: u64) -> Caller {
        let body = json!({"graceSeconds": grace});
        let reply = server.root().post(&self.path, body).await;
        server.caller_of(reply.data())
    }
}

async fn assert_works(caller: &Caller) {
    caller.get("/manage/projects").await.data();
}

async fn assert_ended(caller: &Caller) {
    let refused = caller.get("/manage/projects").await;
    refused.assert_error(401, "Invalid client credentials");
    assert_eq!(refused.body["code"], "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_replaces_the_secret_at_once() {
    let server = TestServer::start().await;
    let root = server.root();
    for body in [
        json!({}),
        json!({"graceSeconds": 0}),
        json!({"unknown": true}),
    ] {
        let rotating = Rotating::make(&server).await;
        let old = rotating.first_caller(&server);
        assert_works(&old).await;
        let reply = root.post(&rotating.path, body).await;
        let secret = assert_secret(&reply.data()["secret"]);
        assert_ne!(rotating.client["secret"], secret);
        assert_eq!(reply.header("cache-control"), "no-store");

        let mut expected = rotating.client.clone();
        expected["secret"] = json!(secret);
        expected["previousSecretExpiresAt"] = json!(null);
        expected["updatedAt"] = reply.data()["updatedAt"].clone();
        assert_eq!(*reply.data(), expected);
        assert_ended(&old).await;
        assert_works(&server.caller_of(reply.data())).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_needs_no_body() {
    let server = TestServer::start().await;
    let rotating = Rotating::make(&server).await;
    let root = server.root();
    let typed = root.with_header("content-type", "application/json");
    for (caller, body) in [(&root, None), (&typed, None), (&typed, Some(Vec::new()))] {
        let reply = caller.send(Method::POST, &rotating.path, body).await;
        assert_eq!(reply.data()["previousSecretExpiresAt"], json!(null));
        assert_works(&server.caller_of(reply.data())).await;
    }
    assert_ended(&rotating.first_caller(&server)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replaced_secret_lives_on_for_the_grace() {
    let server = TestServer::start().await;
    let rotating = Rotating::make(&server).await;
    let old = rotating.first_caller(&server);
    server.advance(MINUTE);
    let body = json!({"graceSeconds": 3600});
    let reply = server.root().post(&rotating.path, body).await;
    let mut expected = rotating.client.clone();
    expected["secret"] = reply.data()["secret"].clone();
    expected["previousSecretExpiresAt"] = json!("2026-01-15T11:31:00.000Z");
    expected["updatedAt"] = json!("2026-01-15T10:31:00.000Z");
    assert_eq!(reply.body, json!({"data": expected}));

    let new = server.caller_of(reply.data());
    assert_works(&old).await;
    assert_works(&new).await;
    server.advance(Duration::from_millis(3_599_999));
    assert_works(&old).await;
    server.advance(Duration::from_millis(1));
    assert_ended(&old).await;
    assert_works(&new).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_older_than_the_replaced_one_end_at_once() {
    let server = TestServer::start().await;
    let rotating = Rotating::make(&server).await;
    let first = rotating.first_caller(&server);
    let second = rotating.rotate(&server, 3600).await;
    assert_works(&first).await;
    let third = rotating.rotate(&server, 60).await;
    assert_ended(&first).await;
    assert_works(&second).await;
    assert_works(&third).await;

    // Without a grace all older ones end.
    let fourth = rotating.rotate(&server, 0).await;
    for ended in [&first, &second, &third] {
        assert_ended(ended).await;
    }
    assert_works(&fourth).await;
    // What ended does not come back with a later grace.
    let fifth = rotating.rotate(&server, 3600).await;
    for ended in [&first, &second, &third] {
        assert_ended(ended).await;
    }
    assert_works(&fourth).await;
    assert_works(&fifth).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_is_from_none_to_a_week() {
    let server = TestServer::start().await;
    let rotating = Rotating::make(&server).await;
    let root = server.root();
    let week = json!({"graceSeconds": 604_800});
    let reply = root.post(&rotating.path, week).await;
    assert_eq!(
        reply.data()["previousSecretExpiresAt"],
        "2026-01-22T10:30:00.000Z"
    );
    let present = server.caller_of(reply.data());
    for grace in [
        json!(604_801),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!("60"),
        json!(true),
        json!(null),
        json!([60]),
        json!({}),
    ] {
        let reply = root
            .post(&rotating.path, json!({"graceSeconds": grace}))
            .await;
        reply.assert_invalid_body(&[json!(["graceSeconds"])]);
    }
    for body in [json!(null), json!([]), json!(60), json!("60")] {
        let reply = root.post(&rotating.path, body).await;
        reply.assert_invalid_body(&[json!([])]);
    }
    assert_works(&present).await;
    assert_works(&rotating.first_caller(&server)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_rotate_itself_even_the_last_root() {
    let server = TestServer::start().await;
    let root = server.root();
    let me = root.get("/manage/me").await;
    let id = me.data()["client"]["id"].as_str().unwrap();
    let path = format!("/manage/clients/{id}/rotate");
    let mut caller = root;
    for _ in 0..3 {
        let reply = caller.post(&path, json!({})).await;
        let next = server.caller_of(reply.data());
        assert_ended(&caller).await;
        assert_works(&next).await;
        caller = next;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rotations_at_the_same_time_one_secret_remains() {
    let server = TestServer::start().await;
    let rotating = Rotating::make(&server).await;
    let rotations = (0..8).map(|_| {
        let (root, path) = (server.root(), rotating.path.clone());
        tokio::spawn(async move { root.post(&path, json!({})).await })
    });
    let rotations = rotations.collect::<Vec<_>>();
    let mut callers = Vec::new();
    for rotation in rotations {
        callers.push(server.caller_of(rotation.await.unwrap().data()));
    }
    let mut working = 0;
    for caller in callers {
        working += usize::from(caller.get("/manage/projects").await.status == 200);
    }
    assert_eq!(working, 1);
    assert_ended(&rotating.first_caller(&server)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_enables_nothing() {
    let server = TestServer::start().await;
    let root = server.root();
    let client = server
        .create_client(json!({"name": "CI", "type": "root", "enabled": false}))
        .await;
    let path = format!("/manage/clients/{}/rotate", client["id"].as_str().unwrap());
    let reply = root.post(&path, json!({})).await;
    assert_eq!(reply.data()["enabled"], false);
    let refused = server.caller_of(reply.data()).get("/manage/projects").await;
    refused.assert_error(401, "Client is disabled");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_cannot_be_rotated() {
    let server = TestServer::start().await;
    let root = server.root();
    for id in ["1af09627-2dd7-4b37-9e5c-6ffa7e450e85", "x", "%20", "%FF"] {
        let path = format!("/manage/clients/{id}/rotate");
        let reply = root.post(&path, json!({})).await;
        reply.assert_error(404, "Client not found");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_survives_a_restart() {
    let server = TestServer::start().await;
    let rotating = Rotating::make(&server).await;
    let first = rotating.rotate(&server, 60).await;
    drop(first);
    let reply = server
        .root()
        .post(&rotating.path, json!({"graceSeconds": 60}))
        .await;
    let new = reply.data().clone();
    assert_eq!(new["createdAt"], START);

    let server = server.restart().await;
    assert_ended(&rotating.first_caller(&server)).await;
    assert_works(&server.caller_of(&new)).await;
    let newest = rotating.rotate(&server, 60).await;
    assert_works(&server.caller_of(&new)).await;
    server.advance(MINUTE);
    assert_ended(&server.caller_of(&new)).await;
    assert_works(&newest).await;
    server.stop().await;
}
