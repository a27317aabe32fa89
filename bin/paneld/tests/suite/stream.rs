//! What happens live, as a stream: what is told, to whom, and for how long.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use crate::support::{Caller, ROOT_ID, ROOT_SECRET, TestServer};

const PATH: &str = "/insights/shop/stream";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/126.0.0.0 Safari/537.36";

/// A stream that is read.
struct Stream {
    response: reqwest::Response,
    /// What came and was not read yet.
    rest: String,
}

impl Stream {
    async fn open(caller: &Caller) -> Self {
        Self::open_at(caller, PATH).await
    }

    async fn open_at(caller: &Caller, path: &str) -> Self {
        let response = caller.open(path).await;
        assert_eq!(response.status(), 200);
        Self::of(response)
    }

    fn of(response: reqwest::Response) -> Self {
        Self {
            response,
            rest: String::new(),
        }
    }

    /// The next thing that is said, until the empty line behind it; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((said, rest)) = self.rest.split_once("\n\n") {
                let said = said.to_owned();
                self.rest = rest.to_owned();
                return Some(said);
            }
            let chunk = timeout(Duration::from_secs(10), self.response.chunk()).await;
            let chunk = chunk.unwrap().ok()??;
            self.rest += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// The next event of the stream: its name and data. That nothing happened may be said before.
    async fn next_event(&mut self) -> (String, Json) {
        let mut said = self.next().await.unwrap();
        if said == ": " {
            said = self.next().await.unwrap();
        }
        let (name, data) = said.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        let data = data.strip_prefix("data: ").unwrap();
        (name, serde_json::from_str(data).unwrap())
    }

    async fn assert_next(&mut self, name: &str, data: Json) {
        assert_eq!(self.next_event().await, (name.to_owned(), data));
    }

    async fn assert_end(&mut self) {
        assert_eq!(self.next().await, None);
    }
}

/// A server with two projects, of which the first has visitors; and their callers.
struct Shop {
    server: TestServer,
    client: Json,
}

impl Shop {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let server = TestServer::start_with(settings).await;
        let client = server.create_project("Shop").await["client"].clone();
        server.create_project("Blog").await;
        Self { server, client }
    }

    async fn view(&self, visitor: usize, path: &str) {
        let caller = self.server.caller_of(&self.client);
        let caller = caller
            .with_header("user-agent", CHROME)
            .with_header("x-client-ip", &format!("198.51.100.{visitor}"));
        let payload = json!({"name": "screen_view", "properties": {"__path": path}});
        let body = json!({"type": "track", "payload": payload});
        let reply = caller.post("/track", body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    /// Lets so many seconds pass, with a beat behind.
    async fn pass(&self, seconds: u64) {
        self.server.advance(Duration::from_secs(seconds));
        self.server.beat().await;
    }

    /// A person who signed in.
    async fn sign_in(&self) -> Caller {
        let page = self.server.anonymous();
        let page = page.with_header("x-paneld-console", "1");
        let body = json!({"clientId": ROOT_ID, "clientSecret": ROOT_SECRET});
        let reply = page.post("/console/session", body).await;
        let cookie = reply.header("set-cookie").split(';').next().unwrap();
        page.with_header("cookie", cookie)
    }
}

fn visitors(count: u64) -> Json {
    json!({ "visitors": count })
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_told_at_once_and_events_as_soon_as_reports_have_them() {
    let shop = Shop::start().await;
    let server = &shop.server;
    let mut stream = Stream::open(&server.root()).await;
    let mut other = Stream::open_at(&server.root(), "/insights/blog/stream").await;
    let header = |name: &str| stream.response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-accel-buffering"), "no");
    stream.assert_next("live", visitors(0)).await;
    other.assert_next("live", visitors(0)).await;

    shop.view(1, "/pricing?plan=<b>").await;
    server.settle().await;
    shop.pass(1).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let (name, data) = stream.next_event().await;
        assert_eq!(name, "event");
        told.push(data);
    }
    let names = told.iter().map(|event| event["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["session_start", "screen_view"]);
    let stored = server.root().get("/insights/shop/events").await;
    let stored = stored.body.as_array().unwrap();
    let view = stored.iter().find(|event| event["name"] == "screen_view");
    let view = view.unwrap();
    let expected = json!({"id": view["id"], "name": "screen_view", "path": view["path"],
        "createdAt": "2026-01-15T10:30:00.000Z", "country": ""});
    assert_eq!(told[1], expected);

    // Not before five seconds are over, and not again while it is the same.
    shop.pass(3).await;
    shop.view(2, "/").await;
    server.settle().await;
    shop.pass(1).await;
    for _ in 0..2 {
        assert_eq!(stream.next_event().await.0, "event");
    }
    stream.assert_next("live", visitors(2)).await;
    for _ in 0..3 {
        shop.pass(5).await;
    }
    assert_eq!(stream.next().await.unwrap(), ": ");
    // Nothing of it is told to those who watch something else.
    assert_eq!(other.next().await.unwrap(), ": ");

    // A second stream is told what was counted for the first.
    let mut second = Stream::open(&server.root()).await;
    second.assert_next("live", visitors(2)).await;
    shop.pass(300).await;
    second.assert_next("live", visitors(0)).await;
    stream.assert_next("live", visitors(0)).await;
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_events_are_counted_and_imported_ones_are_not_told() {
    let shop = Shop::start().await;
    let server = &shop.server;
    let mut stream = Stream::open(&server.root()).await;
    stream.assert_next("live", visitors(0)).await;
    let old = json!([{"name": "old", "device_id": "old", "created_at": "2025-12-01 10:00:00"}]);
    let imported = server
        .root()
        .post("/import/events?projectId=shop", old)
        .await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    let long = format!("/{}", "x".repeat(1_000));
    for page in 0..25 {
        let path = if page == 0 {
            long.clone()
        } else {
            format!("/{page}")
        };
        shop.view(1, &path).await;
    }
    server.settle().await;
    shop.pass(1).await;
    let mut events = Vec::new();
    let dropped = loop {
        match stream.next_event().await {
            (name, data) if name == "event" => events.push(data),
            (name, data) if name == "dropped" => break data,
            (name, _) => panic!("{name}"),
        }
    };
    assert_eq!((events.len(), dropped), (20, json!({"count": 6})));
    assert!(events.iter().all(|event| event["name"] != "old"));
    assert_eq!(events[1]["path"].as_str().unwrap().len(), 256);

    // One who comes late is not told of it.
    let mut late = Stream::open(&server.root()).await;
    late.assert_next("live", visitors(0)).await;
    shop.view(1, "/last").await;
    server.settle().await;
    shop.pass(1).await;
    assert_eq!(late.next_event().await.1["path"], "/last");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_said_that_nothing_happens_and_after_ten_minutes_it_ends() {
    let shop = Shop::start().await;
    let mut stream = Stream::open(&shop.server.root()).await;
    stream.assert_next("live", visitors(0)).await;
    for _ in 0..39 {
        shop.pass(15).await;
        assert_eq!(stream.next().await.unwrap(), ": ");
    }
    shop.pass(15).await;
    stream.assert_end().await;
    let mut again = Stream::open(&shop.server.root()).await;
    again.assert_next("live", visitors(0)).await;
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_what_it_was_opened_with() {
    let shop = Shop::start().await;
    let server = &shop.server;
    let (person, root) = (shop.sign_in().await, server.root());
    let reader = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let disabled = server.create_client(reader.clone()).await;
    let rotated = server.create_client(reader.clone()).await;
    let gone = server.create_client(reader.clone()).await;
    let mut streams = Vec::new();
    for caller in [
        person.clone(),
        server.caller_of(&disabled),
        server.caller_of(&rotated),
        server.caller_of(&gone),
        root.clone(),
    ] {
        let mut stream = Stream::open(&caller).await;
        stream.assert_next("live", visitors(0)).await;
        streams.push(stream);
    }
    let path = |client: &Json, more: &str| {
        format!("/manage/clients/{}{more}", client["id"].as_str().unwrap())
    };
    let signed_out = person.delete("/console/session").await;
    assert_eq!(signed_out.status, 204, "{}", signed_out.text);
    let off = path(&disabled, "");
    let off = root.patch(&off, json!({"enabled": false})).await;
    assert_eq!(off.status, 200, "{}", off.text);
    let new = path(&rotated, "/rotate");
    let new = root.post(&new, json!({"gracePeriodSeconds": 0})).await;
    assert_eq!(new.status, 200, "{}", new.text);
    assert_eq!(root.delete(&path(&gone, "")).await.status, 200);

    shop.pass(20).await;
    let mut rest = streams.split_off(4);
    for stream in &mut streams {
        stream.assert_end().await;
    }
    assert_eq!(rest[0].next().await.unwrap(), ": ");
    // The project goes, and with it whoever watches it.
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    shop.pass(20).await;
    rest[0].assert_end().await;
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_watch_at_once_and_no_more() {
    let shop = Shop::start_with(&[("RATE_LIMIT_INSIGHTS", "off")]).await;
    let server = &shop.server;
    let readers = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let reader = server.caller_of(&server.create_client(readers.clone()).await);
    let third = server.caller_of(&server.create_client(readers).await);
    let mut streams = Vec::new();
    for caller in [&server.root(), &reader] {
        for _ in 0..32 {
            streams.push(Stream::open(caller).await);
        }
        let message = "Too many watch what happens live: close some, or try again later";
        let refused = caller.get(PATH).await;
        refused.assert_error(503, message);
        assert_eq!(refused.header("retry-after"), "1");
    }
    // The organization has no more, for whomever.
    assert_eq!(third.get(PATH).await.status, 503);
    let other = server.create_organization("Other").await;
    let made = other
        .post("/manage/projects", json!({"name": "Other"}))
        .await;
    let id = made.data()["id"].as_str().unwrap().to_owned();
    Stream::open_at(&other, &format!("/insights/{id}/stream")).await;

    // A place is free again as soon as the system tells the server that nobody is there, some time
    // after what it says next; and long before the ten minutes are over.
    streams.clear();
    let mut passed = 0;
    let mut again = loop {
        shop.pass(15).await;
        passed += 15;
        assert!(passed < 300, "the places are not free");
        let response = third.open(PATH).await;
        if response.status() == 200 {
            break Stream::of(response);
        }
        assert_eq!(response.status(), 503);
    };
    again.assert_next("live", visitors(0)).await;
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_read_reports_watch() {
    let shop = Shop::start().await;
    let server = &shop.server;
    let writer = server.caller_of(&shop.client).get(PATH).await;
    assert_eq!(writer.status, 401, "{}", writer.text);
    assert_eq!(server.anonymous().get(PATH).await.status, 401);
    let reader = json!({"name": "Reader", "type": "read", "projectId": "blog"});
    let reader = server.caller_of(&server.create_client(reader).await);
    let elsewhere = reader.get(PATH).await;
    elsewhere.assert_error(403, "You do not have access to this project");
    let nowhere = server.root().get("/insights/nowhere/stream").await;
    nowhere.assert_error(404, "Project not found");
    let head = server.root().send(Method::HEAD, PATH, None).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), "text/event-stream");
    let server = shop.server.restart_with(&[("EVENTS_URL", "off")]).await;
    let none = server.root().get(PATH).await;
    assert_eq!(
        (none.status.as_u16(), &none.body["code"]),
        (503, &json!("no_event_store"))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_waits_for_nobody_who_watches() {
    let shop = Shop::start().await;
    let mut stream = Stream::open(&shop.server.root()).await;
    stream.assert_next("live", visitors(0)).await;
    // Far less than the half minute that requests have to finish.
    let stopped = timeout(Duration::from_secs(10), shop.server.stop()).await;
    stopped.unwrap();
    stream.assert_end().await;
}
