//! What filters mean, on single rows: `docs/contract/export.md` §4 and `docs/contract/insights.md`
//! §5.

use chrono::NaiveDateTime;
use serde_json::Value as Json;

use super::{
    facts::{Event, Facts, Profile, Session},
    time::{Window, stored},
};

/// A filter as callers write it.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) operator: String,
    pub(crate) values: Vec<String>,
    pub(crate) kind: String,
}

/// What a filter is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    Event(&'a Event),
    Session(&'a Session),
}

impl Filter {
    pub(crate) fn of(json: &Json) -> Self {
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let values = json["value"].as_array().unwrap().iter();
        Self {
            name: text("name"),
            operator: text("operator"),
            values: values.map(plain).collect(),
            kind: text("type"),
        }
    }

    pub(crate) fn matches(&self, facts: &Facts, window: Window, row: Row<'_>) -> bool {
        let texts = texts(facts, window, &self.name, row);
        if self.name == "session.performed_event" && self.operator == "isNot" {
            return !texts.iter().any(|text| self.values.contains(text));
        }
        self.matches_any(&texts)
    }

    /// Whether one of these texts fulfils it.
    pub(crate) fn matches_any(&self, texts: &[String]) -> bool {
        texts.iter().any(|text| self.matches_text(text))
    }

    fn matches_text(&self, text: &str) -> bool {
        let values = || self.values.iter().map(String::as_str);
        match self.operator.as_str() {
            "isNull" => text.is_empty(),
            "isNotNull" => !text.is_empty(),
            "contains" => values().any(|value| text.contains(value)),
            "doesNotContain" => !values().any(|value| text.contains(value)),
            "startsWith" => values().any(|value| text.starts_with(value)),
            "endsWith" => values().any(|value| text.ends_with(value)),
            "regex" => values().any(|value| pattern(value).is_match(text)),
            "is" | "isNot" => self.equals(text),
            _ => !text.is_empty() && self.orders(text),
        }
    }

    fn equals(&self, text: &str) -> bool {
        let is_number = self.kind == "number" || is_session_number(&self.name);
        let is_not = self.operator == "isNot";
        let holds = |is_equal: &dyn Fn(&str) -> bool| {
            let is_one = self.values.iter().any(|value| is_equal(value));
            is_one != is_not
        };
        if is_yes_or_no(&self.name) {
            return holds(&|value| value == text);
        }
        match self.kind.as_str() {
            "boolean" => holds(&|value| yes(value) == yes(text)),
            "date" => moment(text)
                .is_some_and(|given| holds(&|value| moment(value).unwrap().date() == given.date())),
            "datetime" => {
                moment(text).is_some_and(|given| holds(&|value| moment(value).unwrap() == given))
            }
            _ if is_number => {
                number(text).is_some_and(|given| holds(&|value| number(value).unwrap() == given))
            }
            _ => holds(&|value| value == text),
        }
    }

    fn orders(&self, text: &str) -> bool {
        let holds = |order: Option<std::cmp::Ordering>| match self.operator.as_str() {
            "gt" => order.is_some_and(std::cmp::Ordering::is_gt),
            "lt" => order.is_some_and(std::cmp::Ordering::is_lt),
            "gte" => order.is_some_and(std::cmp::Ordering::is_ge),
            "lte" => order.is_some_and(std::cmp::Ordering::is_le),
            other => panic!("there is no operator {other}"),
        };
        let by_number = self.name.contains("properties.")
            || is_session_number(&self.name)
            || matches!(
                self.name.as_str(),
                "duration" | "revenue" | "longitude" | "latitude"
            );
        self.values.iter().any(|value| match self.kind.as_str() {
            "boolean" => holds(yes(text).partial_cmp(&yes(value))),
            "date" => moment(text).is_some_and(|given| {
                holds(given.date().partial_cmp(&moment(value).unwrap().date()))
            }),
            "datetime" => {
                moment(text).is_some_and(|given| holds(given.partial_cmp(&moment(value).unwrap())))
            }
            _ if self.kind == "number" || by_number => {
                number(text).is_some_and(|given| holds(given.partial_cmp(&number(value).unwrap())))
            }
            _ => holds(text.partial_cmp(value.as_str())),
        })
    }
}

/// Whether a row matches all of them. Of what sessions do not have themselves, one event of the
/// session in the window has to match all.
pub(crate) fn all(facts: &Facts, window: Window, filters: &[Filter], row: Row<'_>) -> bool {
    let matches = |filter: &&Filter, row| filter.matches(facts, window, row);
    let Row::Session(session) = row else {
        return filters.iter().all(|filter| matches(&filter, row));
    };
    let (of_events, of_sessions) = filters
        .iter()
        .partition::<Vec<_>, _>(|filter| is_about_events_only(&filter.name));
    let has_event = || {
        facts.events_of(session.key()).any(|event| {
            window.has(event.created_at)
                && of_events
                    .iter()
                    .all(|filter| matches(filter, Row::Event(event)))
        })
    };
    of_sessions.iter().all(|filter| matches(filter, row)) && (of_events.is_empty() || has_event())
}

/// Whether sessions have no such thing themselves.
fn is_about_events_only(name: &str) -> bool {
    name.starts_with("properties.")
        || matches!(
            snake(name).as_str(),
            "name" | "sdk_name" | "sdk_version" | "imported_at"
        )
}

fn pattern(text: &str) -> regex::Regex {
    let inner = text
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    regex::Regex::new(inner.unwrap_or(text)).unwrap()
}

fn is_yes_or_no(name: &str) -> bool {
    matches!(name, "has_profile" | "session.is_bounce")
}

fn is_session_number(name: &str) -> bool {
    name.starts_with("session.") && !matches!(name, "session.is_bounce" | "session.performed_event")
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

fn yes(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes")
}

pub(crate) fn number(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = text.parse::<f64>().ok()?;
    (is_plain && number.is_finite()).then_some(number)
}

/// In UTC, where there is no offset.
fn moment(text: &str) -> Option<NaiveDateTime> {
    if let Ok(day) = text.parse::<chrono::NaiveDate>() {
        return Some(day.into());
    }
    let text = text.replacen(' ', "T", 1);
    match chrono::DateTime::parse_from_rfc3339(&text) {
        Ok(moment) => Some(moment.naive_utc()),
        Err(_has_no_offset) => text.parse().ok(),
    }
}

/// What a row has under a name: one text, or several where it can have several.
pub(crate) fn texts(facts: &Facts, window: Window, name: &str, row: Row<'_>) -> Vec<String> {
    let groups = || match row {
        Row::Event(event) => event.groups.clone(),
        Row::Session(session) => session.groups.iter().cloned().collect(),
    };
    let profile_id = match row {
        Row::Event(event) => &event.profile_id,
        Row::Session(session) => &session.profile_id,
    };
    if let Some(key) = name.strip_prefix("properties.") {
        let Row::Event(event) = row else {
            panic!("sessions have no properties: {name}");
        };
        return properties(event, key);
    }
    if let Some(name) = name.strip_prefix("profile.") {
        return vec![profile(facts, profile_id, name)];
    }
    if let Some(name) = name.strip_prefix("group.") {
        let groups = groups();
        return groups.iter().map(|id| group(facts, id, name)).collect();
    }
    if let Some(fact) = name.strip_prefix("session.") {
        return session_facts(facts, window, fact, row);
    }
    vec![match row {
        Row::Event(event) => column(event, name),
        Row::Session(session) => session_column(session, name),
    }]
}

fn properties(event: &Event, key: &str) -> Vec<String> {
    let key = key.replacen("[*]", ".*", 1);
    let Some((before, after)) = key.split_once('*') else {
        return vec![event.properties.get(&key).cloned().unwrap_or_default()];
    };
    let is_meant = |key: &str| {
        key.strip_prefix(before)
            .is_some_and(|rest| rest.ends_with(after))
    };
    let found = event.properties.iter().filter(|(key, _)| is_meant(key));
    found.map(|(_, value)| value.clone()).collect()
}

/// What a profile has under a name: `profile.…` or `group.…`.
pub(crate) fn texts_of_profile(facts: &Facts, of: &Profile, name: &str) -> Vec<String> {
    if let Some(name) = name.strip_prefix("profile.") {
        return vec![profile(facts, &of.id, name)];
    }
    let name = name.strip_prefix("group.").unwrap();
    of.groups.iter().map(|id| group(facts, id, name)).collect()
}

fn profile(facts: &Facts, id: &str, name: &str) -> String {
    let Some(profile) = facts.profile(id) else {
        return String::new();
    };
    if let Some(key) = name.strip_prefix("properties.") {
        return profile.properties.get(key).cloned().unwrap_or_default();
    }
    let text = match name {
        "id" => &profile.id,
        "email" => &profile.email,
        "first_name" => &profile.first_name,
        "last_name" => &profile.last_name,
        "avatar" => &profile.avatar,
        "created_at" => &profile.created_at,
        "last_seen_at" => &profile.last_seen_at,
        "is_external" => "true",
        other => panic!("profiles have no {other}"),
    };
    text.to_owned()
}

fn group(facts: &Facts, id: &str, name: &str) -> String {
    let known = facts.groups.get(id);
    if let Some(key) = name.strip_prefix("properties.") {
        let value = known.and_then(|group| group.properties.get(key));
        return value.cloned().unwrap_or_default();
    }
    match name {
        "name" => known.map(|group| group.name.clone()).unwrap_or_default(),
        "type" => known.map(|group| group.kind.clone()).unwrap_or_default(),
        _ => id.to_owned(),
    }
}

fn session_facts(facts: &Facts, window: Window, fact: &str, row: Row<'_>) -> Vec<String> {
    let (id, session) = match row {
        Row::Event(event) => (
            event.session_id.as_str(),
            facts.sessions.get(&event.session_id),
        ),
        Row::Session(session) => (session.key(), Some(session)),
    };
    if fact == "performed_event" {
        let own = facts.events_of(id);
        let inside = own.filter(|event| window.has(event.created_at));
        return inside.map(|event| event.name.clone()).collect();
    }
    let Some(session) = session else {
        return vec![String::new()];
    };
    vec![match fact {
        "screen_view_count" => session.views.to_string(),
        "event_count" => session.others.to_string(),
        "duration" => session.duration().to_string(),
        "revenue" => session.revenue.to_string(),
        "is_bounce" => session.is_bounce().to_string(),
        other => panic!("sessions have no {other}"),
    }]
}

/// A column of an event as text.
pub(crate) fn column(event: &Event, name: &str) -> String {
    let degrees = |value: Option<f32>| value.map(|value| value.to_string()).unwrap_or_default();
    let text = match snake(name).as_str() {
        "id" => &event.id,
        "name" => &event.name,
        "sdk_name" => &event.sdk_name,
        "sdk_version" => &event.sdk_version,
        "device_id" => &event.device_id,
        "profile_id" => &event.profile_id,
        "project_id" => &event.project_id,
        "session_id" => &event.session_id,
        "path" => &event.path,
        "origin" => &event.origin,
        "referrer" => &event.referrer,
        "referrer_name" => &event.referrer_name,
        "referrer_type" => &event.referrer_type,
        "country" => &event.country,
        "city" => &event.city,
        "region" => &event.region,
        "os" => &event.os,
        "os_version" => &event.os_version,
        "browser" => &event.browser,
        "browser_version" => &event.browser_version,
        "device" => &event.device,
        "brand" => &event.brand,
        "model" => &event.model,
        "duration" => return event.duration.to_string(),
        "revenue" => return event.revenue.to_string(),
        "created_at" => return stored(event.created_at),
        "imported_at" => return event.imported_at.map(stored).unwrap_or_default(),
        "longitude" => return degrees(event.longitude),
        "latitude" => return degrees(event.latitude),
        "has_profile" => return event.is_identified().to_string(),
        utm if utm.starts_with("utm_") => {
            let value = event.properties.get(&format!("__query.{utm}"));
            return value.cloned().unwrap_or_default();
        }
        other => panic!("events have no {other}"),
    };
    text.clone()
}

/// A column of a session as text.
pub(crate) fn session_column(session: &Session, name: &str) -> String {
    let name = snake(name);
    match name.as_str() {
        "id" | "session_id" => session.key().to_owned(),
        "profile_id" => session.profile_id.clone(),
        "has_profile" => (session.profile_id != session.first.device_id).to_string(),
        "origin" => session.entry.0.clone(),
        "path" => session.entry.1.clone(),
        "duration" => session.duration().to_string(),
        "revenue" => session.revenue.to_string(),
        "created_at" => stored(session.start),
        utm if utm.starts_with("utm_") => session.utm(utm).to_owned(),
        "name" | "sdk_name" | "sdk_version" | "imported_at" => {
            panic!("sessions have no {name}")
        }
        of_first => column(&session.first, of_first),
    }
}

/// `osVersion` is another way to write `os_version`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
