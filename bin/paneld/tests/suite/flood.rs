//! One organization floods, in bytes; the others do not notice.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt as _};

use serde_json::{Value as Json, json};

use crate::{
    backends::Backends,
    shop::{CHROME, MINUTE, ORIGIN, view},
    support::{Caller, Reply, TestServer},
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A project that may be tracked for.
#[derive(Clone)]
struct Tenant {
    /// A root client of its organization.
    root: Caller,
    id: String,
    client: Json,
}

impl Tenant {
    async fn new(root: &Caller, name: &str) -> Self {
        let body = json!({"name": name, "cors": [ORIGIN]});
        let made = root.post("/manage/projects", body).await;
        Self {
            root: root.clone(),
            id: made.data()["id"].as_str().unwrap().to_owned(),
            client: made.data()["client"].clone(),
        }
    }

    /// The browser of a visitor.
    fn visitor(&self, server: &TestServer, number: usize) -> Caller {
        let address = format!("198.51.{}.{}", number / 250, number % 250);
        server
            .caller_of(&self.client)
            .with_header("user-agent", CHROME)
            .with_header("x-client-ip", &address)
    }

    async fn get(&self, server: &TestServer, path: &str) -> Json {
        server.settle().await;
        let path = path.replace("{id}", &self.id);
        let reply = self.root.get(&path).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body
    }

    /// The sessions, by id.
    async fn sessions(&self, server: &TestServer) -> BTreeMap<String, Json> {
        let path = "/insights/{id}/sessions?limit=100&range=30d";
        let sessions = self.get(server, path).await;
        let sessions = sessions.as_array().unwrap().iter();
        let by_id = sessions.map(|session| (text(&session["id"]), session.clone()));
        by_id.collect()
    }

    /// The ids of the sessions that have ended.
    async fn ended(&self, server: &TestServer) -> Vec<String> {
        let path = "/export/events?projectId={id}&limit=1000&event=session_end";
        let ends = self.get(server, path).await;
        let ends = ends["data"].as_array().unwrap().iter();
        ends.map(|end| text(&end["sessionId"])).collect()
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

/// A text of so many bytes that nothing else has.
fn filler(bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        text.push_str(&format!("{:032x}", rand::random::<u128>()));
    }
    text.truncate(bytes);
    text
}

/// A view of a page, with as much of everything that sessions have as is taken.
fn big_view() -> Json {
    let mut properties = json!({
        "__path": format!("{ORIGIN}/{}", filler(15 * KIB)),
        "__referrer": format!("https://elsewhere.example/{}", filler(15 * KIB)),
    });
    for name in ["source", "medium", "campaign", "content", "term"] {
        properties[format!("__query.utm_{name}")] = filler(15 * KIB).into();
    }
    for name in [
        "os",
        "osVersion",
        "browser",
        "browserVersion",
        "device",
        "brand",
        "model",
    ] {
        properties[format!("__{name}")] = filler(15 * KIB).into();
    }
    let groups = (0..500).map(|_| filler(200)).collect::<Vec<_>>();
    json!({"type": "track", "payload":
        {"name": "screen_view", "groups": groups, "properties": properties}})
}

/// An event of about so many bytes.
fn event_of(bytes: usize) -> Json {
    let values = (0..bytes / (15 * KIB)).map(|n| (n.to_string(), filler(15 * KIB).into()));
    let properties = values.collect::<serde_json::Map<_, _>>();
    json!({"type": "track", "payload": {"name": "big", "properties": properties}})
}

fn assert_taken(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// A server whose event store is away, so that everything waits in the spool.
async fn start_without_store(spool_limit: &str) -> TestServer {
    let nowhere = "duckdb:/nowhere/at/all/events.duckdb";
    let settings = [("EVENTS_URL", nowhere), ("SPOOL_LIMIT", spool_limit)];
    TestServer::start_with(&settings).await
}

/// How much of the disk the spool takes: its file is longer, for it doubles when it is full.
fn spool_bytes(server: &TestServer) -> usize {
    let file = server.folder().join("data/spool.redb");
    usize::try_from(std::fs::metadata(file).unwrap().blocks() * 512).unwrap()
}

async fn readiness(server: &TestServer) -> (u16, String) {
    let reply = server.anonymous().get("/healthz/ready").await;
    (reply.status.as_u16(), text(&reply.body["status"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_carries_the_beginning_of_what_is_long() {
    let server = TestServer::start().await;
    let tenant = Tenant::new(&server.root(), "Shop").await;
    let visitor = tenant.visitor(&server, 1);
    // Cut within a character, which goes as a whole.
    let screen = format!("x{}", "ä".repeat(2 * KIB));
    let groups = (0..30)
        .map(|group| format!("{group:0>200}"))
        .collect::<Vec<_>>();
    let payload = json!({"name": "screen_view", "groups": groups, "properties": {
        "__path": screen, "__referrer": filler(9 * KIB), "__query.utm_term": filler(9 * KIB)}});
    let body = json!({"type": "track", "payload": payload});
    let session_id = visitor.post("/track", body.clone()).await.body["sessionId"].clone();
    let next = json!({"type": "track", "payload": {"name": "next"}});
    assert_taken(&visitor.post("/track", next).await);

    let sessions = tenant.sessions(&server).await;
    let session = &sessions[session_id.as_str().unwrap()];
    let cut = &screen[..2 * KIB - 1];
    assert_eq!([&session["entry_path"], &session["exit_path"]], [cut, cut]);
    for name in ["referrer", "referrer_name", "utm_term"] {
        assert_eq!(session[name].as_str().unwrap().len(), 2 * KIB, "{name}");
    }
    let kept = session["groups"].as_array().unwrap();
    assert_eq!(kept.len(), 20, "{kept:?}");
    // What was tracked is kept as it was.
    let path =
        "/export/events?projectId={id}&event=screen_view&includes=groups,referrer,properties";
    let events = tenant.get(&server, path).await;
    let event = &events["data"][0];
    assert_eq!(event["path"], screen);
    assert_eq!(event["groups"].as_array().unwrap().len(), 30);
    assert_eq!(
        event["referrer"],
        body["payload"]["properties"]["__referrer"]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_as_big_as_can_be_is_written_three_times_as_big_as_it_came_at_most() {
    let server = start_without_store("1024").await;
    let tenant = Tenant::new(&server.root(), "Shop").await;
    assert_taken(&view(&tenant.visitor(&server, 0), "/").await);
    let (before, mut sent) = (spool_bytes(&server), 0);
    for visitor in 1..60 {
        let body = big_view();
        sent += body.to_string().len();
        assert_taken(&tenant.visitor(&server, visitor).post("/track", body).await);
    }
    let grown = spool_bytes(&server) - before;
    assert!(
        grown <= 3 * sent,
        "{sent} bytes were sent, and {grown} written"
    );
    // What such a session carries is not written again with each of its events.
    let (before, mut events) = (spool_bytes(&server), 0);
    for visitor in (1..60).cycle().take(1_200) {
        let small = json!({"type": "track", "payload": {"name": "small"}});
        assert_taken(&tenant.visitor(&server, visitor).post("/track", small).await);
        events += 1;
    }
    let grown = spool_bytes(&server) - before;
    // Each is a commit of its own here, which costs some pages of 4 KiB; the session is 25 KiB.
    assert!(
        grown <= events * 12 * KIB,
        "{grown} bytes for {events} events"
    );
    server.stop().await;
}

/// Such a session is the same as any other in all that is told of it, whatever comes in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_big_session_is_told_in_full_after_restarts_and_when_it_ends() {
    let mut server = start_without_store("1024").await;
    let tenant = Tenant::new(&server.root(), "Shop").await;
    let big = tenant.visitor(&server, 1).post("/track", big_view()).await;
    let session_id = text(&big.body["sessionId"]);
    for page in 1..=6 {
        server.advance(MINUTE);
        let seen = view(&tenant.visitor(&server, 1), &format!("/{page}")).await;
        assert_eq!(seen.body["sessionId"], session_id.as_str());
        if page % 2 == 0 {
            server = server.restart().await;
        }
    }
    // Another session of the device begins before anything is applied.
    server.advance(40 * MINUTE);
    let next = tenant.visitor(&server, 1).post("/track", big_view()).await;
    let next = text(&next.body["sessionId"]);
    view(&tenant.visitor(&server, 1), "/next").await;
    let store = server.folder().join("data/events.duckdb");
    let there = format!("duckdb:{}", store.display());
    let server = server.restart_with(&[("EVENTS_URL", &there)]).await;
    let tenant = Tenant {
        root: server.root(),
        ..tenant
    };
    let session = |sessions: &BTreeMap<String, Json>, id: &str| {
        let session = &sessions[id];
        ["screen_view_count", "duration", "exit_path", "is_bounce"]
            .map(|column| session[column].clone())
    };
    let sessions = tenant.sessions(&server).await;
    let expected = [json!(7), json!(360_000), json!("/6"), json!(false)];
    assert_eq!(session(&sessions, &session_id), expected);
    assert_eq!(
        sessions[&session_id]["utm_term"].as_str().unwrap().len(),
        2 * KIB
    );
    let expected = [json!(2), json!(0), json!("/next"), json!(false)];
    assert_eq!(session(&sessions, &next), expected);
    // It goes on, ends, and comes late.
    server.advance(MINUTE);
    view(&tenant.visitor(&server, 1), "/late").await;
    server.advance(31 * MINUTE);
    server.end_idle_sessions().await;
    server.advance(31 * MINUTE);
    server.end_idle_sessions().await;
    let expected = [json!(3), json!(60_000), json!("/late"), json!(false)];
    let sessions = tenant.sessions(&server).await;
    assert_eq!(session(&sessions, &next), expected);
    assert_eq!(tenant.ended(&server).await.len(), 2);
    server.stop().await;
}

/// The visits of a few people, and around them a flood that spends the room for sessions.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_early_are_those_of_the_flood() {
    const VISITORS: usize = 5;
    let limit = [("SESSIONS_LIMIT", "100")];
    let server = TestServer::start_with(&limit).await;
    let victim = Tenant::new(&server.root(), "Shop").await;
    let attacker = server.create_organization("Flood").await;
    let flood = Tenant::new(&attacker, "Flood").await;
    let mut expected = BTreeMap::new();
    for visitor in 0..VISITORS {
        let seen = view(&victim.visitor(&server, visitor), "/").await;
        expected.insert(text(&seen.body["sessionId"]), visitor);
    }
    for visitor in 0..100 {
        let caller = flood.visitor(&server, visitor);
        assert_taken(&caller.post("/track", big_view()).await);
    }
    let ended = flood.ended(&server).await.len();
    assert!(ended > 50, "only {ended} were ended");
    // A flood of small ones spends the number in place of the bytes.
    for visitor in 100..300 {
        view(&flood.visitor(&server, visitor), "/").await;
    }
    assert!(flood.ended(&server).await.len() > ended + 50);
    assert!(victim.ended(&server).await.is_empty());

    server.advance(MINUTE);
    let goes_on = |visitor: &usize| visitor % 2 == 1;
    for (session_id, visitor) in &expected {
        if goes_on(visitor) {
            let seen = view(&victim.visitor(&server, *visitor), "/more").await;
            assert_eq!(seen.body["sessionId"], session_id.as_str());
        }
    }
    let sessions = victim.sessions(&server).await;
    assert_eq!(sessions.len(), VISITORS);
    for (session_id, visitor) in &expected {
        let session = &sessions[session_id];
        let (duration, bounced) = match goes_on(visitor) {
            true => (60_000, false),
            false => (0, true),
        };
        assert_eq!(session["duration"], duration);
        assert_eq!(session["is_bounce"], bounced);
    }
    server.stop().await;
}

/// Sends until it is refused, and tells how much was taken.
async fn flood(caller: &Caller, most: usize) -> usize {
    let mut taken = 0;
    loop {
        let body = event_of(120 * KIB);
        let bytes = body.to_string().len();
        let reply = caller.post("/track", body).await;
        if reply.status == 503 {
            assert_ne!(reply.header("retry-after"), "");
            return taken;
        }
        assert_taken(&reply);
        taken += bytes;
        assert!(taken < most, "{taken} bytes were taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_floods_a_spool_is_refused_and_nobody_else() {
    const LIMIT: usize = 4 * MIB;
    let server = start_without_store("4").await;
    let other = server.create_organization("Flood").await;
    let attacker = Tenant::new(&other, "Flood").await;
    let sibling = Tenant::new(&other, "Sibling").await;
    let victim = Tenant::new(&server.root(), "Shop").await;
    // Of servers, for each has no session, and so takes as much room as it sends.
    let backend = |tenant: &Tenant| {
        let caller = server.caller_of(&tenant.client);
        caller.with_header("user-agent", "node")
    };
    let taken = flood(&backend(&attacker), LIMIT).await;
    assert!(taken > LIMIT * 2 / 5, "{taken}");
    assert!(taken < LIMIT * 3 / 5, "{taken}");

    let small = json!({"type": "track", "payload": {"name": "small"}});
    for number in 0..100 {
        assert_taken(&backend(&victim).post("/track", small.clone()).await);
        assert_taken(&view(&victim.visitor(&server, number), "/").await);
        assert_taken(&backend(&sibling).post("/track", small.clone()).await);
        let refused = backend(&attacker).post("/track", small.clone()).await;
        assert_eq!(refused.status, 503, "{}", refused.text);
    }
    assert_eq!(readiness(&server).await, (200, "degraded".to_owned()));

    // However it goes on: also with its other project, and after a restart.
    let taken = flood(&backend(&sibling), LIMIT).await;
    assert!(taken < LIMIT / 3, "{taken}");
    let server = server.restart().await;
    let backend = |tenant: &Tenant| {
        let caller = server.caller_of(&tenant.client);
        caller.with_header("user-agent", "node")
    };
    for tenant in [&attacker, &sibling] {
        let refused = backend(tenant).post("/track", small.clone()).await;
        assert_eq!(refused.status, 503, "{}", refused.text);
    }
    let newcomer = server.create_organization("New").await;
    let newcomer = Tenant::new(&newcomer, "New").await;
    for tenant in [&victim, &newcomer] {
        for _ in 0..50 {
            assert_taken(&backend(tenant).post("/track", small.clone()).await);
        }
    }

    // Once it is applied, everybody has room again.
    let store = server.folder().join("data/events.duckdb");
    let there = format!("duckdb:{}", store.display());
    let server = server.restart_with(&[("EVENTS_URL", &there)]).await;
    server.settle().await;
    for tenant in [&attacker, &sibling, &victim] {
        let caller = server.caller_of(&tenant.client);
        assert_taken(&caller.post("/track", small.clone()).await);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_project_may_fill_the_spool() {
    const LIMIT: usize = 4 * MIB;
    let server = start_without_store("4").await;
    let tenant = Tenant::new(&server.root(), "Shop").await;
    let caller = server.caller_of(&tenant.client);
    let caller = caller.with_header("user-agent", "node");
    let taken = flood(&caller, LIMIT + MIB / 2).await;
    assert!(taken > LIMIT * 9 / 10, "{taken}");
    assert_eq!(readiness(&server).await.0, 503);
    server.stop().await;
}

/// Records of an import are applied, and set aside if they must be, a few at a time.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_import_have_bounds() {
    let server = TestServer::start_on(Backends::asked_for(), &[]).await;
    let tenant = Tenant::new(&server.root(), "Shop").await;
    let caller = server.caller_of(&tenant.client);
    let row = |column: &str, bytes: usize| {
        json!({"name": "old", "created_at": "2026-01-14 08:00:00.000", "device_id": "old",
            "properties": {}, column: filler(bytes)})
    };
    for (column, longest) in [
        ("path", 16 * KIB),
        ("origin", 16 * KIB),
        ("referrer", 16 * KIB),
        ("referrer_name", 16 * KIB),
        ("referrer_type", 255),
        ("region", 255),
        ("city", 255),
        ("os", 255),
        ("model", 255),
        ("sdk_name", 255),
    ] {
        let rows = json!([row(column, longest)]);
        let taken = caller.post("/import/events?sessions=true", rows).await;
        assert_eq!(taken.status, 200, "{column}: {}", taken.text);
        let rows = json!([row(column, 1), row(column, longest + 1)]);
        let refused = caller.post("/import/events", rows).await;
        refused.assert_invalid_body(&[json!([1, column])]);
    }
    server.stop().await;
}
