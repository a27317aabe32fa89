//! Profiles and groups: `docs/contract/insights.md` §7.16 and §7.18.

use std::{cmp::Reverse, collections::BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::{
    facts::{Event, Facts, Group, Profile, Properties},
    filter::{Filter, texts_of_profile},
    lists, ratio, round,
    time::{DAY, utc},
};

#[derive(Debug, Default, Clone)]
pub(crate) struct Asked {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// Exact values of these properties.
    pub(crate) properties: Vec<(&'static str, String)>,
    pub(crate) inactive_days: Option<i64>,
    pub(crate) min_sessions: Option<usize>,
    pub(crate) performed: Option<String>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) is_ascending: bool,
}

pub(crate) fn profiles(facts: &Facts, asked: &Asked) -> Vec<Json> {
    let mut found = facts.profiles.values().collect::<Vec<_>>();
    found.retain(|profile| is_asked_for(facts, profile, asked));
    if asked.is_ascending {
        found.sort_by_key(|profile| (&profile.created_at, &profile.id));
    } else {
        found.sort_by_key(|profile| (Reverse(&profile.created_at), &profile.id));
    }
    found.iter().map(|profile| profile.row.clone()).collect()
}

fn is_asked_for(facts: &Facts, profile: &Profile, asked: &Asked) -> bool {
    let events = || {
        let events = facts.events.iter();
        events.filter(|event| event.profile_id == profile.id)
    };
    let sessions = || {
        let sessions = facts.sessions.values();
        sessions.filter(|session| session.profile_id == profile.id)
    };
    let has_name = |name: &String| {
        let full = format!("{} {}", profile.first_name, profile.last_name);
        let texts = [
            &profile.id,
            &profile.email,
            &profile.first_name,
            &profile.last_name,
            &full,
        ];
        let texts = texts.map(|text| text.to_lowercase());
        let mut words = name.split_whitespace().take(5).map(str::to_lowercase);
        words.all(|word| texts.iter().any(|text| text.contains(&word)))
    };
    let has_email = |email: &String| profile.email.to_lowercase().contains(&email.to_lowercase());
    let is_inactive = |days: i64| {
        let since = facts.now - days * DAY;
        events().all(|event| event.created_at < since)
    };
    asked.name.as_ref().is_none_or(has_name)
        && asked.email.as_ref().is_none_or(has_email)
        && asked
            .properties
            .iter()
            .all(|(key, value)| profile.properties.get(*key).map_or("", String::as_str) == value)
        && asked.inactive_days.is_none_or(is_inactive)
        && asked
            .min_sessions
            .is_none_or(|least| sessions().count() >= least)
        && asked
            .performed
            .as_ref()
            .is_none_or(|name| events().any(|event| event.name == *name))
        && asked.filters.iter().all(|filter| {
            let texts = texts_of_profile(facts, profile, &filter.name);
            filter.matches_any(&texts)
        })
}

pub(crate) fn profile(facts: &Facts, id: &str, limit: usize) -> Json {
    let profile = facts.profile(id).unwrap();
    let mut events = lists::events_of(facts, &profile.id);
    events.truncate(limit);
    json!({"profile": profile.row, "recentEvents": events, "recent_events": events})
}

/// What can be counted of a profile.
pub(crate) fn numbers(facts: &Facts, asked_id: &str) -> Json {
    let id = facts.meant(asked_id);
    let known = facts.profiles.get(id);
    let events = facts.events.iter().filter(|event| event.profile_id == id);
    let events = events.collect::<Vec<_>>();
    let named = |name: &str| events.iter().filter(|event| event.name == name).count();
    let of_sessions = ["screen_view", "session_start", "session_end"];
    let conversions = events
        .iter()
        .filter(|event| !of_sessions.contains(&event.name.as_str()));
    let days = events.iter().map(|event| facts.clock.day(event.created_at));
    let ends = events
        .iter()
        .filter(|event| event.name == "session_end" && event.duration > 0);
    let mut durations = ends.map(|event| event.duration as f64).collect::<Vec<_>>();
    durations.sort_by(f64::total_cmp);
    let minutes = |milliseconds: f64| round(milliseconds / 60_000.0, 2);
    let mean = (!durations.is_empty())
        .then(|| minutes(durations.iter().sum::<f64>() / durations.len() as f64));
    let p90 = (!durations.is_empty()).then(|| minutes(quantile(&durations, 0.9)));
    let starts = named("session_start");
    let per_session = (starts > 0).then(|| round(events.len() as f64 / starts as f64, 2));
    let sessions = facts.sessions.values();
    let own = sessions.filter(|session| session.profile_id == id);
    let bounces = own.map(|session| session.is_bounce()).collect::<Vec<_>>();
    let bounced = bounces.iter().filter(|bounced| **bounced).count();
    let bounce_rate = (!bounces.is_empty())
        .then(|| round(100.0 * ratio(bounced as f64, bounces.len() as f64), 2));
    let revenue = events.iter().map(|event| event.revenue);
    let seen = |at: &String| at.replacen(' ', "T", 1) + "Z";
    json!({
        // Of an alias, the id of the profile that it means.
        "profileId": id,
        "firstSeen": known.map(|profile| seen(&profile.created_at)),
        "lastSeen": known.map(|profile| seen(&profile.last_seen_at)),
        "sessions": starts,
        "screenViews": named("screen_view"),
        "totalEvents": events.len(),
        "conversionEvents": conversions.count(),
        "uniqueDaysActive": days.collect::<BTreeSet<_>>().len(),
        "avgSessionDurationMin": mean,
        "p90SessionDurationMin": p90,
        "avgEventsPerSession": per_session,
        "avgTimeBetweenSessionsSec": time_between(known, starts),
        "bounceRate": bounce_rate,
        "revenue": revenue.sum::<i64>(),
    })
}

fn time_between(profile: Option<&Profile>, sessions: usize) -> f64 {
    let Some(profile) = profile.filter(|_| sessions > 1) else {
        return 0.0;
    };
    let read = |text: &str| {
        let moment = text.replacen(' ', "T", 1).parse::<chrono::NaiveDateTime>();
        moment.unwrap().and_utc().timestamp_millis()
    };
    let span = (read(&profile.last_seen_at) - read(&profile.created_at)) as f64 / 1_000.0;
    round(span / (sessions - 1) as f64, 1)
}

/// Between two values, in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

pub(crate) fn types(facts: &Facts) -> Json {
    let types = facts.groups.values().map(|group| &group.kind);
    json!({"types": types.collect::<BTreeSet<_>>()})
}

pub(crate) fn groups(facts: &Facts, kind: Option<&str>, search: Option<&str>) -> Vec<Json> {
    let mut found = facts.groups.values().collect::<Vec<_>>();
    found.retain(|group| {
        kind.is_none_or(|kind| group.kind == kind)
            && search.is_none_or(|search| {
                let search = search.to_lowercase();
                [&group.name, &group.id]
                    .iter()
                    .any(|text| text.to_lowercase().contains(&search))
            })
    });
    found.sort_by_key(|group| (Reverse(group.created_at), &group.id));
    found
        .into_iter()
        .map(|group| group_row(facts, group))
        .collect()
}

fn group_row(facts: &Facts, group: &Group) -> Json {
    json!({
        "id": group.id,
        "projectId": facts.project,
        "type": group.kind,
        "name": group.name,
        "properties": group.properties,
        "createdAt": iso(group.created_at),
        "updatedAt": iso(group.updated_at),
    })
}

fn iso(at: i64) -> String {
    utc(at).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(crate) fn group(facts: &Facts, id: &str, limit: usize) -> Json {
    let mut members = facts.profiles.values().collect::<Vec<_>>();
    members.retain(|profile| profile.groups.contains(id));
    members.sort_by_key(|profile| (Reverse(&profile.created_at), &profile.id));
    let count = members.len();
    let members = members
        .into_iter()
        .take(limit)
        .map(|profile| member(facts, profile));
    json!({
        "group": group_row(facts, &facts.groups[id]),
        "member_count": count,
        "members": members.collect::<Vec<_>>(),
    })
}

fn member(facts: &Facts, profile: &Profile) -> Json {
    let seen = |at: &String| at.replacen(' ', "T", 1) + "Z";
    json!({
        "id": profile.id,
        "firstName": profile.first_name,
        "lastName": profile.last_name,
        "email": profile.email,
        "avatar": profile.avatar,
        "isExternal": true,
        "properties": nested(&profile.properties),
        "createdAt": seen(&profile.created_at),
        "lastSeenAt": seen(&profile.last_seen_at),
        "projectId": facts.project,
        "groups": profile.groups,
    })
}

/// Dots in names made objects. The data set has no name that is both a value and the begin of
/// others.
fn nested(properties: &Properties) -> Json {
    let mut root = Map::new();
    for (key, value) in properties {
        let mut steps = key.split('.').collect::<Vec<_>>();
        let last = steps.pop().unwrap();
        let mut object = &mut root;
        for step in steps {
            let entry = object.entry(step).or_insert_with(|| json!({}));
            object = entry.as_object_mut().unwrap();
        }
        object.insert(last.to_owned(), json!(value));
    }
    root.into()
}

/// Whether an event is one of the profile's own, or of nobody on a device of it.
pub(crate) fn belongs_to(facts: &Facts, event: &Event, profile_id: &str) -> bool {
    let id = facts.meant(profile_id);
    event.profile_id == id
        || event.profile_id == event.device_id
            && !event.device_id.is_empty()
            && facts
                .events
                .iter()
                .any(|other| other.profile_id == id && other.device_id == event.device_id)
}
