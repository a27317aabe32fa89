//! Insights: answers about what was tracked. `contract/insights.md`.

pub(crate) mod behaviour;
pub(crate) mod figures;
pub(crate) mod pages;
mod rows;

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::Query;
use paneld_auth::permission;
use paneld_guard::{ApiError, Caller};
use paneld_service::Reports;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::rows::{EventRow, ProfileRow};
use crate::{
    error::{reply_for, wrong_question},
    routes::Endpoint,
};

/// How many of a profile's newest events are shown.
const PROFILE_EVENTS: u32 = 20;

/// How many people are there now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Live, example = json!({"visitors": 3}))]
pub(crate) struct LiveBody {
    /// People who did something in the last five minutes.
    visitors: u64,
}

/// A profile, and what it did last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProfileWithEvents)]
pub(crate) struct ProfileBody {
    /// The profile.
    profile: ProfileRow,
    /// Its newest events.
    #[serde(rename = "recentEvents")]
    recent_events: Vec<EventRow>,
    /// The same, under the name that other readers expect.
    #[serde(rename = "recent_events")]
    recent_events_again: Vec<EventRow>,
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![
        Endpoint::new(__path_get_live, get_live),
        Endpoint::new(__path_get_profile, get_profile),
    ];
    all.extend(figures::endpoints());
    all.extend(pages::endpoints());
    all.extend(behaviour::endpoints());
    all
}

/// People live
///
/// How many people did something in the last five minutes.
#[utoipa::path(get, path = "/insights/{projectId}/live", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The number", body = LiveBody)))]
pub(crate) async fn get_live(
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let visitors = reports.live_visitors(&subject).await.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(LiveBody { visitors }))
}

/// A profile
///
/// What is known of somebody who was identified, and the newest events.
#[utoipa::path(get, path = "/insights/{projectId}/profiles/{profileId}", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ("profileId" = String, Path, description = "The profile, or an alias of it"),
        ("eventLimit" = Option<u32>, Query, description = "How many events, at most 100")),
    responses((status = 200, description = "The profile", body = ProfileBody)))]
pub(crate) async fn get_profile(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    path: web::Path<(String, String)>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let (project, id) = path.into_inner();
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let mut query = Query::parse(request.query_string());
    let limit = query.integer("eventLimit", 1..=100);
    let limit = finish(query, limit)?.and_then(|limit| u32::try_from(limit).ok());
    let limit = limit.unwrap_or(PROFILE_EVENTS);
    let found = reports.profile(&subject, &id, limit).await;
    let found = found.map_err(reply_for)?;
    let project = subject.project.id.as_str();
    let rows = |_| {
        let rows = found
            .events
            .iter()
            .map(|event| EventRow::new(event, project));
        rows.collect::<Vec<_>>()
    };
    Ok(HttpResponse::Ok().json(ProfileBody {
        profile: ProfileRow::new(&found.profile, project),
        recent_events: rows(()),
        recent_events_again: rows(()),
    }))
}

/// What was asked, unless something is wrong with it: then all of that is told.
pub(crate) fn finish<T>(query: Query, asked: T) -> Result<T, ApiError> {
    match query.finish() {
        Ok(()) => Ok(asked),
        Err(problems) => Err(wrong_question(problems)),
    }
}
