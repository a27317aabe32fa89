//! Several servers on one catalog.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use paneld::{
    Chores, Server,
    config::{Config, Gathered},
};
use paneld_domain::{ManualClock, parse_timestamp};
use paneld_service::{
    Admin, EventStore, EventStoreSettings, EventsUrl, RegisteredServer, Repository,
};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    backends::Backends,
    support::{Caller, ROOT_ID, ROOT_SECRET, START, no_flags},
};

/// Short, so that tests do not take long; but not so short that a busy machine misses two.
const HEARTBEAT: Duration = Duration::from_millis(800);

/// A catalog, and a folder for each server on it.
struct Place {
    backends: Backends,
    folder: TempDir,
    time: ManualClock,
}

impl Place {
    fn new() -> Self {
        Self {
            backends: Backends::asked_for(),
            folder: tempfile::tempdir().unwrap(),
            time: ManualClock::starting_at(parse_timestamp(START).unwrap()),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration of a server in a folder of this name.
    fn config(&self, name: &str, settings: &[(&str, &str)]) -> Config {
        let catalog = format!("sqlite:{}", self.path("catalog.sqlite").display());
        let data_dir = self.path(name).display().to_string();
        let mut all = HashMap::from([("CATALOG_URL".to_owned(), catalog)]);
        all.extend(self.backends.settings());
        for (name, value) in [
            ("LISTEN", "127.0.0.1:0"),
            ("DATA_DIR", data_dir.as_str()),
            ("BOOTSTRAP_CLIENT_ID", ROOT_ID),
            ("BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET),
            ("RATE_LIMIT_MANAGE", "off"),
        ]
        .iter()
        .chain(settings)
        {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        let environment = all.into_iter();
        let environment =
            environment.map(|(name, value)| (format!("PANELD_{name}").into(), value.into()));
        let gathered = Gathered::gather(&no_flags(), environment).unwrap();
        let config = Config::read(&gathered).unwrap();
        Config {
            heartbeat: HEARTBEAT,
            ..config
        }
    }

    async fn start(&self, name: &str) -> Server {
        let config = self.config(name, &[]);
        Server::start(config, self.time.clock(), Chores::WhenAsked)
            .await
            .unwrap()
    }

    async fn start_without_events(&self, name: &str) -> Server {
        let config = self.config(name, &[("EVENTS_URL", "off")]);
        Server::start(config, self.time.clock(), Chores::WhenAsked)
            .await
            .unwrap()
    }

    async fn repository(&self) -> Repository {
        let catalog = self.config("any", &[]).catalog;
        Repository::open_present(&catalog).await.unwrap()
    }

    async fn admin(&self) -> Admin {
        Admin::new(self.repository().await, self.time.clock())
    }

    /// Purges a deleted project, as the command line does.
    async fn purge(&self, project: &str) {
        let admin = self.admin().await;
        let purged = admin.purge_project(project.parse().unwrap()).await;
        assert!(purged.unwrap());
    }

    async fn listed(&self) -> Vec<RegisteredServer> {
        self.admin().await.list_servers().await.unwrap()
    }

    /// How many projects have something in the event store of a server that is stopped.
    async fn projects_with_events(&self, name: &str) -> usize {
        let store = EventStore::new(EventStoreSettings {
            url: EventsUrl::DuckDb(self.path(name).join("events.duckdb")),
            temp_dir: self.path("temp"),
            memory: 128 * 1024 * 1024,
            spools: Vec::new(),
            journal: PathBuf::new(),
        });
        let projects = store.list_projects().await.unwrap();
        store.close().await;
        projects.len()
    }
}

fn root(server: &Server) -> Caller {
    let url = format!("http://{}", server.address());
    let caller = Caller::anonymous(url);
    let caller = caller.with_header("openpanel-client-id", ROOT_ID);
    caller.with_header("openpanel-client-secret", ROOT_SECRET)
}

fn nobody(server: &Server) -> Caller {
    Caller::anonymous(format!("http://{}", server.address()))
}

async fn make_project(server: &Server, name: &str) {
    let body = json!({"name": name});
    let made = root(server).post("/manage/projects", body).await;
    assert_eq!(made.status, 200, "{}", made.text);
}

fn event() -> Json {
    json!({"type": "track", "payload": {"name": "x"}})
}

async fn track(server: &Server, project: &str) -> u16 {
    let path = format!("/track?projectId={project}");
    root(server).post(&path, event()).await.status.as_u16()
}

/// Waits until something is so, which must come soon.
async fn wait_until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(waited.is_ok(), "waited for {what} in vain");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_with_events_is_refused_and_told_what_to_set() {
    let place = Place::new();
    let one = place.start("one").await;
    make_project(&one, "Shop").await;
    let config = place.config("two", &[]);
    let refused = Server::start(config, place.time.clock(), Chores::WhenAsked).await;
    let sentence = format!("{:#}", refused.unwrap_err());
    let id = &place.listed().await[0].server.id;
    for part in [
        "events_url=off",
        "PANELD_EVENTS_URL=off",
        "stop the other",
        id,
    ] {
        assert!(sentence.contains(part), "{part:?} is not in {sentence}");
    }
    assert_eq!(track(&one, "shop").await, 200);

    // As soon as the first one is stopped, another may take its place.
    one.stop().await.unwrap();
    assert_eq!(place.listed().await, []);
    let two = place.start("two").await;
    assert_eq!(track(&two, "shop").await, 200);
    two.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_events_serves_the_rest_and_says_so() {
    let place = Place::new();
    let events = place.start("events").await;
    make_project(&events, "Shop").await;
    let (one, two) = (
        place.start_without_events("off-1").await,
        place.start_without_events("off-2").await,
    );
    let listed = place.listed().await;
    let kept = listed.iter().map(|listed| listed.server.has_events);
    assert_eq!(kept.collect::<Vec<_>>(), [true, false, false]);
    assert!(listed.iter().all(RegisteredServer::is_live));

    for server in [&one, &two] {
        let ready = nobody(server).get("/healthz/ready").await;
        assert_eq!(
            (ready.status.as_u16(), &ready.body["status"]),
            (200, &json!("ready"))
        );
        let backends = &ready.body["backends"];
        assert_eq!(
            (&backends["events"], &backends["spool"]),
            (&json!("off"), &json!("off"))
        );
        assert_eq!(backends["catalog"], "up");

        let found = root(server).get("/manage/projects/shop").await;
        assert_eq!(found.data()["eventsCount"], 0);
        assert_eq!(root(server).get("/manage/projects").await.ids(), ["shop"]);
        assert_eq!(root(server).get("/manage/me").await.status, 200);

        let row = json!([{"name": "x", "created_at": "2026-01-15 10:00:00"}]);
        for (method, path, body) in [
            (Method::POST, "/track?projectId=shop", Some(event())),
            (Method::POST, "/track/", Some(event())),
            (Method::POST, "/api/track", Some(event())),
            (Method::GET, "/track/device-id", None),
            (Method::POST, "/event", Some(json!({"name": "x"}))),
            (Method::POST, "/profile", Some(json!({"profileId": "p"}))),
            (Method::POST, "/import/events?projectId=shop", Some(row)),
            (Method::GET, "/insights/shop/metrics", None),
            (Method::GET, "/insights/shop/live", None),
            (Method::GET, "/export/events?projectId=shop", None),
            (Method::GET, "/export/charts?projectId=shop", None),
            (Method::GET, "/v1/events/count?projectId=shop", None),
            (Method::DELETE, "/manage/projects/shop/profiles/p", None),
        ] {
            let body = body.map(|body| body.to_string().into_bytes());
            let caller = root(server).with_header("content-type", "application/json");
            let reply = caller.send(method, path, body).await;
            let message = "This server has no event store (events_url=off): call one that has";
            reply.assert_error(503, message);
            assert_eq!(reply.body["code"], "no_event_store", "{path}");
            assert_eq!(reply.header("retry-after"), "60", "{path}");
        }
        // Who has no credentials learns nothing, and what is no route is none.
        for path in [
            "/insights/shop/metrics",
            "/export/events",
            "/manage/projects",
        ] {
            assert_eq!(nobody(server).get(path).await.status, 401, "{path}");
        }
        assert_eq!(root(server).get("/export/nothing").await.status, 404);
    }
    for name in ["off-1", "off-2"] {
        for file in ["spool.redb", "events.duckdb", "tmp"] {
            assert!(!place.path(name).join(file).exists(), "{name}/{file}");
        }
    }
    one.stop().await.unwrap();
    two.stop().await.unwrap();
    assert_eq!(place.listed().await.len(), 1);
    events.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_replaced_stops_taking_events() {
    let place = Place::new();
    let mut one = place.start("one").await;
    make_project(&one, "Shop").await;
    assert_eq!(track(&one, "shop").await, 200);
    // As if it had been paused for long, and another server had seen no heartbeat of it.
    let repository = place.repository().await;
    let mut usurper = place.listed().await.remove(0).server;
    usurper.id = "usurper".to_owned();
    usurper.run = uuid::Uuid::new_v4();
    usurper.heartbeat = Duration::from_secs(600);
    wait_until("a moment between two heartbeats", async || {
        let other = place.listed().await.remove(0);
        let seen = vec![(other.server.run, other.heartbeat_at)];
        let replaced = paneld_repository::GivesWay::Replaced(seen);
        let registered = repository.register_server(usurper.clone(), replaced);
        registered.await.unwrap() == paneld_repository::Registered::Yes
    })
    .await;
    let failed = tokio::time::timeout(Duration::from_secs(30), one.failed()).await;
    let sentence = failed.unwrap().to_string();
    assert!(sentence.contains("usurper"), "{sentence}");
    assert!(sentence.contains("events_url=off"), "{sentence}");
    assert_eq!(track(&one, "shop").await, 503);
    one.stop().await.unwrap();
    // What is the other one's stays.
    assert_eq!(place.listed().await[0].server.id, "usurper");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_registration_was_lost_with_the_catalog_registers_anew() {
    let place = Place::new();
    let one = place.start("one").await;
    make_project(&one, "Shop").await;
    let before = place.listed().await.remove(0);
    let repository = place.repository().await;
    let forgotten = repository.unregister_server(before.server.id.clone(), before.server.run);
    forgotten.await.unwrap();
    assert_eq!(track(&one, "shop").await, 200);
    wait_until("the server to register", async || {
        !place.listed().await.is_empty()
    })
    .await;
    assert_eq!(place.listed().await[0].server, before.server);
    assert_eq!(track(&one, "shop").await, 200);
    one.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_purged_of_a_project_that_another_server_purged() {
    if paneld_testing::skip_without_duckdb("each server has a file of its own") {
        return;
    }
    let place = Place::new();
    let events = place.start("events").await;
    for name in ["Shop", "Kept"] {
        make_project(&events, name).await;
        assert_eq!(track(&events, &name.to_lowercase()).await, 200);
    }
    events.settle().await;
    events.stop().await.unwrap();
    assert_eq!(place.projects_with_events("events").await, 2);

    let other = place.start_without_events("other").await;
    assert_eq!(
        root(&other).delete("/manage/projects/shop").await.status,
        200
    );
    place.purge("shop").await;
    other.upkeep().purge_projects().await.unwrap();
    other.stop().await.unwrap();

    let events = place.start("events").await;
    events.upkeep().purge_projects().await.unwrap();
    events.settle().await;
    let kept = root(&events).get("/export/events?projectId=kept").await;
    assert_eq!(kept.data().as_array().unwrap().len(), 1, "{}", kept.text);
    events.stop().await.unwrap();
    assert_eq!(place.projects_with_events("events").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_purged_while_the_server_runs() {
    let place = Place::new();
    let (events, other) = (
        place.start("events").await,
        place.start_without_events("other").await,
    );
    make_project(&events, "Shop").await;
    assert_eq!(track(&events, "shop").await, 200);
    events.upkeep().purge_projects().await.unwrap();
    assert_eq!(
        root(&other).delete("/manage/projects/shop").await.status,
        200
    );
    place.purge("shop").await;
    other.upkeep().purge_projects().await.unwrap();
    events.upkeep().purge_projects().await.unwrap();
    events.settle().await;
    events.stop().await.unwrap();
    other.stop().await.unwrap();
    assert_eq!(place.projects_with_events("events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_project_that_the_catalog_does_not_know_are_kept() {
    if paneld_testing::skip_without_duckdb("a server has a file of its own") {
        return;
    }
    let place = Place::new();
    let events = place.start("events").await;
    make_project(&events, "Shop").await;
    assert_eq!(track(&events, "shop").await, 200);
    events.settle().await;
    events.stop().await.unwrap();

    // A catalog from before the project was made, which never gave out its key.
    let older = format!("sqlite:{}", place.path("older.sqlite").display());
    for _ in 0..2 {
        let config = place.config("events", &[("CATALOG_URL", older.as_str())]);
        let started = Server::start(config, place.time.clock(), Chores::WhenAsked).await;
        let events = started.unwrap();
        events.upkeep().purge_projects().await.unwrap();
        events.upkeep().retain().await.unwrap();
        events.upkeep().purge_projects().await.unwrap();
        events.settle().await;
        events.stop().await.unwrap();
    }
    assert_eq!(place.projects_with_events("events").await, 1);
}
