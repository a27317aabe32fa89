//! Stores in temporary folders, and rows to put there.

mod file;

use std::{collections::BTreeMap, path::PathBuf};

use paneld_analytics::{
    EventSelection, EventsStart, Paging, RawEventsRequest, SessionsRequest, Window,
};
use paneld_domain::{
    Agent, BotVisit, Event, Place, ProjectKey, Referrer, ReplayChunk, Sdk, Session, Timestamp, Utm,
};
use paneld_events::{Batch, EventStore, EventStoreSettings, EventsPage, Scope, StoreChange};
use paneld_testing::EventsDatabase;
use proptest::test_runner::Config as ProptestConfig;
use uuid::Uuid;

pub(crate) use self::file::{File, MEMORY, store_in};

pub(crate) const PROJECT: ProjectKey = ProjectKey(7);
pub(crate) const OTHER: ProjectKey = ProjectKey(8);

/// A folder for a store; gone when dropped. The store is in a file there, or in a database of
/// ClickHouse if `PANELD_TEST_EVENTS` says so.
pub(crate) struct Folder {
    file: File,
    database: Option<EventsDatabase>,
    /// Nobody else's: a server ends inserts by their spool.
    spool: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self::with(EventsDatabase::asked_for())
    }

    pub(crate) fn with(database: Option<EventsDatabase>) -> Self {
        Self {
            file: File::new(),
            database,
            spool: Uuid::new_v4().to_string(),
        }
    }

    pub(crate) fn store(&self) -> EventStore {
        match &self.database {
            Some(database) => self.store_at(&database.url()),
            None => self.file.store(),
        }
    }

    /// The database of ClickHouse, for tests that have one.
    pub(crate) fn database(&self) -> &EventsDatabase {
        self.database.as_ref().unwrap()
    }

    /// A store whose journal is here.
    pub(crate) fn store_at(&self, url: &str) -> EventStore {
        EventStore::new(EventStoreSettings {
            url: url.parse().unwrap(),
            temp_dir: self.file.temp(),
            memory: MEMORY,
            spools: vec![self.spool.clone()],
            journal: self.journal(),
        })
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.file.folder().join("journal.json")
    }

    /// Does something that both engines understand. No store may be open.
    pub(crate) fn run(&self, sql: &str) {
        match &self.database {
            Some(database) => drop(database.query(sql)),
            None => self.file.run(sql),
        }
    }

    /// What is in these columns of a table that the store tells nobody of, and how often: a line a
    /// row. No store may be open.
    pub(crate) fn rows(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let texts = |id: &str, kind: &str| {
            let texts = columns.iter().map(|column| match *column {
                "id" => id.to_owned(),
                column => format!("CAST({column} AS {kind})"),
            });
            texts.collect::<Vec<_>>().join(", ")
        };
        let mut rows = match &self.database {
            Some(database) => {
                let texts = texts("lower(hex(id))", "String");
                let rows = database.query(&format!(
                    "SELECT arrayStringConcat([{texts}], ' ') FROM {table} FINAL FORMAT TSVRaw"
                ));
                rows.lines().map(str::to_owned).collect()
            }
            None => {
                let texts = texts("replace(id::VARCHAR, '-', '')", "VARCHAR");
                // Long texts are kept in pieces.
                let first = if table == "replay_chunks" {
                    "WHERE piece = 0"
                } else {
                    ""
                };
                let sql = format!("SELECT concat_ws(' ', {texts}) FROM {table} {first}");
                self.file.texts(&sql)
            }
        };
        rows.sort();
        rows
    }

    /// What is wrong in what the store makes of its rows for itself. In ClickHouse the server makes
    /// it, each time.
    pub(crate) fn wrong_numbers(&self) -> Vec<String> {
        match &self.database {
            Some(_) => Vec::new(),
            None => self.file.wrong_numbers(),
        }
    }

    /// The kinds of the rows of which parts are kept elsewhere. ClickHouse keeps all in one place.
    pub(crate) fn rests(&self) -> Vec<String> {
        match &self.database {
            Some(_) => Vec::new(),
            None => self.file.rests(),
        }
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp_millis(1_780_000_000_123 + seconds * 1000).unwrap()
}

/// A moment as both engines print it.
pub(crate) fn printed(at: Timestamp) -> String {
    at.format("%F %T%.3f").to_string()
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
    scope_of(PROJECT)
}

pub(crate) fn scope_of(key: ProjectKey) -> Scope {
    Scope {
        key,
        id: "shop".parse().unwrap(),
    }
}

/// All events of a project, of a thousand at most.
pub(crate) async fn events_of(store: &EventStore, project: ProjectKey) -> Vec<Event> {
    let request = all().request();
    let page = store.list_events(scope_of(project), request).await.unwrap();
    assert!(!page.has_more);
    page.rows
}

/// All sessions of a project, of a thousand at most.
pub(crate) async fn sessions_of(store: &EventStore, project: ProjectKey) -> Vec<Session> {
    let request = SessionsRequest {
        window: Window::everything(),
        columns: Vec::new(),
        filters: Vec::new(),
        paging: Paging::first(1_000),
    };
    let sessions = store.find_sessions(scope_of(project), request).await;
    sessions.unwrap()
}

/// How many cases of a property are tried: of ClickHouse fewer, for it takes longer over each.
pub(crate) fn cases() -> ProptestConfig {
    let is_slow = paneld_testing::are_events_in_clickhouse();
    ProptestConfig::with_cases(if is_slow { 8 } else { 24 })
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
