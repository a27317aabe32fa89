//! Stores in temporary folders, and rows to put there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use paneld_analytics::{EventSelection, EventsStart, RawEventsRequest, Window};
use paneld_domain::{
    Agent, BotVisit, Event, Place, ProjectKey, Referrer, ReplayChunk, Sdk, Session, Timestamp, Utm,
};
use paneld_events::{
    Batch, EventStore, EventStoreSettings, EventsPage, EventsUrl, Scope, StoreChange,
};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const PROJECT: ProjectKey = ProjectKey(7);
pub(crate) const OTHER: ProjectKey = ProjectKey(8);

/// As little memory as an operator can give.
pub(crate) const MEMORY: u64 = 128 << 20;

/// A store in this file.
pub(crate) fn store_in(file: &Path, temp_dir: PathBuf, memory: u64) -> EventStore {
    EventStore::new(EventStoreSettings {
        url: EventsUrl::DuckDb(file.to_owned()),
        temp_dir,
        memory,
    })
}

/// A folder for a store; gone when dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("events.duckdb")
    }

    pub(crate) fn store(&self) -> EventStore {
        self.store_with(MEMORY)
    }

    pub(crate) fn store_with(&self, memory: u64) -> EventStore {
        store_in(&self.file(), self.temp(), memory)
    }

    pub(crate) fn temp(&self) -> PathBuf {
        self.0.path().join("temp")
    }

    /// The answer of a query in the file, which no store may have open: a line a row.
    pub(crate) fn ask(&self, sql: &str) -> Vec<String> {
        let connection = duckdb::Connection::open(self.file()).unwrap();
        let sql = format!("SELECT rows::VARCHAR FROM ({sql}) AS rows ORDER BY ALL");
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// A folder with what is on the disk now, as if the process had been killed.
    pub(crate) fn killed(&self) -> Self {
        let copy = Self::new();
        std::fs::copy(self.file(), copy.file()).unwrap();
        let log = |folder: &Self| folder.file().with_extension("duckdb.wal");
        assert!(std::fs::metadata(log(self)).unwrap().len() > 100 << 20);
        std::fs::copy(log(self), log(&copy)).unwrap();
        copy
    }

    pub(crate) fn run(&self, sql: &str) {
        let connection = duckdb::Connection::open(self.file()).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp_millis(1_780_000_000_123 + seconds * 1000).unwrap()
}

pub(crate) fn batch(position: u64, changes: impl IntoIterator<Item = StoreChange>) -> Batch {
    let changes = changes.into_iter().map(|change| (PROJECT, change));
    Batch {
        position,
        changes: changes.collect(),
    }
}

/// Which events are asked for.
#[derive(Clone)]
pub(crate) struct EventsQuery {
    pub(crate) profile_id: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) window: Window,
    pub(crate) limit: u64,
    pub(crate) start: EventsStart,
}

impl EventsQuery {
    pub(crate) fn request(self) -> RawEventsRequest {
        RawEventsRequest {
            selection: EventSelection {
                window: self.window,
                names: self.names,
                profile_id: self.profile_id,
                filters: Vec::new(),
            },
            start: self.start,
            limit: Some(self.limit),
        }
    }

    pub(crate) async fn list(self, store: &EventStore) -> EventsPage {
        store.list_events(scope(), self.request()).await.unwrap()
    }
}

pub(crate) fn scope() -> Scope {
    Scope {
        key: PROJECT,
        id: "shop".parse().unwrap(),
    }
}

/// All events of a project.
pub(crate) fn all() -> EventsQuery {
    EventsQuery {
        profile_id: None,
        names: Vec::new(),
        window: Window::everything(),
        limit: 1000,
        start: EventsStart::Offset(0),
    }
}

/// An event with nothing but this: number, device, profile and second.
pub(crate) fn event(number: u128, device: &str, profile: &str, second: i64) -> Event {
    Event {
        id: Uuid::from_u128(number),
        name: "screen_view".into(),
        device_id: device.into(),
        profile_id: profile.into(),
        session_id: String::new(),
        groups: Vec::new(),
        path: String::new(),
        origin: String::new(),
        referrer: Referrer::default(),
        revenue: 0,
        duration_ms: 0,
        properties: BTreeMap::new(),
        created_at: at(second),
        place: Place::default(),
        agent: Agent::default(),
        sdk: Sdk::default(),
        imported_at: None,
    }
}

/// An event in which everything is said, in the texts that are hardest to keep.
pub(crate) fn full_event() -> Event {
    let text = |name: &str| format!("{name} 'quoted' \"twice\" {{a=b}} [1, 2] \\ \n ünï 🦆 NULL");
    Event {
        id: Uuid::from_u128(0xfedc_ba98_7654_3210_0123_4567_89ab_cdef),
        name: text("name"),
        device_id: text("device_id"),
        profile_id: text("profile_id"),
        session_id: text("session_id"),
        groups: vec![text("group"), String::new(), "b, c".into()],
        path: text("path"),
        origin: text("origin"),
        referrer: Referrer {
            url: text("url"),
            name: text("referrer name"),
            kind: text("kind"),
        },
        revenue: u64::MAX,
        duration_ms: u64::MAX - 1,
        properties: [("🦆", "quack"), ("", ""), ("a'b\"c", "{'x': 1}")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        created_at: at(0),
        place: full_place(),
        agent: full_agent(),
        sdk: Sdk {
            name: text("sdk"),
            version: text("sdk version"),
        },
        imported_at: Some(at(-5)),
    }
}

fn full_place() -> Place {
    Place {
        country: "DE".into(),
        region: "Bayern".into(),
        city: "München 🥨".into(),
        longitude: Some(-11.582_02),
        latitude: Some(48.135_13),
    }
}

fn full_agent() -> Agent {
    Agent {
        os: "os".into(),
        os_version: "os version".into(),
        browser: "browser".into(),
        browser_version: "browser version".into(),
        device: "device".into(),
        brand: "brand".into(),
        model: "model".into(),
    }
}

pub(crate) fn session(id: &str, device: &str, profile: &str, second: i64) -> Session {
    Session {
        id: id.into(),
        device_id: device.into(),
        profile_id: profile.into(),
        groups: Default::default(),
        created_at: at(second),
        ended_at: at(second),
        entry_path: String::new(),
        entry_origin: String::new(),
        exit_path: String::new(),
        exit_origin: String::new(),
        screen_view_count: 1,
        event_count: 0,
        revenue: 0,
        referrer: Referrer::default(),
        utm: Utm::default(),
        place: Place::default(),
        agent: Agent::default(),
    }
}

pub(crate) fn full_session() -> Session {
    Session {
        groups: ["a".into(), "b 🦆".into()].into(),
        ended_at: at(90),
        entry_path: "entry path".into(),
        entry_origin: "entry origin".into(),
        exit_path: "exit path".into(),
        exit_origin: "exit origin".into(),
        screen_view_count: u32::MAX,
        event_count: 3,
        revenue: u64::MAX,
        referrer: Referrer {
            url: "url".into(),
            name: "name".into(),
            kind: "kind".into(),
        },
        utm: Utm {
            source: "source".into(),
            medium: "medium".into(),
            campaign: "campaign".into(),
            content: "content".into(),
            term: "term".into(),
        },
        place: full_place(),
        agent: full_agent(),
        ..session("session", "device", "profile", 0)
    }
}

pub(crate) fn bot(number: u128, second: i64) -> BotVisit {
    BotVisit {
        id: Uuid::from_u128(number),
        name: "Bot".into(),
        kind: "crawler".into(),
        path: "/".into(),
        created_at: at(second),
    }
}

pub(crate) fn chunk(session: &str, index: u16, second: i64) -> ReplayChunk {
    ReplayChunk {
        session_id: session.into(),
        index,
        events_count: u16::MAX,
        is_full_snapshot: true,
        started_at: at(second),
        ended_at: at(second + 1),
        payload: "[\"🦆\"]".into(),
    }
}

pub(crate) fn of_event(event: Event) -> StoreChange {
    StoreChange::Event(Box::new(event))
}

pub(crate) fn of_session(session: Session) -> StoreChange {
    StoreChange::Session(Box::new(session))
}
