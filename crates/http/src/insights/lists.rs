//! Raw events and sessions, and what is in events: `docs/contract/insights.md` §7.14, §7.15, §7.17.

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{
    Column, DefaultWindow, EventsRequest, Query, SessionsRequest, Window, WindowNames,
};
use paneld_auth::permission;
use paneld_domain::{Timestamp, Zone};
use paneld_guard::{ApiError, Caller};
use paneld_service::{Reports, Subject};
use serde::Serialize;
use utoipa::{ToSchema, openapi::path::Parameter};

use super::{session_row::SessionRow, stored_rows::EventRow};
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::text,
    },
};

/// How many rows are shown when nothing is said.
pub(super) const PAGE: u32 = 20;
/// How many are shown at most.
pub(super) const MOST: u32 = 100;

const NAMES: u32 = 50;
const KEYS: u32 = 500;
const VALUES: u32 = 200;

/// Columns of sessions and of events that callers compare with a text, by parameter.
const COLUMNS: [(&str, Column, &str); 8] = [
    ("country", Column::Country, "The code of the country"),
    ("city", Column::City, "The city"),
    ("device", Column::Device, "The kind of device"),
    ("browser", Column::Browser, "The browser"),
    ("os", Column::Os, "The operating system"),
    ("referrer", Column::Referrer, "The URL of the referrer"),
    (
        "referrerName",
        Column::ReferrerName,
        "The name of the referrer",
    ),
    ("referrerType", Column::ReferrerType, "The kind of referrer"),
];

/// The columns of events in which readers look for values.
const EVENT_COLUMNS: [&str; 22] = [
    "path",
    "origin",
    "referrer",
    "referrer_name",
    "referrer_type",
    "duration",
    "country",
    "city",
    "region",
    "os",
    "os_version",
    "browser",
    "browser_version",
    "device",
    "brand",
    "model",
    "sdk_name",
    "sdk_version",
    "profile_id",
    "session_id",
    "device_id",
    "revenue",
];

/// What events have, apart from their names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventProperties)]
pub(crate) struct PropertiesBody {
    /// What all events have.
    columns: [&'static str; 22],
    /// What some have beside, in the order of the keys; 500 at most.
    properties: Vec<PropertyKeyBody>,
}

/// A property of events of one name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventPropertyKey, example = json!({"property_key": "plan", "event_name": "signup"}))]
pub(crate) struct PropertyKeyBody {
    property_key: String,
    event_name: String,
}

/// What a property was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventPropertyValues, example = json!({"event": "signup", "property": "plan",
    "values": ["pro", "free"]}))]
pub(crate) struct ValuesBody {
    event: String,
    property: String,
    /// Each once, the latest first; 200 at most.
    values: Vec<String>,
}

query_parameters! {
    /// Of `/events`.
    EventsQuery = [
        query::window("the last 30 days").to_vec(),
        vec![
            query::optional_texts("eventNames", "Only events of these names"),
            query::optional_text("path", "Only events of this page"),
        ],
        columns_query(),
        vec![query::text_map("properties", "Properties and what they must be")],
        query::paging_within(MOST, "20").to_vec(),
    ]
    .concat();
    /// Of `/events/properties`.
    EventPropertiesQuery = [query::optional_text(
        "eventName",
        "Only of events of this name",
    )];
    /// Of `/events/property_values`.
    PropertyValuesQuery = [
        query::required("eventName", text(), "The name of the events"),
        query::required(
            "propertyKey",
            text(),
            "The property; columns have no values here",
        ),
    ];
    /// Of `/sessions`.
    SessionsQuery = [
        query::window("the last 30 days").to_vec(),
        columns_query(),
        query::paging_within(MOST, "20").to_vec(),
    ]
    .concat();
}

/// What events and sessions are compared with alike.
fn columns_query() -> Vec<Parameter> {
    let columns = COLUMNS.iter();
    let columns = columns.map(|(name, _, what)| query::optional_text(name, what));
    let profile = query::optional_text("profileId", "The profile, or an alias of it");
    columns.chain([profile, query::filters()]).collect()
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_find_events, find_events),
        Endpoint::new(__path_list_event_names, list_event_names),
        Endpoint::new(__path_list_event_properties, list_event_properties),
        Endpoint::new(__path_list_property_values, list_property_values),
        Endpoint::new(__path_list_sessions, list_sessions),
    ]
}

/// Events
///
/// Events of a window, newest first. All conditions have to be met; texts are compared exactly.
#[utoipa::path(get, path = "/insights/{projectId}/events", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        EventsQuery),
    responses((status = 200, description = "The events", body = Vec<EventRow>),
        Report))]
pub(crate) async fn find_events(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        let window = window(query, zone, now);
        let names = query.text_list("eventNames").unwrap_or_default();
        let mut columns = exact_columns(query);
        columns.extend(exact(query, "path", Column::Path));
        let profile_id = query.text("profileId");
        let properties = query.text_map("properties").unwrap_or_default();
        let filters = query.filters("filters");
        let paging = query.paging_within(PAGE, MOST);
        let asked = EventsRequest {
            window: window?,
            names,
            columns,
            properties,
            filters,
            paging,
        };
        Some((asked, profile_id))
    });
    let (mut asked, profile_id) = asked.await?;
    asked
        .columns
        .extend(of_profile(&reports, &subject, profile_id).await?);
    let events = reports.find_events(&subject, asked).await;
    let events = events.map_err(reply_for)?;
    let answer = subject.answer(&events).map_err(reply_for)?;
    offload::json_of_rows(subject.compute(), answer, move || {
        let project = subject.project().id.as_str();
        let rows = events.iter().map(|event| EventRow::new(event, project));
        Ok(rows.collect::<Vec<_>>())
    })
    .await
}

/// Names of events
///
/// The names of all events that ever came, the most frequent first; 50 at most.
#[utoipa::path(get, path = "/insights/{projectId}/events/names", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The names", body = Vec<String>),
        Report))]
pub(crate) async fn list_event_names(
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let names = reports.event_names(&subject, NAMES).await;
    let names = names.map_err(reply_for)?;
    offload::json(subject.compute(), move || Ok(names)).await
}

/// Properties of events
///
/// The columns that all events have, and the properties that were sent with them.
#[utoipa::path(get, path = "/insights/{projectId}/events/properties", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        EventPropertiesQuery),
    responses((status = 200, description = "The properties", body = PropertiesBody),
        Report))]
pub(crate) async fn list_event_properties(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let asked = question(&request, subject.compute(), |query| {
        Some(query.text("eventName"))
    });
    let keys = reports.property_keys(&subject, asked.await?, KEYS).await;
    let keys = keys.map_err(reply_for)?.into_iter();
    offload::json(subject.compute(), move || {
        let properties = keys.map(|(property_key, event_name)| PropertyKeyBody {
            property_key,
            event_name,
        });
        Ok(PropertiesBody {
            columns: EVENT_COLUMNS,
            properties: properties.collect(),
        })
    })
    .await
}

/// Values of a property
///
/// What a property of events of one name was. Empty values are left out.
#[utoipa::path(get, path = "/insights/{projectId}/events/property_values", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        PropertyValuesQuery),
    responses((status = 200, description = "The values", body = ValuesBody),
        Report))]
pub(crate) async fn list_property_values(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let asked = question(&request, subject.compute(), |query| {
        let event = query.required("eventName", Query::text);
        let property = query.required("propertyKey", Query::text);
        event.zip(property)
    });
    let (event, property) = asked.await?;
    let values = reports.property_values(&subject, event.clone(), property.clone(), VALUES);
    let values = values.await.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        Ok(ValuesBody {
            event,
            property,
            values,
        })
    })
    .await
}

/// Sessions
///
/// Sessions that began in a window, newest first. All conditions have to be met; texts are
/// compared exactly. A filter about `path` asks for an event in the window that matches all
/// filters; so do, together, filters about what only events have.
#[utoipa::path(get, path = "/insights/{projectId}/sessions", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        SessionsQuery),
    responses((status = 200, description = "The sessions", body = Vec<SessionRow>),
        Report))]
pub(crate) async fn list_sessions(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        let window = window(query, zone, now);
        let columns = exact_columns(query);
        let profile_id = query.text("profileId");
        let filters = query.filters("filters");
        let paging = query.paging_within(PAGE, MOST);
        let asked = SessionsRequest {
            window: window?,
            columns,
            filters,
            paging,
        };
        Some((asked, profile_id))
    });
    let (mut asked, profile_id) = asked.await?;
    asked
        .columns
        .extend(of_profile(&reports, &subject, profile_id).await?);
    let sessions = reports.find_sessions(&subject, asked).await;
    let sessions = sessions.map_err(reply_for)?;
    let answer = subject.answer(&sessions).map_err(reply_for)?;
    offload::json_of_rows(subject.compute(), answer, move || {
        Ok(session_rows(sessions, &subject))
    })
    .await
}

/// Sessions as rows.
pub(super) fn session_rows(
    sessions: Vec<paneld_domain::Session>,
    subject: &Subject,
) -> Vec<SessionRow> {
    let project = subject.project().id.as_str();
    let rows = sessions
        .into_iter()
        .map(|session| SessionRow::new(session, project));
    rows.collect()
}

fn window(query: &mut Query, zone: Zone, now: Timestamp) -> Option<Window> {
    let found = query.window(WindowNames::DATES, zone, now, DefaultWindow::THIRTY_DAYS);
    found.map(|(_, window)| window)
}

fn exact_columns(query: &mut Query) -> Vec<(Column, Vec<String>)> {
    let columns = COLUMNS.iter();
    columns
        .filter_map(|&(name, column, _)| exact(query, name, column))
        .collect()
}

fn exact(query: &mut Query, name: &str, column: Column) -> Option<(Column, Vec<String>)> {
    query.text(name).map(|text| (column, vec![text]))
}

async fn of_profile(
    reports: &Reports,
    subject: &Subject,
    id: Option<String>,
) -> Result<Option<(Column, Vec<String>)>, ApiError> {
    let Some(id) = id else {
        return Ok(None);
    };
    let ids = reports.ids_of(subject, id).await.map_err(reply_for)?;
    Ok(Some((Column::ProfileId, ids)))
}
