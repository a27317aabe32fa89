//! Raw events: `contract/export.md` §3.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{DefaultWindow, Query, WindowNames};
use paneld_auth::permission;
use paneld_domain::{Event, Profile};
use paneld_guard::{ApiError, Caller};
use paneld_service::{EventsQuery, Reports};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use super::subject;
use crate::{error::reply_for, insights::finish, reply::WireTime};

/// How many events a page has, unless the caller wants another number.
const PAGE: i64 = 50;
/// How many it has at most.
const MOST: i64 = 1_000;

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventsPage)]
pub(crate) struct EventsBody {
    /// Where in the list it is.
    meta: PageBody,
    /// The events, newest first.
    #[schema(value_type = Vec<ExportedEvent>)]
    data: Vec<Json>,
}

/// Where in a list a page is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PageOfEvents, example = json!({"count": 50, "totalCount": 1204, "pages": 25,
    "current": 1}))]
pub(crate) struct PageBody {
    /// How many events this page has.
    count: usize,
    /// How many there are.
    total_count: u64,
    /// How many pages there are.
    pages: u64,
    /// Which page this is; the first is 1.
    current: u64,
}

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

/// Raw events
///
/// All events of a project, newest first.
#[utoipa::path(get, path = "/export/events", tag = "Export",
    params(
        ("projectId" = Option<String>, Query, description = "The project; `project_id` too"),
        ("profileId" = Option<String>, Query, description = "Only what this profile did, also \
            before it was identified"),
        ("event" = Option<String>, Query, description = "Only events of this name; a list, too"),
        ("start" = Option<String>, Query, description = "From when on: a date, or a moment"),
        ("end" = Option<String>, Query, description = "Until when: a date is taken in whole"),
        ("page" = Option<u64>, Query, description = "The page; the first is 1"),
        ("limit" = Option<u32>, Query, description = "How many a page has: 50, at most 1000"),
        ("includes" = Option<String>, Query, description = "What else is wanted of each event, \
            such as `properties,region,profile`")),
    responses((status = 200, description = "The events", body = EventsBody)))]
pub(crate) async fn list_events(
    request: HttpRequest,
    caller: Caller<permission::Export>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::parse(request.query_string());
    let subject = subject(&mut query, &caller, &reports).await?;
    let profile_id = query.text("profileId");
    let names = query.text_list("event").unwrap_or_default();
    let names_of_window = if query.has("start") || query.has("end") {
        WindowNames::EXPORT
    } else {
        WindowNames::DATES
    };
    let window = query.window(
        names_of_window,
        subject.zone,
        reports.now(),
        DefaultWindow::Everything,
    );
    let page = query
        .clamped_integer("page", 1..=i64::from(u32::MAX))
        .unwrap_or(1);
    let limit = query.clamped_integer("limit", 1..=MOST).unwrap_or(PAGE);
    let includes = query.comma_list("includes").unwrap_or_default();
    let window = finish(query, window)?;
    let (page, limit) = (page.unsigned_abs(), limit.unsigned_abs());
    let found = reports.events(EventsQuery {
        project: subject.project.key,
        profile_id,
        names,
        start: window.as_ref().map(|(_, window)| window.start),
        end: window.as_ref().map(|(_, window)| window.end),
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        offset: (page - 1) * limit,
    });
    let found = found.await.map_err(reply_for)?;
    let includes = includes.iter().map(String::as_str).collect::<BTreeSet<_>>();
    let profiles = if includes.contains("profile") {
        let profiles = reports.profiles_of(&subject, &found.rows).await;
        profiles.map_err(reply_for)?
    } else {
        BTreeMap::new()
    };
    let project = subject.project.id.as_str();
    let rows = found.rows.iter();
    let data = rows.map(|event| exported(event, project, &includes, &profiles));
    let data = data.collect::<Result<Vec<_>, _>>()?;
    Ok(HttpResponse::Ok().json(EventsBody {
        meta: PageBody {
            count: data.len(),
            total_count: found.total,
            pages: found.total.div_ceil(limit),
            current: page,
        },
        data,
    }))
}

fn exported(
    event: &Event,
    project: &str,
    includes: &BTreeSet<&str>,
    profiles: &BTreeMap<String, Profile>,
) -> Result<Json, ApiError> {
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
        groups: if includes.contains("groups") {
            &event.groups
        } else {
            &[]
        },
    };
    let mut row = serde_json::to_value(always).map_err(ApiError::internal)?;
    if let Some(row) = row.as_object_mut() {
        include(row, event, project, includes, profiles);
    }
    Ok(row)
}

/// Adds what the caller wants beside. Unknown names are ignored.
fn include(
    row: &mut Map<String, Json>,
    event: &Event,
    project: &str,
    includes: &BTreeSet<&str>,
    profiles: &BTreeMap<String, Profile>,
) {
    let Event {
        place,
        agent,
        referrer,
        sdk,
        ..
    } = event;
    for name in includes {
        let value = match *name {
            "properties" => json!(event.properties),
            "region" => json!(place.region),
            "longitude" => json!(place.longitude),
            "latitude" => json!(place.latitude),
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
            "profile" => profile(event, project, profiles),
            _ => continue,
        };
        row.insert((*name).to_owned(), value);
    }
}

/// The profile of an event; of somebody who is not identified, what a profile would begin with.
fn profile(event: &Event, project: &str, profiles: &BTreeMap<String, Profile>) -> Json {
    let known = profiles.get(&event.profile_id);
    let text = |of: fn(&Profile) -> &str| known.map(of).unwrap_or_default();
    json!({
        "id": known.map_or(event.profile_id.as_str(), |profile| &profile.id),
        "email": text(|profile| &profile.email),
        "avatar": text(|profile| &profile.avatar),
        "firstName": text(|profile| &profile.first_name),
        "lastName": text(|profile| &profile.last_name),
        "isExternal": known.is_some(),
        "properties": known.map(|profile| nested(&profile.properties)).unwrap_or_default(),
        "groups": known.map(|profile| &profile.groups),
        "projectId": project,
        "createdAt": known.map(|profile| WireTime(profile.created_at)),
        "lastSeenAt": known.map(|profile| WireTime(profile.last_seen_at)),
    })
}

/// Properties with dots in their names, as the objects that they were. Where a name is both a
/// value and the begin of others, the others win.
fn nested(properties: &BTreeMap<String, String>) -> Map<String, Json> {
    let mut root = Map::new();
    for (name, value) in properties {
        put(&mut root, name, value);
    }
    root
}

fn put(object: &mut Map<String, Json>, name: &str, value: &str) {
    let Some((first, rest)) = name.split_once('.') else {
        object.insert(name.to_owned(), json!(value));
        return;
    };
    let entry = object.entry(first).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    if let Json::Object(inner) = entry {
        put(inner, rest, value);
    }
}
