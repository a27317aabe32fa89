//! What filters mean is said by `Filter::matches`, on texts. Here a real store is asked, and has
//! to find exactly the rows for which that says yes.

use std::collections::BTreeMap;

use paneld_analytics::{
    Column, EventsRequest, Field, Filter, GroupColumn, Operator, Paging, ProfileColumn,
    ProfilesRequest, PropertyKey, SessionFact, SessionsRequest, SortOrder, ValueType, Window,
};
use paneld_domain::{Event, Group, Profile, Session, Timestamp};
use paneld_events::{EventStore, PeopleCopies, PeopleRows, Scope};
use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};

use crate::fixtures::*;

/// Texts that are easily taken for something else.
const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "ab",
    "b",
    "a b",
    "%",
    "_",
    "a%",
    "it's",
    "\"q\"",
    "\\",
    "ü",
    "Ü",
    "🦆",
    "ſ",
    "a\nb",
    "0",
    "1",
    "1.0",
    "01",
    "10",
    "-2.5",
    "+7",
    "1e3",
    "1E3",
    ".5",
    "5.",
    ".",
    "-",
    "1e400",
    "1e-400",
    "inf",
    "nan",
    "0x10",
    "1_000",
    "１",
    "123456789012345678901234567890",
    "true",
    "TRUE",
    "yes",
    "no",
    "null",
    "2026-05-28",
    "2026-05-28 20:26",
    "2026-05-28 20:26:40",
    "2026-05-28T20:26:40Z",
    "2026-05-28t20:26:40Z",
    "2026-05-28T22:26:40.123+02:00",
    "2026-05-28T22:26:40.1239+0200",
    "2026-05-28 14:56:40.5-05:30",
    "2026-05-28T20:26:40+02",
    "2026-02-30",
    "2026-02-30 10:00:00",
    "2026-05-28 24:00:00",
    "2026-05-28 10:61:00",
    "0000-01-01",
    "9999-12-31",
    "2026-05-28 20:26:60",
    "2026-05-28 20:26:40+99:00",
    "2026-5-28",
    "20260528",
];

/// Pieces of regular expressions, some of which not everybody understands.
const PIECES: &[&str] = &[
    "a",
    "b",
    "ü",
    "🦆",
    ".",
    "^",
    "$",
    "|",
    "a*",
    "b+",
    "a?",
    "a{2}",
    "a{1,2}",
    "a{1,}",
    "a{,2}",
    "a{1001}",
    "(a{100}){100}",
    "a**",
    "^*",
    "(a|b)",
    "(?:a)",
    "(?P<n>a)",
    "(?<n>a)",
    "(?i)",
    "(?s)",
    "(?m)",
    "(?x)",
    "(?u)",
    "(?-u)",
    "(?R)",
    "(?U)",
    "(?-i)",
    "(?i:k)",
    "()",
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    r"\s",
    r"\S",
    r"\b",
    r"\B",
    r"\A",
    r"\z",
    r"\<",
    r"\pL",
    r"\PL",
    r"\p{Greek}",
    r"\p{Letter}",
    r"\p{greek}",
    "[[:alpha:]]",
    "[[:^digit:]]",
    r"[\d.]",
    r"[^\w]",
    "[a&&b]",
    "[a--b]",
    "[a[b]]",
    "[^a]",
    "[]a]",
    "[a-]",
    r"[\]]",
    r"\x41",
    r"\x{1F986}",
    r"\u0041",
    r"\n",
    r"\t",
    r"\.",
    r"\%",
    r"\'",
    r"\/",
    r"\-",
    "%",
    "_",
    "'",
    "\"",
    "0",
    "-",
    "/",
];

/// What filters can be about.
fn fields() -> Vec<Field> {
    let mut names = Vec::new();
    names.extend(Column::ALL.iter().map(|column| column.name().to_owned()));
    let columns = ProfileColumn::ALL.iter();
    names.extend(columns.map(|column| format!("profile.{}", column.name())));
    let facts = SessionFact::ALL.iter();
    names.extend(facts.map(|fact| format!("session.{}", fact.name())));
    names.extend(
        [
            "utm_source",
            "utm_content",
            "has_profile",
            "group.id",
            "group.name",
            "group.type",
            "properties.a",
            "properties.it's",
            "properties.a.*",
            "properties.*",
            "properties.*.b",
            "properties.list[*].b",
            "profile.properties.a",
            "profile.properties.🦆",
            "group.properties.a",
            "properties.a",
            "properties.a",
        ]
        .map(str::to_owned),
    );
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn any_text() -> impl Strategy<Value = String> {
    select(TEXTS).prop_map(str::to_owned)
}

fn any_pattern() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(select(PIECES), 1..4);
    pieces.prop_map(|pieces| pieces.concat())
}

/// Filters that can be made; of others, it is only said that they cannot.
fn any_filter() -> impl Strategy<Value = Filter> {
    let values = |operator| {
        if operator == Operator::Regex {
            prop::collection::vec(any_pattern(), 1..3).boxed()
        } else {
            prop::collection::vec(any_text(), 1..4).boxed()
        }
    };
    let operator =
        select(Operator::ALL).prop_flat_map(move |operator| (Just(operator), values(operator)));
    let parts = (select(fields()), operator, select(ValueType::ALL));
    parts.prop_filter_map(
        "there is no such filter",
        |(field, (operator, values), kind)| Filter::new(field, operator, &values, kind).ok(),
    )
}

const KEYS: &[&str] = &[
    "a",
    "it's",
    "🦆",
    "a.b",
    "a.c.b",
    "list.0.b",
    "__query.utm_source",
];

fn any_properties() -> impl Strategy<Value = BTreeMap<String, String>> {
    let key = select(KEYS).prop_map(str::to_owned);
    prop::collection::btree_map(key, any_text(), 0..4)
}

/// What there is, few of each, so that they have to do with one another.
#[derive(Debug, Clone)]
struct World {
    events: Vec<Event>,
    sessions: Vec<Session>,
    profiles: Vec<Profile>,
    groups: Vec<Group>,
}

fn any_id(ids: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(ids).prop_map(str::to_owned)
}

const PROFILES: &[&str] = &["ann", "bob", "it's", "d1", ""];
const SESSIONS: &[&str] = &["s1", "s2", "s3", "s4", ""];
const GROUPS: &[&str] = &["acme", "ünion", "nobody's"];

fn any_event() -> impl Strategy<Value = Event> {
    let ids = (
        any_id(PROFILES),
        any_id(SESSIONS),
        prop::collection::vec(any_id(GROUPS), 0..3),
    );
    let texts = prop::collection::vec(any_text(), 8);
    let numbers = (select(&[0, 1, 250, (1 << 53) + 1, u64::MAX][..]), 0_i64..20);
    let degrees = select(
        &[
            None,
            Some(0.0_f32),
            Some(-11.582_02),
            Some(180.0),
            Some(0.5),
        ][..],
    );
    (
        ids,
        texts,
        numbers,
        degrees,
        any_properties(),
        any::<bool>(),
    )
        .prop_map(
            |(
                (profile, session, groups),
                texts,
                (revenue, second),
                degrees,
                properties,
                imported,
            )| {
                let mut event = event(0, "d1", &profile, second);
                let mut texts = texts.into_iter();
                let mut text = || texts.next().unwrap();
                event.session_id = session;
                event.groups = groups;
                event.name = text();
                event.path = text();
                event.origin = text();
                event.referrer.name = text();
                event.place.country = text();
                event.agent.os = text();
                event.sdk.name = text();
                event.agent.model = text();
                event.revenue = revenue;
                event.duration_ms = revenue / 2;
                event.place.longitude = degrees;
                event.properties = properties;
                event.imported_at = imported.then(|| at(second + 100));
                event
            },
        )
}

fn any_session(id: &'static str) -> impl Strategy<Value = Session> {
    let texts = prop::collection::vec(any_text(), 4);
    let counts = (0_u32..4, 0_u32..12, 0_i64..20, 0_i64..3);
    let groups = prop::collection::btree_set(any_id(GROUPS), 0..3);
    (any_id(PROFILES), texts, counts, groups).prop_map(move |(profile, texts, counts, groups)| {
        let (views, events, second, length) = counts;
        let mut session = session(id, "d1", &profile, second);
        session.ended_at = at(second + length);
        session.groups = groups;
        session.screen_view_count = views;
        session.event_count = events;
        session.revenue = u64::from(events) * 10;
        let mut texts = texts.into_iter();
        let mut text = || texts.next().unwrap();
        session.entry_path = text();
        session.entry_origin = text();
        session.utm.source = text();
        session.place.country = text();
        session
    })
}

fn any_profile(id: &'static str) -> impl Strategy<Value = Profile> {
    let texts = prop::collection::vec(any_text(), 3);
    let groups = prop::collection::btree_set(any_id(GROUPS), 0..3);
    (texts, groups, any_properties(), 0_i64..20, any_text()).prop_map(
        move |(texts, groups, properties, second, country)| {
            let mut profile = Profile::new(id.into(), at(second));
            profile.last_seen_at = at(second + 3);
            profile.email = texts[0].clone();
            profile.first_name = texts[1].clone();
            profile.avatar = texts[2].clone();
            profile.groups = groups;
            profile.properties = properties;
            profile.properties.insert("country".into(), country);
            profile
        },
    )
}

fn any_group(id: &'static str) -> impl Strategy<Value = Group> {
    (any_text(), any_text(), any_properties()).prop_map(move |(kind, name, properties)| {
        let mut group = Group::new(id.into(), at(0));
        group.kind = kind;
        group.name = name;
        group.properties = properties;
        group
    })
}

fn any_world() -> impl Strategy<Value = World> {
    // Not everybody whom events name is known.
    let profiles = (any_profile("ann"), any_profile("it's"));
    let groups = (any_group("acme"), any_group("ünion"));
    let sessions = (any_session("s1"), any_session("s2"), any_session("s3"));
    let events = prop::collection::vec(any_event(), 30);
    (events, sessions, profiles, groups).prop_map(|(mut events, sessions, profiles, groups)| {
        for (number, event) in (1..).zip(&mut events) {
            event.id = uuid::Uuid::from_u128(number);
        }
        World {
            events,
            sessions: vec![sessions.0, sessions.1, sessions.2],
            profiles: vec![profiles.0, profiles.1],
            groups: vec![groups.0, groups.1],
        }
    })
}

fn window() -> Window {
    Window {
        start: at(2),
        end: at(18),
    }
}

fn printed(moment: Timestamp) -> String {
    moment.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn number(number: Option<f32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn means(key: &PropertyKey, properties: &BTreeMap<String, String>) -> Vec<String> {
    match key {
        PropertyKey::Exact(key) => vec![properties.get(key).cloned().unwrap_or_default()],
        PropertyKey::Pattern { .. } => {
            let meant = properties.iter().filter(|(name, _)| key.means(name));
            meant.map(|(_, value)| value.clone()).collect()
        }
    }
}

/// The texts that rows have in a field.
impl World {
    fn of_event(&self, event: &Event, field: &Field) -> Vec<String> {
        let one = |text: String| vec![text];
        match field {
            Field::Column(column) => one(event_column(event, *column)),
            Field::Utm(tag) => {
                let value = event.properties.get(&tag.property());
                one(value.cloned().unwrap_or_default())
            }
            Field::Property(key) => means(key, &event.properties),
            Field::HasProfile => one(has_profile(&event.profile_id, &event.device_id)),
            Field::Profile(_) | Field::ProfileProperty(_) => {
                one(self.of_profile_id(&event.profile_id, field))
            }
            Field::Group(_) | Field::GroupProperty(_) => self.of_groups(&event.groups, field),
            Field::Session(SessionFact::PerformedEvent) => self.performed(&event.session_id),
            Field::Session(fact) => {
                let mut sessions = self.sessions.iter();
                let session = sessions.find(|session| session.id == event.session_id);
                one(session
                    .map(|session| fact_of(session, *fact))
                    .unwrap_or_default())
            }
        }
    }

    fn of_session(&self, session: &Session, field: &Field) -> Vec<String> {
        let one = |text: String| vec![text];
        match field {
            Field::Column(column) => one(session_column(session, *column)),
            Field::Utm(tag) => one(match tag.name() {
                "utm_source" => session.utm.source.clone(),
                _ => String::new(),
            }),
            Field::HasProfile => one(has_profile(&session.profile_id, &session.device_id)),
            Field::Profile(_) | Field::ProfileProperty(_) => {
                one(self.of_profile_id(&session.profile_id, field))
            }
            Field::Group(_) | Field::GroupProperty(_) => self.of_groups(&session.groups, field),
            Field::Session(SessionFact::PerformedEvent) => self.performed(&session.id),
            Field::Session(fact) => one(fact_of(session, *fact)),
            Field::Property(_) => unreachable!("sessions have no properties"),
        }
    }

    fn of_profile_id(&self, id: &str, field: &Field) -> String {
        let profile = self.profiles.iter().find(|profile| profile.id == id);
        profile
            .map(|profile| profile_text(profile, field))
            .unwrap_or_default()
    }

    fn of_groups<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a String>,
        field: &Field,
    ) -> Vec<String> {
        let text = |id: &String| {
            let group = self.groups.iter().find(|group| group.id == *id);
            match field {
                Field::Group(GroupColumn::Id) => Some(id.clone()),
                Field::Group(GroupColumn::Name) => group.map(|group| group.name.clone()),
                Field::Group(GroupColumn::Type) => group.map(|group| group.kind.clone()),
                Field::GroupProperty(key) => {
                    group.and_then(|group| group.properties.get(key).cloned())
                }
                _ => unreachable!("{field} is nothing of groups"),
            }
        };
        let texts = ids.into_iter().map(|id| text(id).unwrap_or_default());
        texts.collect()
    }

    fn performed(&self, session_id: &str) -> Vec<String> {
        let events = self.events.iter().filter(|event| {
            !session_id.is_empty()
                && event.session_id == session_id
                && window().contains(event.created_at)
        });
        events.map(|event| event.name.clone()).collect()
    }

    fn event_matches(&self, event: &Event, filter: &Filter) -> bool {
        matches(filter, &self.of_event(event, filter.field()))
    }

    /// Whether one event in the window that belongs to something matches.
    fn has_event(&self, filter: &Filter, belongs: impl Fn(&Event) -> bool) -> bool {
        let mut events = self.events.iter();
        events.any(|event| belongs(event) && self.event_matches(event, filter))
    }

    fn session_matches(&self, session: &Session, filter: &Filter) -> bool {
        let is_of_events = match filter.field() {
            Field::Property(_) => true,
            Field::Column(column) => matches!(
                column,
                Column::Path
                    | Column::Name
                    | Column::SdkName
                    | Column::SdkVersion
                    | Column::ImportedAt
            ),
            _ => false,
        };
        if is_of_events {
            return self.has_event(filter, |event| {
                event.session_id == session.id && window().contains(event.created_at)
            });
        }
        matches(filter, &self.of_session(session, filter.field()))
    }

    fn profile_matches(&self, profile: &Profile, filter: &Filter) -> bool {
        let text = match filter.field() {
            Field::Column(Column::ProjectId) => "shop".to_owned(),
            Field::Column(Column::ProfileId) => profile.id.clone(),
            Field::HasProfile => "true".to_owned(),
            Field::Profile(_) | Field::ProfileProperty(_) => profile_text(profile, filter.field()),
            Field::Column(
                Column::Country
                | Column::Region
                | Column::City
                | Column::Longitude
                | Column::Latitude
                | Column::Os
                | Column::OsVersion
                | Column::Browser
                | Column::BrowserVersion
                | Column::Device
                | Column::Brand
                | Column::Model,
            ) => {
                let name = filter.field().to_string();
                profile.properties.get(&name).cloned().unwrap_or_default()
            }
            Field::Group(_) | Field::GroupProperty(_) => {
                return matches(filter, &self.of_groups(&profile.groups, filter.field()));
            }
            Field::Column(_) | Field::Utm(_) | Field::Property(_) => {
                return self.has_event(filter, |event| event.profile_id == profile.id);
            }
            Field::Session(_) => {
                let mut sessions = self.sessions.iter();
                return sessions.any(|session| {
                    let texts = match filter.field() {
                        Field::Session(SessionFact::PerformedEvent) => self.did(&session.id),
                        field => self.of_session(session, field),
                    };
                    session.profile_id == profile.id && matches(filter, &texts)
                });
            }
        };
        matches(filter, &[text])
    }

    /// The names of all events of a session, whenever they happened.
    fn did(&self, session_id: &str) -> Vec<String> {
        let events = self.events.iter();
        let own = events.filter(|event| event.session_id == session_id);
        own.map(|event| event.name.clone()).collect()
    }
}

fn matches(filter: &Filter, texts: &[String]) -> bool {
    let texts = texts.iter().map(String::as_str).collect::<Vec<_>>();
    filter.matches(&texts)
}

fn has_profile(profile: &str, device: &str) -> String {
    (!profile.is_empty() && profile != device).to_string()
}

fn event_column(event: &Event, column: Column) -> String {
    match column {
        Column::Id => event.id.to_string(),
        Column::Name => event.name.clone(),
        Column::SdkName => event.sdk.name.clone(),
        Column::SdkVersion => event.sdk.version.clone(),
        Column::DeviceId => event.device_id.clone(),
        Column::ProfileId => event.profile_id.clone(),
        Column::ProjectId => "shop".to_owned(),
        Column::SessionId => event.session_id.clone(),
        Column::Path => event.path.clone(),
        Column::Origin => event.origin.clone(),
        Column::Referrer => event.referrer.url.clone(),
        Column::ReferrerName => event.referrer.name.clone(),
        Column::ReferrerType => event.referrer.kind.clone(),
        Column::Duration => event.duration_ms.to_string(),
        Column::Revenue => event.revenue.to_string(),
        Column::CreatedAt => printed(event.created_at),
        Column::Country => event.place.country.clone(),
        Column::City => event.place.city.clone(),
        Column::Region => event.place.region.clone(),
        Column::Longitude => number(event.place.longitude),
        Column::Latitude => number(event.place.latitude),
        Column::Os => event.agent.os.clone(),
        Column::OsVersion => event.agent.os_version.clone(),
        Column::Browser => event.agent.browser.clone(),
        Column::BrowserVersion => event.agent.browser_version.clone(),
        Column::Device => event.agent.device.clone(),
        Column::Brand => event.agent.brand.clone(),
        Column::Model => event.agent.model.clone(),
        Column::ImportedAt => event.imported_at.map(printed).unwrap_or_default(),
    }
}

fn session_column(session: &Session, column: Column) -> String {
    match column {
        Column::Id | Column::SessionId => session.id.clone(),
        Column::DeviceId => session.device_id.clone(),
        Column::ProfileId => session.profile_id.clone(),
        Column::ProjectId => "shop".to_owned(),
        Column::Origin => session.entry_origin.clone(),
        Column::Duration => session.duration_ms().to_string(),
        Column::Revenue => session.revenue.to_string(),
        Column::CreatedAt => printed(session.created_at),
        Column::Country => session.place.country.clone(),
        // Nothing else is said of them here.
        _ => String::new(),
    }
}

fn profile_text(profile: &Profile, field: &Field) -> String {
    match field {
        Field::ProfileProperty(key) => profile.properties.get(key).cloned().unwrap_or_default(),
        Field::Profile(column) => match column {
            ProfileColumn::Id => profile.id.clone(),
            ProfileColumn::Email => profile.email.clone(),
            ProfileColumn::FirstName => profile.first_name.clone(),
            ProfileColumn::LastName => profile.last_name.clone(),
            ProfileColumn::Avatar => profile.avatar.clone(),
            ProfileColumn::CreatedAt => printed(profile.created_at),
            ProfileColumn::LastSeenAt => printed(profile.last_seen_at),
            ProfileColumn::IsExternal => "true".to_owned(),
        },
        _ => unreachable!("{field} is nothing of profiles"),
    }
}

fn fact_of(session: &Session, fact: SessionFact) -> String {
    match fact {
        SessionFact::ScreenViewCount => session.screen_view_count.to_string(),
        SessionFact::EventCount => session.event_count.to_string(),
        SessionFact::Duration => session.duration_ms().to_string(),
        SessionFact::Revenue => session.revenue.to_string(),
        SessionFact::IsBounce => session.is_bounce().to_string(),
        SessionFact::PerformedEvent => unreachable!("a session has many"),
    }
}

/// What the store finds.
async fn found(store: &EventStore, filter: &Filter) -> [Vec<String>; 3] {
    let scope = || Scope {
        key: PROJECT,
        id: "shop".parse().unwrap(),
    };
    let filters = || vec![filter.clone()];
    let events = EventsRequest {
        window: window(),
        names: Vec::new(),
        columns: Vec::new(),
        properties: BTreeMap::new(),
        filters: filters(),
        paging: Paging::default(),
    };
    let sessions = SessionsRequest {
        window: window(),
        columns: Vec::new(),
        filters: filters(),
        paging: Paging::default(),
    };
    let profiles = ProfilesRequest {
        words: Vec::new(),
        email: None,
        properties: BTreeMap::new(),
        inactive_since: None,
        sessions: None,
        performed: None,
        filters: filters(),
        order: SortOrder::Ascending,
        paging: Paging::default(),
    };
    let events = store.find_events(scope(), events).await.unwrap();
    let sessions = store.find_sessions(scope(), sessions).await.unwrap();
    let profiles = store.list_profiles(scope(), profiles).await.unwrap();
    let sorted = |mut ids: Vec<String>| {
        ids.sort_unstable();
        ids
    };
    [
        sorted(events.iter().map(|event| event.id.to_string()).collect()),
        sorted(sessions.into_iter().map(|session| session.id).collect()),
        sorted(profiles.into_iter().map(|shown| shown.row.id).collect()),
    ]
}

/// What it has to find.
fn expected(world: &World, filter: &Filter) -> [Vec<String>; 3] {
    let events = world
        .events
        .iter()
        .filter(|event| window().contains(event.created_at) && world.event_matches(event, filter));
    let sessions = world.sessions.iter().filter(|session| {
        window().contains(session.created_at) && world.session_matches(session, filter)
    });
    let profiles = world.profiles.iter();
    let profiles = profiles.filter(|profile| world.profile_matches(profile, filter));
    let mut all = [
        events.map(|event| event.id.to_string()).collect::<Vec<_>>(),
        sessions.map(|session| session.id.clone()).collect(),
        profiles.map(|profile| profile.id.clone()).collect(),
    ];
    for ids in &mut all {
        ids.sort_unstable();
    }
    all
}

async fn fill(store: &EventStore, world: &World) {
    let events = world.events.iter().cloned().map(of_event);
    let sessions = world.sessions.iter().cloned().map(of_session);
    let rows = batch(1, events.chain(sessions));
    store.apply(rows).await.unwrap();
    // What is another project's must not be found.
    let mut elsewhere = batch(2, world.events.iter().cloned().map(of_event));
    for (project, _) in &mut elsewhere.changes {
        *project = OTHER;
    }
    store.apply(elsewhere).await.unwrap();
    let rows = PeopleRows {
        profiles: world
            .profiles
            .iter()
            .map(|row| (PROJECT, row.clone()))
            .collect(),
        groups: world
            .groups
            .iter()
            .map(|row| (PROJECT, row.clone()))
            .collect(),
    };
    let copies = PeopleCopies {
        position: Some(1),
        rows,
        ..PeopleCopies::default()
    };
    store.copy_people(copies).await.unwrap();
}

#[test]
fn the_store_finds_what_the_model_finds() {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(CASES)
    };
    for _ in 0..WORLDS {
        let mut runner = TestRunner::new(config.clone());
        let world = any_world().new_tree(&mut runner).unwrap().current();
        let folder = Folder::new();
        let store = folder.store();
        runtime.block_on(fill(&store, &world));
        let result = runner.run(&any_filter(), |filter| {
            let found = runtime.block_on(found(&store, &filter));
            prop_assert_eq!(found, expected(&world, &filter));
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}\nin {world:#?}");
        }
    }
}

const WORLDS: u32 = 3;
const CASES: u32 = 150;
