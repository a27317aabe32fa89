//! An event as it is exported: `docs/contract/export.md` §3.4.

use std::collections::BTreeSet;

use paneld_analytics::{Column, EventColumn};
use paneld_domain::{Event, Profile};
use paneld_service::ProfilesBeside;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use crate::{nested::nested, reply::WireTime};

/// An event. Only what stands here is always there; the rest comes with `includes`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExportedEvent)]
pub(crate) struct ExportedEvent<'a> {
    id: String,
    name: &'a str,
    device_id: &'a str,
    profile_id: &'a str,
    session_id: &'a str,
    project_id: &'a str,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    path: &'a str,
    country: &'a str,
    city: &'a str,
    os: &'a str,
    browser: &'a str,
    /// In milliseconds; of `session_end` only.
    duration: u64,
    /// Filled with `includes=groups`.
    groups: &'a [String],
}

/// What streams tell of every event, by the name of the field.
const ALWAYS: &[(&str, Column)] = &[
    ("id", Column::Id),
    ("name", Column::Name),
    ("deviceId", Column::DeviceId),
    ("profileId", Column::ProfileId),
    ("sessionId", Column::SessionId),
    ("projectId", Column::ProjectId),
    ("createdAt", Column::CreatedAt),
    ("path", Column::Path),
    ("country", Column::Country),
    ("city", Column::City),
    ("os", Column::Os),
    ("browser", Column::Browser),
    ("duration", Column::Duration),
];

/// What comes on demand, beside groups, properties and the profile.
const ON_DEMAND: &[(&str, Column)] = &[
    ("region", Column::Region),
    ("longitude", Column::Longitude),
    ("latitude", Column::Latitude),
    ("osVersion", Column::OsVersion),
    ("browserVersion", Column::BrowserVersion),
    ("device", Column::Device),
    ("brand", Column::Brand),
    ("model", Column::Model),
    ("origin", Column::Origin),
    ("referrer", Column::Referrer),
    ("referrerName", Column::ReferrerName),
    ("referrerType", Column::ReferrerType),
    ("sdkName", Column::SdkName),
    ("sdkVersion", Column::SdkVersion),
    ("revenue", Column::Revenue),
    ("importedAt", Column::ImportedAt),
];

/// What comes on demand, beside columns.
const MORE_ON_DEMAND: [&str; 3] = ["groups", "properties", "profile"];

/// Names for several things that come on demand.
const GROUPS: &[(&str, &[&str])] = &[
    ("geo", &["region", "longitude", "latitude"]),
    (
        "device",
        &["device", "brand", "model", "osVersion", "browserVersion"],
    ),
];

/// The name for everything that comes on demand.
const ALL: &str = "all";

/// What a caller wants beside.
#[derive(Debug, Clone, Default)]
pub(super) struct Includes(BTreeSet<&'static str>);

impl Includes {
    /// Reads names, and sorts out those that mean nothing.
    pub(super) fn read(names: Vec<String>) -> (Self, Vec<String>) {
        let (mut wanted, mut unknown) = (BTreeSet::new(), Vec::new());
        for name in names {
            let group = GROUPS.iter().find(|(group, _)| *group == name);
            if name == ALL {
                wanted.extend(Self::single());
            } else if let Some((_, members)) = group {
                wanted.extend(*members);
            } else if let Some(single) = Self::single().find(|single| *single == name) {
                wanted.insert(single);
            } else if !ALWAYS.iter().any(|(always, _)| *always == name) {
                unknown.push(name);
            }
        }
        (Self(wanted), unknown)
    }

    /// All names that mean something.
    pub(super) fn names() -> Vec<&'static str> {
        let groups = GROUPS.iter().map(|(name, _)| *name);
        let groups = groups.filter(|name| !Self::single().any(|single| single == *name));
        Self::single().chain(groups).chain([ALL]).collect()
    }

    /// The names of single things that come on demand.
    fn single() -> impl Iterator<Item = &'static str> {
        let columns = ON_DEMAND.iter().map(|(name, _)| *name);
        columns.chain(MORE_ON_DEMAND)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The fields of a stream, but for the profile.
    pub(super) fn fields(&self) -> Vec<(&'static str, EventColumn)> {
        let wanted = ON_DEMAND.iter().filter(|(name, _)| self.has(name));
        let columns = ALWAYS.iter().chain(wanted);
        let columns = columns.map(|&(name, column)| (name, EventColumn::One(column)));
        let lists = [
            ("groups", EventColumn::Groups),
            ("properties", EventColumn::Properties),
        ];
        let lists = lists.into_iter().filter(|(name, _)| self.has(name));
        columns.chain(lists).collect()
    }
}

/// An event of a project.
pub(super) fn exported(
    event: &Event,
    project: &str,
    includes: &Includes,
    profiles: &ProfilesBeside,
) -> serde_json::Result<Json> {
    let always = ExportedEvent {
        id: event.id.to_string(),
        name: &event.name,
        device_id: &event.device_id,
        profile_id: &event.profile_id,
        session_id: &event.session_id,
        project_id: project,
        created_at: WireTime(event.created_at),
        path: &event.path,
        country: &event.place.country,
        city: &event.place.city,
        os: &event.agent.os,
        browser: &event.agent.browser,
        duration: event.duration_ms,
        groups: if includes.has("groups") {
            &event.groups
        } else {
            &[]
        },
    };
    let mut row = serde_json::to_value(always)?;
    if let Some(row) = row.as_object_mut() {
        include(row, event, project, includes, profiles);
    }
    Ok(row)
}

/// Adds what the caller wants beside.
fn include(
    row: &mut Map<String, Json>,
    event: &Event,
    project: &str,
    includes: &Includes,
    profiles: &ProfilesBeside,
) {
    let Event {
        place,
        agent,
        referrer,
        sdk,
        ..
    } = event;
    for &name in &includes.0 {
        let value = match name {
            "properties" => json!(event.properties),
            "region" => json!(place.region),
            "longitude" => json!(place.longitude.map(degrees)),
            "latitude" => json!(place.latitude.map(degrees)),
            "osVersion" => json!(agent.os_version),
            "browserVersion" => json!(agent.browser_version),
            "device" => json!(agent.device),
            "brand" => json!(agent.brand),
            "model" => json!(agent.model),
            "origin" => json!(event.origin),
            "referrer" => json!(referrer.url),
            "referrerName" => json!(referrer.name),
            "referrerType" => json!(referrer.kind),
            "sdkName" => json!(sdk.name),
            "sdkVersion" => json!(sdk.version),
            "revenue" => json!(event.revenue),
            "importedAt" => match event.imported_at {
                Some(at) => json!(WireTime(at)),
                None => continue,
            },
            "profile" => {
                let known = profiles.get(&event.profile_id);
                profile(&event.profile_id, known, project)
            }
            _ => continue,
        };
        row.insert(name.to_owned(), value);
    }
}

/// Degrees as they were told: 59.33, not the 59.33000183105469 that is nearest to it in memory.
pub(super) fn degrees(stored: f32) -> f64 {
    stored.to_string().parse().unwrap_or(f64::from(stored))
}

/// The profile of an event; of somebody who is not identified, what a profile would begin with.
pub(super) fn profile(id: &str, known: Option<&Profile>, project: &str) -> Json {
    let text = |of: fn(&Profile) -> &str| known.map(of).unwrap_or_default();
    json!({
        "id": known.map_or(id, |profile| &profile.id),
        "email": text(|profile| &profile.email),
        "avatar": text(|profile| &profile.avatar),
        "firstName": text(|profile| &profile.first_name),
        "lastName": text(|profile| &profile.last_name),
        "isExternal": known.is_some(),
        "properties": known.map(|profile| nested(&profile.properties)).unwrap_or_default(),
        "groups": known.map(|profile| profile.groups.clone()).unwrap_or_default(),
        "projectId": project,
        "createdAt": known.map(|profile| WireTime(profile.created_at)),
        "lastSeenAt": known.map(|profile| WireTime(profile.last_seen_at)),
    })
}
