//! Insights: answers about what was tracked. `docs/contract/insights.md`.

pub(crate) mod behaviour;
pub(crate) mod figures;
mod glance;
pub(crate) mod groups;
pub(crate) mod lists;
pub(crate) mod pages;
pub(crate) mod profiles;
mod rows;
mod session_row;

use actix_web::{HttpResponse, web};
use paneld_auth::permission;
use paneld_guard::{ApiError, Caller};
use paneld_service::Reports;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{endpoint::Endpoint, error::reply_for, openapi::refusals::Report};

/// How many people are there now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Live, example = json!({"visitors": 3}))]
pub(crate) struct LiveBody {
    /// People who did something in the last five minutes.
    visitors: u64,
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = glance::endpoints();
    all.extend(figures::endpoints());
    all.extend(pages::endpoints());
    all.extend(behaviour::endpoints());
    all.extend(lists::endpoints());
    all.extend(profiles::endpoints());
    all.extend(groups::endpoints());
    all
}

/// What the overview of a project is made of: a closed list, which share links show, too.
pub(crate) fn overview_endpoints() -> Vec<Endpoint> {
    let mut all = vec![Endpoint::new(__path_get_live, get_live)];
    all.extend(figures::overview_endpoints());
    all.extend(pages::overview_endpoints());
    all
}

/// People live
///
/// How many people did something in the last five minutes.
#[utoipa::path(get, path = "/insights/{projectId}/live", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The number", body = LiveBody),
        Report))]
pub(crate) async fn get_live(
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let visitors = reports.live_visitors(&subject).await.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(LiveBody { visitors }))
}
