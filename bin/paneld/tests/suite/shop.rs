//! A project with a page and a server of its own, which track for it.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

pub(crate) const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/126.0.0.0 Safari/537.36";
pub(crate) const ORIGIN: &str = "https://shop.example";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A project with a page that may track for it.
pub(crate) struct Shop {
    pub(crate) server: TestServer,
    /// The id and secret of its write client.
    pub(crate) client: Json,
    /// A visitor's browser.
    pub(crate) browser: Caller,
    /// A server of the shop.
    pub(crate) backend: Caller,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(json!({})).await
    }

    /// The same, with these settings of the project.
    pub(crate) async fn open_with(settings: Json) -> Self {
        Self::open_on(TestServer::start().await, settings).await
    }

    pub(crate) async fn open_on(server: TestServer, settings: Json) -> Self {
        let mut body = json!({"name": "Shop", "cors": [ORIGIN]});
        for (name, value) in settings.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = server.root().post("/manage/projects", body).await;
        let client = made.data()["client"].clone();
        let id = client["id"].as_str().unwrap();
        let browser = server
            .anonymous()
            .with_header("openpanel-client-id", id)
            .with_header("origin", ORIGIN)
            .with_header("user-agent", CHROME)
            .with_header("x-client-ip", "198.51.100.7");
        let backend = server.caller_of(&client).with_header("user-agent", "node");
        Self {
            browser,
            backend,
            client,
            server,
        }
    }

    /// All events, in the order in which they happened.
    pub(crate) async fn events(&self) -> Vec<Json> {
        self.server.settle().await;
        let includes = "properties,origin,referrer,referrerName,revenue,device,groups";
        let path = format!("/export/events?projectId=shop&limit=1000&includes={includes}");
        let reply = self.server.root().get(&path).await;
        let mut events = reply.data().as_array().unwrap().clone();
        events.reverse();
        events
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        let events = self.events().await;
        let names = events.iter().map(|event| text(&event["name"]));
        names.collect()
    }

    pub(crate) async fn profile(&self, id: &str) -> Json {
        self.server.settle().await;
        let path = format!("/insights/shop/profiles/{id}");
        let reply = self.server.root().get(&path).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["profile"].clone()
    }
}

pub(crate) fn text(json: &Json) -> String {
    json.as_str().unwrap().to_owned()
}

pub(crate) async fn track(caller: &Caller, payload: Json) -> Reply {
    send(caller, "track", payload).await
}

pub(crate) async fn send(caller: &Caller, kind: &str, payload: Json) -> Reply {
    let body = json!({"type": kind, "payload": payload});
    caller.post("/track", body).await
}

pub(crate) async fn view(caller: &Caller, page: &str) -> Reply {
    let path = format!("{ORIGIN}{page}");
    let payload = json!({"name": "screen_view", "properties": {"__path": path}});
    let reply = track(caller, payload).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply
}
