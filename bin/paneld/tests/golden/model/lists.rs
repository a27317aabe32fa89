//! `/events`, `/events/…` and `/sessions`: `docs/contract/insights.md` §7.14, §7.15 and §7.17.

use std::{cmp::Reverse, collections::BTreeMap, collections::BTreeSet};

use serde_json::{Value as Json, json};

use super::{
    dimensions::chosen,
    facts::{Event, Facts, Session},
    filter::{Filter, Row, all, column, session_column},
    time::{Window, stored},
};

/// A parameter of this name wants exactly this text.
pub(crate) type Wanted<'a> = [(&'a str, &'a str)];

pub(crate) struct Events<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) columns: &'a Wanted<'a>,
    pub(crate) properties: &'a Wanted<'a>,
    pub(crate) filters: &'a [Filter],
}

pub(crate) fn events(facts: &Facts, window: Window, asked: &Events<'_>) -> Vec<Json> {
    let Events {
        names,
        columns,
        properties,
        filters,
    } = asked;
    let has = |event: &Event, key: &str, value: &str| {
        event.properties.get(key).map_or("", String::as_str) == value
    };
    let found = newest_first(facts).into_iter().filter(|event| {
        window.has(event.created_at)
            && (names.is_empty() || names.contains(&event.name.as_str()))
            && columns
                .iter()
                .all(|(name, wanted)| column(event, name) == *wanted)
            && properties.iter().all(|(key, value)| has(event, key, value))
            && all(facts, window, filters, Row::Event(event))
    });
    found.map(event_row).collect()
}

fn newest_first(facts: &Facts) -> Vec<&Event> {
    let mut events = facts.events.iter().collect::<Vec<_>>();
    events.sort_by_key(|event| (Reverse(event.created_at), &event.id));
    events
}

/// The newest events of a profile.
pub(crate) fn events_of(facts: &Facts, profile_id: &str) -> Vec<Json> {
    let own = newest_first(facts).into_iter();
    let own = own.filter(|event| event.profile_id == profile_id);
    own.map(event_row).collect()
}

const COLUMNS: [&str; 22] = [
    "id",
    "name",
    "sdk_name",
    "sdk_version",
    "device_id",
    "profile_id",
    "project_id",
    "session_id",
    "path",
    "origin",
    "referrer",
    "referrer_name",
    "referrer_type",
    "country",
    "city",
    "region",
    "os",
    "os_version",
    "browser",
    "browser_version",
    "device",
    "brand",
];

fn event_row(event: &Event) -> Json {
    let mut row = json!({
        "model": event.model,
        "groups": event.groups,
        "revenue": event.revenue,
        "duration": event.duration,
        "properties": event.properties,
        "created_at": stored(event.created_at),
        "longitude": degrees(event.longitude),
        "latitude": degrees(event.latitude),
        "imported_at": event.imported_at.map(stored),
    });
    for name in COLUMNS {
        row[name] = column(event, name).into();
    }
    row
}

/// As JSON has it: the shortest number that says the same.
fn degrees(value: Option<f32>) -> Option<f64> {
    value.map(|value| value.to_string().parse().unwrap())
}

pub(crate) fn sessions(
    facts: &Facts,
    window: Window,
    columns: &Wanted<'_>,
    filters: &[Filter],
) -> Vec<Json> {
    let mut found = chosen(facts, window, filters);
    found.retain(|session| {
        columns
            .iter()
            .all(|(name, wanted)| session_column(session, name) == *wanted)
    });
    newest_first_of(found).map(session_row).collect()
}

/// The newest sessions of a profile.
pub(crate) fn sessions_of(facts: &Facts, profile_id: &str) -> Vec<Json> {
    let own = facts.sessions.values();
    let own = own.filter(|session| session.profile_id == profile_id);
    newest_first_of(own.collect()).map(session_row).collect()
}

fn newest_first_of(mut sessions: Vec<&Session>) -> impl Iterator<Item = &Session> {
    sessions.sort_by_key(|session| (Reverse(session.start), session.key()));
    sessions.into_iter()
}

fn session_row(session: &Session) -> Json {
    let mut row = json!({
        "ended_at": stored(session.end),
        "groups": session.groups,
        "entry_origin": session.entry.0,
        "entry_path": session.entry.1,
        "exit_origin": session.exit.0,
        "exit_path": session.exit.1,
        "screen_view_count": session.views,
        "event_count": session.others,
        "is_bounce": session.is_bounce(),
        "revenue": session.revenue,
        "duration": session.duration(),
        "longitude": degrees(session.first.longitude),
        "latitude": degrees(session.first.latitude),
    });
    for name in [
        "id",
        "project_id",
        "profile_id",
        "device_id",
        "created_at",
        "referrer",
        "referrer_name",
        "referrer_type",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_content",
        "utm_term",
        "country",
        "region",
        "city",
        "os",
        "os_version",
        "browser",
        "browser_version",
        "device",
        "brand",
        "model",
    ] {
        row[name] = session_column(session, name).into();
    }
    row
}

pub(crate) fn names(facts: &Facts) -> Json {
    let mut counts = BTreeMap::<&str, usize>::new();
    for event in &facts.events {
        *counts.entry(&event.name).or_default() += 1;
    }
    let mut names = counts.into_iter().collect::<Vec<_>>();
    names.sort_by_key(|(_, count)| Reverse(*count));
    names.into_iter().take(50).map(|(name, _)| name).collect()
}

pub(crate) fn properties(facts: &Facts, event_name: Option<&str>) -> Json {
    let mut pairs = BTreeSet::new();
    for event in &facts.events {
        if event_name.is_none_or(|name| event.name == name) {
            let keys = event.properties.keys();
            pairs.extend(keys.map(|key| (key.as_str(), event.name.as_str())));
        }
    }
    let pairs = pairs.into_iter().take(500);
    let pairs = pairs.map(|(key, name)| json!({"property_key": key, "event_name": name}));
    json!({
        "columns": [
            "path", "origin", "referrer", "referrer_name", "referrer_type", "duration", "country",
            "city", "region", "os", "os_version", "browser", "browser_version", "device", "brand",
            "model", "sdk_name", "sdk_version", "profile_id", "session_id", "device_id", "revenue",
        ],
        "properties": pairs.collect::<Vec<_>>(),
    })
}

/// Each value once, that which was seen last first; of one moment, by value.
pub(crate) fn values(facts: &Facts, event_name: &str, key: &str) -> Json {
    let mut last = BTreeMap::<&str, i64>::new();
    for event in facts.events.iter().filter(|event| event.name == event_name) {
        if let Some(value) = event.properties.get(key) {
            let at = last.entry(value).or_insert(event.created_at);
            *at = event.created_at.max(*at);
        }
    }
    let mut values = last.into_iter().collect::<Vec<_>>();
    values.sort_by_key(|(_, at)| Reverse(*at));
    let values = values.into_iter().take(200).map(|(value, _)| value);
    json!({"event": event_name, "property": key, "values": values.collect::<Vec<_>>()})
}
