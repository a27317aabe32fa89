//! A server with the golden data set in it, and the facts that it tells of what it stored.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::{
    data::{ALIASES, DataSet, Sent, What, at, group_payloads, profile_ids},
    model::{
        SERVER_SDK,
        facts::{Event, Facts, Group, INCLUDES, Profile, Session, of_sessions, sessions},
        time::Clock,
    },
    support::{Caller, Reply, START, TestServer},
};

pub(crate) const PROJECT: &str = "golden";
/// A project without any events.
pub(crate) const EMPTY_PROJECT: &str = "empty";

/// So many rows are imported at once.
const ROWS_AT_ONCE: usize = 1_000;

pub(crate) struct World {
    runtime: Runtime,
    server: TestServer,
    caller: Caller,
    events: Vec<Event>,
    sessions: BTreeMap<String, Session>,
    of_sessions: BTreeMap<String, Vec<usize>>,
    profiles: BTreeMap<String, Profile>,
    groups: BTreeMap<String, Group>,
    now: i64,
    /// Organizations have one zone at a time.
    zone: Mutex<()>,
}

/// The world, as it is asked about in a zone.
pub(crate) struct View<'a> {
    pub(crate) facts: Facts,
    pub(crate) zone: &'a str,
    world: &'a World,
    _alone: MutexGuard<'a, ()>,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let data = DataSet::new();
        let (server, caller, events, profiles) = runtime.block_on(async {
            let server = TestServer::start_with(&[
                ("RATE_LIMIT_TRACK", "off"),
                ("RATE_LIMIT_TRACK_VISITOR", "off"),
                ("RATE_LIMIT_INSIGHTS", "off"),
                ("RATE_LIMIT_EXPORT", "off"),
            ])
            .await;
            fill(&server, &data).await;
            let caller = server.root();
            let events = read_events(&caller).await;
            let profiles = read_profiles(&caller).await;
            (server, caller, events, profiles)
        });
        Self {
            sessions: sessions(&events),
            of_sessions: of_sessions(&events),
            groups: groups(&data.sent),
            now: data.now,
            zone: Mutex::new(()),
            runtime,
            server,
            caller,
            events,
            profiles,
        }
    }

    /// Makes this the zone of the organization, until the view is dropped.
    pub(crate) fn in_zone<'a>(&'a self, zone: &'a str) -> View<'a> {
        let alone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        let body = json!({"timezone": zone});
        let set = self.caller.patch("/manage/organization", body);
        assert_eq!(self.runtime.block_on(set).status, 200);
        let aliases = ALIASES.iter();
        let facts = Facts {
            events: self.events.clone(),
            sessions: self.sessions.clone(),
            of_sessions: self.of_sessions.clone(),
            profiles: self.profiles.clone(),
            aliases: aliases
                .map(|(alias, id)| ((*alias).to_owned(), (*id).to_owned()))
                .collect(),
            groups: self.groups.clone(),
            project: PROJECT.to_owned(),
            now: self.now,
            clock: Clock::of(zone),
        };
        View {
            facts,
            zone,
            world: self,
            _alone: alone,
        }
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.server.stop());
    }
}

impl View<'_> {
    /// Asks with these parameters.
    pub(crate) fn get(&self, path: &str, parameters: &[(String, String)]) -> Reply {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let path = format!("{path}?{}", query.finish());
        self.world.runtime.block_on(self.world.caller.get(&path))
    }
}

async fn fill(server: &TestServer, data: &DataSet) {
    let body = json!({"name": "Golden", "cors": ["https://shop.example"]});
    let made = server.root().post("/manage/projects", body).await;
    let client = &made.data()["client"];
    let caller = server
        .caller_of(client)
        .with_header("x-client-ip", "198.51.100.7");
    let backend = caller
        .with_header("user-agent", "node")
        .with_header("openpanel-sdk-name", SERVER_SDK);
    let browsers = caller.with_header("openpanel-sdk-name", "web");
    server.create_project("Empty").await;
    let mut now = at(START);
    let mut advance = |to: i64| {
        server.advance(Duration::from_millis(u64::try_from(to - now).unwrap()));
        now = to;
    };
    for Sent { at, what } in &data.sent {
        advance(*at);
        let reply = match what {
            What::Track { agent, body } => {
                let browser = browsers.with_header("user-agent", agent);
                browser.post("/track", body.clone()).await
            }
            What::ServerTrack(body) => backend.post("/track", body.clone()).await,
            What::EndIdleSessions => {
                server.end_idle_sessions().await;
                continue;
            }
        };
        assert_eq!(reply.status, 200, "{what:?}: {}", reply.text);
    }
    advance(data.now);
    // Else the server would end them by itself, sooner or later.
    server.end_idle_sessions().await;
    // Imports are for clients that may write, or do anything.
    let importer = server.root();
    for (rows, sessions) in [(&data.history, true), (&data.foreign, false)] {
        for rows in in_sessions(rows) {
            let path = format!("/import/events?projectId={PROJECT}&sessions={sessions}");
            let reply = importer.post(&path, rows).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
    }
    server.settle().await;
}

/// Rows in portions; those of one device are in one, for sessions are made of what comes at once.
fn in_sessions(rows: &[Json]) -> Vec<Json> {
    let mut devices = BTreeMap::<String, Vec<&Json>>::new();
    for row in rows {
        devices
            .entry(row["device_id"].to_string())
            .or_default()
            .push(row);
    }
    let mut portions = Vec::<Vec<&Json>>::new();
    for rows in devices.into_values() {
        match portions.last_mut() {
            Some(portion) if portion.len() + rows.len() <= ROWS_AT_ONCE => portion.extend(rows),
            _ => portions.push(rows),
        }
    }
    portions.into_iter().map(|rows| json!(rows)).collect()
}

async fn read_events(caller: &Caller) -> Vec<Event> {
    let mut events = Vec::new();
    for page in 1.. {
        let path = format!(
            "/export/events?projectId={PROJECT}&limit=1000&page={page}&includes={INCLUDES}"
        );
        let reply = caller.get(&path).await;
        let rows = reply.data().as_array().unwrap();
        if rows.is_empty() {
            break;
        }
        let rows = rows.iter().cloned();
        events.extend(rows.map(|row| serde_json::from_value::<Event>(row).unwrap()));
    }
    events
}

async fn read_profiles(caller: &Caller) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    for id in profile_ids() {
        let encoded = url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
        let encoded = encoded.replace('+', "%20");
        let reply = caller
            .get(&format!("/insights/{PROJECT}/profiles/{encoded}"))
            .await;
        if reply.status == 404 {
            continue;
        }
        let row = reply.body["profile"].clone();
        let mut profile = serde_json::from_value::<Profile>(row.clone()).unwrap();
        profile.row = row;
        profiles.insert(id, profile);
    }
    profiles
}

/// The groups, as they were told.
fn groups(sent: &[Sent]) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::<String, Group>::new();
    for Sent { at, what } in sent {
        let What::ServerTrack(body) = what else {
            continue;
        };
        if body["type"] != "group" {
            continue;
        }
        let payload = &body["payload"];
        let text = |json: &Json| match json {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let group = groups.entry(text(&payload["id"])).or_insert_with(|| Group {
            id: text(&payload["id"]),
            kind: text(&payload["type"]),
            name: text(&payload["name"]),
            properties: BTreeMap::new(),
            created_at: *at,
            updated_at: *at,
        });
        group.updated_at = *at;
        if let Some(properties) = payload["properties"].as_object() {
            let told = properties.iter();
            group
                .properties
                .extend(told.map(|(key, value)| (key.clone(), text(value))));
        }
    }
    assert!(groups.len() < group_payloads().len(), "one is told twice");
    groups
}
