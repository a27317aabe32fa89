//! What the event store has no room in memory for does not stand in the way of the rest.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use paneld_domain::{ManualClock, ProjectKey, Sdk, Timestamp, parse_timestamp};
use paneld_enrich::Hints;
use paneld_events::{EventStore, EventsUrl};
use paneld_ingest::{
    Appliers, Arrived, Body, Form, Ingest, IngestSettings, Rows, Salt, Salts, Target, Visitor,
};
use paneld_repository::{CatalogUrl, Repository};
use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _, TableDefinition};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const SHOP: ProjectKey = ProjectKey(7);
const OTHER: ProjectKey = ProjectKey(8);
/// Enough for events, and not for as many big ones as are imported in one record.
const MEMORY: u64 = 32 << 20;

fn now() -> Timestamp {
    parse_timestamp("2026-01-15T10:30:00Z").unwrap()
}

fn target(key: ProjectKey) -> Target {
    Target {
        key,
        organization: "o".parse().unwrap(),
        id: format!("p{}", key.0),
        unwanted: Vec::new(),
    }
}

/// A pipeline of which nothing is applied yet, and what it needs to be.
struct Pipeline {
    ingest: Ingest,
    store: EventStore,
    catalog: Repository,
    folder: TempDir,
}

impl Pipeline {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = IngestSettings {
            spool: folder.path().join("spool.redb"),
            spool_limit: 1 << 30,
            sessions_limit: 100,
            places: None,
        };
        let salts = Salts {
            current: Salt::new([1; 16]),
            previous: Salt::new([2; 16]),
        };
        let clock = ManualClock::starting_at(now()).clock();
        let url = EventsUrl::DuckDb(folder.path().join("events.duckdb"));
        let catalog = CatalogUrl::Sqlite(folder.path().join("catalog.sqlite"));
        Self {
            ingest: Ingest::open(&settings, salts, clock).unwrap(),
            store: EventStore::new(&url, &folder.path().join("temp"), MEMORY),
            catalog: Repository::open(&catalog).await.unwrap(),
            folder,
        }
    }

    async fn track(&self, key: ProjectKey, kind: &str, payload: Json) {
        let body = json!({"type": kind, "payload": payload}).to_string();
        let body = Body::new(body.as_bytes()).unwrap();
        let envelope = body.envelope().unwrap();
        let tracked = paneld_ingest::read(Form::Track, &body, &envelope, now()).unwrap();
        let arrived = Arrived {
            target: Arc::new(target(key)),
            visitor: Visitor {
                address: Ipv4Addr::LOCALHOST.into(),
                user_agent: "node".to_owned(),
                origin: None,
                sdk: Sdk::default(),
                hints: Hints::default(),
                is_secret_authenticated: true,
            },
            at: now(),
            fingerprint: None,
        };
        self.ingest.track(arrived, tracked).await.unwrap();
    }

    /// Events, and imported ones that have no room, again and again.
    async fn track_too_much(&self, key: ProjectKey) {
        let properties = (0..6).map(|number| (format!("p{number}"), json!("v".repeat(16_000))));
        let properties = Json::Object(properties.collect());
        let row = json!({"name": "imported", "created_at": "2026-01-01 00:00:00",
            "device_id": "d", "session_id": "s", "properties": properties});
        let rows = Rows::read(&json!(vec![row; 500]).to_string(), now()).unwrap();
        for number in 0..3 {
            let event = json!({"name": format!("e{number}"), "profileId": "anna"});
            self.track(key, "track", event).await;
            let imported = self
                .ingest
                .import(Arc::new(target(key)), rows.clone(), false, now());
            imported.await.unwrap();
        }
    }

    /// Applies everything.
    async fn apply(&self) {
        let appliers = Appliers::start(&self.ingest, self.store.clone(), self.catalog.clone());
        let settled = tokio::time::timeout(Duration::from_secs(120), appliers.settle());
        settled.await.unwrap();
        appliers.stop().await;
    }

    /// How many records were set aside.
    fn set_aside(self) -> u64 {
        let Self { ingest, folder, .. } = self;
        drop(ingest);
        let spool = Database::open(folder.path().join("spool.redb")).unwrap();
        let table = TableDefinition::<u64, &[u8]>::new("set_aside");
        let read = spool.begin_read().unwrap();
        read.open_table(table).unwrap().len().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_without_room_are_set_aside_and_all_others_are_applied() {
    let pipeline = Pipeline::new().await;
    pipeline.track_too_much(SHOP).await;
    pipeline.apply().await;
    assert!(pipeline.store.is_up().await);
    assert_eq!(pipeline.store.count_events().await.unwrap()[&SHOP], 3);
    assert_eq!(pipeline.set_aside(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_overtakes_what_has_no_room() {
    let pipeline = Pipeline::new().await;
    pipeline.track_too_much(SHOP).await;
    let event = json!({"name": "e", "profileId": "anna"});
    pipeline.track(OTHER, "track", event).await;
    pipeline.ingest.purge(SHOP).await.unwrap();
    pipeline.apply().await;
    let counts = pipeline.store.count_events().await.unwrap();
    assert_eq!(counts.get(&SHOP), None);
    assert_eq!(counts[&OTHER], 1);
    assert_eq!(pipeline.set_aside(), 0);
}
