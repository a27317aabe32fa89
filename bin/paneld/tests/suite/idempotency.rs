//! `Idempotency-Key`: what is asked for twice is done once.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, ROOT_ID, ROOT_SECRET, Reply, START, TestServer};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const OTHER_REQUEST: &str =
    "The idempotency key was used for another request, or with another secret";

fn with_key(caller: &Caller, key: &str) -> Caller {
    caller.with_header("idempotency-key", key)
}

/// Demands that a reply is the first one of its key.
fn assert_first(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(!reply.headers.contains_key("idempotent-replayed"));
}

/// Demands that a reply is the first one once more.
fn assert_replayed(reply: &Reply, first: &Reply) {
    assert_eq!(reply.status, first.status, "{}", reply.text);
    assert_eq!(reply.text, first.text);
    assert_eq!(reply.header("idempotent-replayed"), "true");
    for header in ["content-type", "cache-control"] {
        assert_eq!(reply.header(header), first.header(header));
    }
    assert_eq!(reply.header("cache-control"), "no-store");
}

fn assert_is_another(reply: &Reply) {
    reply.assert_error(409, OTHER_REQUEST);
    // Coming again does not help.
    assert!(!reply.headers.contains_key("retry-after"));
}

/// A server with a project and a client to rotate.
struct Ground {
    server: TestServer,
    rotate: String,
}

impl Ground {
    async fn prepare() -> Self {
        let server = TestServer::start().await;
        server.create_project("Base").await;
        let body = json!({"name": "Rotating", "type": "root"});
        let client = server.create_client(body).await;
        let rotate = format!("/manage/clients/{}/rotate", client["id"].as_str().unwrap());
        Self { server, rotate }
    }

    /// Every request that makes something, with a body that makes sense.
    fn creations(&self) -> [(&str, Json); 5] {
        let reference = json!({"projectId": "base", "title": "Launch", "datetime": START});
        [
            ("/manage/projects", json!({"name": "Shop"})),
            ("/manage/clients", json!({"name": "CI", "type": "root"})),
            ("/manage/references", reference),
            (&self.rotate, json!({})),
            (&self.rotate, json!({"graceSeconds": 60})),
        ]
    }
}

/// How many changes there were.
async fn changes(server: &TestServer) -> usize {
    let log = server.root().get("/manage/audit?limit=1000").await;
    log.data().as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_gets_the_same_reply_and_does_nothing() {
    let ground = Ground::prepare().await;
    for (number, (path, body)) in ground.creations().into_iter().enumerate() {
        let caller = with_key(&ground.server.root(), &format!("key-{number}"));
        let first = caller.post(path, body.clone()).await;
        assert_first(&first);
        let before = changes(&ground.server).await;
        for _ in 0..2 {
            assert_replayed(&caller.post(path, body.clone()).await, &first);
        }
        assert_eq!(changes(&ground.server).await, before, "{path}");
        let made = &first.data()["client"];
        let made = if made.is_null() { first.data() } else { made };
        if made["secret"].is_string() {
            let status = ground.server.caller_of(made).get("/manage/me").await.status;
            assert_eq!(status, 200, "{path}: the secret of the reply works");
        }
    }
    ground.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_everything_is_done_again() {
    let ground = Ground::prepare().await;
    for (path, body) in ground.creations() {
        let first = ground.server.root().post(path, body.clone()).await;
        let second = ground.server.root().post(path, body).await;
        assert_first(&first);
        assert_first(&second);
        assert_ne!(first.text, second.text);
    }
    ground.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_the_key_is_refused() {
    let ground = Ground::prepare().await;
    let caller = with_key(&ground.server.root(), "key");
    let first = caller
        .post("/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_first(&first);
    let before = changes(&ground.server).await;
    for (path, body) in ground.creations() {
        let body = if path == "/manage/projects" {
            json!({"name": "Another"})
        } else {
            body
        };
        assert_is_another(&caller.post(path, body).await);
    }
    // It is the text that counts, not what it means.
    let spaced = caller
        .send_text(Method::POST, "/manage/projects", "{\"name\": \"Shop\"}")
        .await;
    assert_is_another(&spaced);
    assert_eq!(changes(&ground.server).await, before);
    let again = caller
        .post("/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_replayed(&again, &first);
    ground.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_the_same_time_one_is_carried_out() {
    let ground = Ground::prepare().await;
    for (number, (path, body)) in ground.creations().into_iter().enumerate() {
        let caller = with_key(&ground.server.root(), &format!("key-{number}"));
        let before = changes(&ground.server).await;
        let requests = (0..8).map(|_| {
            let (caller, path, body) = (caller.clone(), path.to_owned(), body.clone());
            tokio::spawn(async move { caller.post(&path, body).await })
        });
        let mut first = None;
        let mut others = Vec::new();
        for request in requests.collect::<Vec<_>>() {
            let reply = request.await.unwrap();
            if reply.status == 200 && !reply.headers.contains_key("idempotent-replayed") {
                assert!(first.is_none(), "{path}: it was carried out twice");
                first = Some(reply);
            } else {
                others.push(reply);
            }
        }
        let first = first.unwrap();
        for other in others {
            if other.status == 200 {
                assert_replayed(&other, &first);
            } else {
                other.assert_error(
                    409,
                    "A request of the same idempotency key is still running",
                );
                assert_eq!(other.header("retry-after"), "1");
            }
        }
        assert_replayed(&caller.post(path, body).await, &first);
        // A project comes with a client.
        let made = changes(&ground.server).await - before;
        assert_eq!(
            made,
            if path == "/manage/projects" { 2 } else { 1 },
            "{path}"
        );
    }
    ground.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_to_255_visible_characters() {
    let server = TestServer::start().await;
    let root = server.root();
    let body = || json!({"name": "Shop"});
    for key in ["a", "!~", "\"quoted,even;\"", &"x".repeat(255)] {
        let first = with_key(&root, key).post("/manage/projects", body()).await;
        assert_first(&first);
        let again = with_key(&root, key).post("/manage/projects", body()).await;
        assert_replayed(&again, &first);
    }
    let before = changes(&server).await;
    let long = "x".repeat(256);
    for keys in [
        vec![""],
        vec!["a b"],
        vec![&long],
        vec!["a", "a"],
        vec!["a", ""],
    ] {
        let caller = keys
            .iter()
            .fold(root.clone(), |caller, key| with_key(&caller, key));
        for (path, body) in [
            ("/manage/projects", body()),
            ("/manage/clients", json!({"name": "CI", "type": "root"})),
            ("/manage/references", json!({})),
        ] {
            let reply = caller.post(path, body).await;
            assert_names_the_header(&reply.body);
            reply.assert_error(400, "Invalid request headers");
        }
    }
    for key in ["\u{e9}", "a\tb", "🔑"] {
        let reply = server.send_bytes(
            format!(
                "POST /manage/projects HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                 openpanel-client-id: {ROOT_ID}\r\nopenpanel-client-secret: {ROOT_SECRET}\r\n\
                 Idempotency-Key: {key}\r\nContent-Type: application/json\r\n\
                 Content-Length: 15\r\n\r\n{{\"name\":\"Shop\"}}"
            )
            .as_bytes(),
        );
        assert!(reply.starts_with("HTTP/1.1 400 "), "{key}: {reply}");
        let (_, body) = reply.split_once("\r\n\r\n").unwrap();
        assert_names_the_header(&serde_json::from_str(body).unwrap());
    }
    assert_eq!(changes(&server).await, before);
    server.stop().await;
}

fn assert_names_the_header(body: &Json) {
    let details = body["details"].as_array().unwrap();
    let paths = details.iter().map(|detail| &detail["path"]);
    assert_eq!(paths.collect::<Vec<_>>(), [&json!(["Idempotency-Key"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_clients_own() {
    let server = TestServer::start().await;
    let spare = server
        .create_client(json!({"name": "Spare", "type": "root"}))
        .await;
    let stranger = server.create_organization("Other").await;
    let mut ids = Vec::new();
    for caller in [server.root(), server.caller_of(&spare), stranger] {
        let caller = with_key(&caller, "key");
        let first = caller
            .post("/manage/projects", json!({"name": "Shop"}))
            .await;
        assert_first(&first);
        ids.push(first.data()["id"].to_string());
        let again = caller
            .post("/manage/projects", json!({"name": "Shop"}))
            .await;
        assert_replayed(&again, &first);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_the_same_however_it_shows_itself() {
    let server = TestServer::start().await;
    let body = || json!({"name": "Shop"});
    let first = with_key(&server.root(), "key")
        .post("/manage/projects", body())
        .await;
    assert_first(&first);
    let pair = STANDARD.encode(format!("{ROOT_ID}:{ROOT_SECRET}"));
    let authorized = |scheme: &str| {
        let authorization = format!("{scheme} {pair}");
        server
            .anonymous()
            .with_header("authorization", &authorization)
    };
    for caller in [
        authorized("Basic"),
        authorized("Bearer"),
        server.caller(&ROOT_ID.to_uppercase(), ROOT_SECRET),
    ] {
        let again = with_key(&caller, "key")
            .post("/manage/projects", body())
            .await;
        assert_replayed(&again, &first);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_free_again_after_a_day() {
    for with_chores in [false, true] {
        let ground = Ground::prepare().await;
        let server = &ground.server;
        for (number, (path, body)) in ground.creations().into_iter().enumerate() {
            let caller = with_key(&server.root(), &format!("key-{number}"));
            let first = caller.post(path, body.clone()).await;
            assert_first(&first);
            server.advance(DAY - Duration::from_micros(1));
            if with_chores {
                server.do_chores().await;
            }
            assert_replayed(&caller.post(path, body.clone()).await, &first);
            server.advance(Duration::from_micros(1));
            if with_chores {
                server.do_chores().await;
            }
            let second = caller.post(path, body.clone()).await;
            assert_first(&second);
            assert_ne!(second.text, first.text);
            // The day begins anew.
            server.advance(DAY - Duration::from_micros(1));
            assert_replayed(&caller.post(path, body).await, &second);
        }
        // For another request as well.
        server.advance(DAY);
        let caller = with_key(&server.root(), "key-0");
        assert_first(
            &caller
                .post("/manage/projects", json!({"name": "New"}))
                .await,
        );
        ground.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_failed_may_be_corrected_under_its_key() {
    let settings = [
        ("ALLOW_ROOT_CREATION", "false"),
        ("RATE_LIMIT_MANAGE", "100/1h"),
    ];
    let server = TestServer::start_with(&settings).await;
    server.create_project("Base").await;
    let caller = with_key(&server.root(), "key");
    let wrong = with_key(&server.caller(ROOT_ID, "a-wrong-secret-0123456789"), "key");
    for (caller, path, body, status) in [
        (&wrong, "/manage/projects", json!({"name": "Shop"}), 401),
        (&caller, "/manage/projects", json!({"name": ""}), 400),
        (
            &caller,
            "/manage/clients",
            json!({"name": "x", "type": "read"}),
            400,
        ),
        (
            &caller,
            "/manage/clients",
            json!({"name": "x", "type": "root"}),
            403,
        ),
        (
            &caller,
            "/manage/clients",
            json!({"name": "x", "projectId": "absent"}),
            404,
        ),
        (&caller, "/manage/clients/x/rotate", json!({}), 404),
        (&caller, "/manage/absent", json!({}), 404),
    ] {
        let failed = caller.post(path, body.clone()).await;
        assert_eq!(failed.status, status, "{path} {body}: {}", failed.text);
    }
    let body = json!({"name": "x", "projectId": "base"});
    let first = caller.post("/manage/clients", body.clone()).await;
    assert_first(&first);
    assert_replayed(&caller.post("/manage/clients", body).await, &first);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_reply_is_for_callers_who_may_still_call() {
    let server = TestServer::start().await;
    let root = server.root();
    let spare = server
        .create_client(json!({"name": "Spare", "type": "root"}))
        .await;
    let path = format!("/manage/clients/{}", spare["id"].as_str().unwrap());
    let caller = with_key(&server.caller_of(&spare), "key");
    let body = || json!({"name": "Shop"});
    let first = caller.post("/manage/projects", body()).await;
    assert_first(&first);

    root.patch(&path, json!({"enabled": false})).await.data();
    let refused = caller.post("/manage/projects", body()).await;
    refused.assert_error(401, "Client is disabled");
    root.patch(&path, json!({"enabled": true})).await.data();
    assert_replayed(&caller.post("/manage/projects", body()).await, &first);

    let id = spare["id"].as_str().unwrap();
    let guesser = server.caller(id, "a-wrong-secret-0123456789");
    let refused = with_key(&guesser, "key")
        .post("/manage/projects", body())
        .await;
    refused.assert_error(401, "Invalid client credentials");

    assert_eq!(root.delete(&path).await.status, 200);
    let refused = caller.post("/manage/projects", body()).await;
    refused.assert_error(401, "Invalid client credentials");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_charged_like_any_request() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "3/1h")]).await;
    let caller = with_key(&server.root(), "key");
    let body = || json!({"name": "Shop"});
    let first = caller.post("/manage/projects", body()).await;
    assert_first(&first);
    for left in ["1", "0"] {
        let again = caller.post("/manage/projects", body()).await;
        assert_replayed(&again, &first);
        assert_eq!(again.header("x-ratelimit-remaining"), left);
    }
    let limited = caller.post("/manage/projects", body()).await;
    limited.assert_error(429, "You have exceeded the rate limit for this endpoint.");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rotation_of_the_caller_ends_its_replays() {
    let server = TestServer::start().await;
    let body = || json!({"name": "Shop"});
    for grace in [0, 60] {
        let spare = server
            .create_client(json!({"name": "Spare", "type": "root"}))
            .await;
        let rotate = format!("/manage/clients/{}/rotate", spare["id"].as_str().unwrap());
        let old = with_key(&server.caller_of(&spare), "key");
        let first = old.post("/manage/projects", body()).await;
        assert_first(&first);
        let rotated = server
            .root()
            .post(&rotate, json!({"graceSeconds": grace}))
            .await;
        let new = with_key(&server.caller_of(rotated.data()), "key");
        let before = changes(&server).await;
        assert_is_another(&new.post("/manage/projects", body()).await);
        assert_eq!(changes(&server).await, before);
        let again = old.post("/manage/projects", body()).await;
        if grace == 0 {
            again.assert_error(401, "Invalid client credentials");
        } else {
            assert_replayed(&again, &first);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_rotates_itself_with_a_grace_may_ask_again_for_the_reply() {
    let server = TestServer::start().await;
    let caller = with_key(&server.root(), "key");
    let rotate = format!("/manage/clients/{ROOT_ID}/rotate");
    let body = || json!({"graceSeconds": 60});
    let first = caller.post(&rotate, body()).await;
    assert_first(&first);
    assert_replayed(&caller.post(&rotate, body()).await, &first);
    server
        .caller_of(first.data())
        .get("/manage/clients")
        .await
        .data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_creations_heed_the_header() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    // Not even one that is no key.
    for key in ["key", "not a key"] {
        let caller = with_key(&server.root(), key);
        for name in ["One", "Two"] {
            let body = json!({"name": name});
            let patched = caller.patch("/manage/projects/shop", body).await;
            assert_eq!(patched.data()["name"], name);
            assert_first(&patched);
            let read = caller.get("/manage/projects/shop").await;
            assert_eq!(read.data()["name"], name);
            assert_first(&read);
        }
        for _ in 0..2 {
            assert_first(&caller.delete("/manage/projects/shop").await);
        }
        let restored = caller.patch("/manage/projects/shop", json!({})).await;
        assert_first(&restored);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_reply_survives_a_restart() {
    let ground = Ground::prepare().await;
    let mut kept = Vec::new();
    for (number, (path, body)) in ground.creations().into_iter().enumerate() {
        let key = format!("key-{number}");
        let first = with_key(&ground.server.root(), &key)
            .post(path, body.clone())
            .await;
        assert_first(&first);
        kept.push((key, path.to_owned(), body, first));
    }
    let server = ground.server.restart().await;
    for (key, path, body, first) in kept {
        let again = with_key(&server.root(), &key).post(&path, body).await;
        assert_replayed(&again, &first);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_kept_beyond_what_it_tells_of() {
    let server = TestServer::start().await;
    let caller = with_key(&server.root(), "key");
    let body = || json!({"name": "CI", "type": "root"});
    let first = caller.post("/manage/clients", body()).await;
    let path = format!("/manage/clients/{}", first.data()["id"].as_str().unwrap());
    assert_eq!(server.root().delete(&path).await.status, 200);
    assert_replayed(&caller.post("/manage/clients", body()).await, &first);
    assert_eq!(server.root().get(&path).await.status, 404);
    server.stop().await;
}
