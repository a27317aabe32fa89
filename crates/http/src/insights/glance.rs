//! All projects at a glance: `docs/contract/insights.md` §7.19.

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{DefaultWindow, MetricsRequest};
use paneld_auth::permission;
use paneld_domain::{PageRequest, Problem, Project};
use paneld_guard::{ApiError, Caller};
use paneld_service::{Compute, Glance, Reports};
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::{MetricsBody, PointBody, figures, window};
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::{BadRequest, Gated},
        schemas::{text, whole_number},
    },
    reply::{Cursor, Listed},
};

/// How many projects are shown when nothing is said.
const SHOWN: i64 = 20;
/// How many are shown at most: each is a question of its own.
const MOST: i64 = 50;

/// A project, and how it does.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Glance)]
pub(crate) struct GlanceBody {
    project: GlanceProject,
    /// Of the whole window; null where counting took too long.
    #[schema(required)]
    metrics: Option<MetricsBody>,
    /// Of each part of it, in order.
    series: Vec<PointBody>,
    /// People who did something in the last five minutes; null where counting took too long.
    #[schema(required)]
    live: Option<u64>,
}

/// What a project is called.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GlanceProject)]
pub(crate) struct GlanceProject {
    id: String,
    name: String,
    #[schema(required)]
    domain: Option<String>,
}

impl From<Project> for GlanceProject {
    fn from(project: Project) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name.to_string(),
            domain: project.domain.map(|domain| domain.to_string()),
        }
    }
}

impl From<Glance> for GlanceBody {
    fn from(glance: Glance) -> Self {
        let live = glance.figures.as_ref().map(|figures| figures.live);
        let counted = glance.figures.map(|counted| figures(counted.metrics));
        let (metrics, series) = counted.unzip();
        Self {
            project: glance.project.into(),
            metrics,
            series: series.unwrap_or_default(),
            live,
        }
    }
}

query_parameters! {
    /// Of all projects.
    GlanceQuery = [
        query::window("the last 7 days").to_vec(),
        vec![
            query::optional(
                "limit",
                whole_number(1, MOST),
                "At most so many projects; 20 when nothing is said",
            ),
            query::optional("cursor", text(), "The `nextCursor` of the part before"),
        ],
    ]
    .concat();
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_get_glances, get_glances)]
}

/// All projects at a glance
///
/// The key figures of every project that the client may ask about, the newest projects first.
/// Figures that are not counted within ten seconds are null.
#[utoipa::path(get, path = "/insights", tag = "Insights",
    params(GlanceQuery),
    responses((status = 200, description = "The projects", body = Listed<GlanceBody>),
        Gated, BadRequest))]
pub(crate) async fn get_glances(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    reports: web::Data<Reports>,
    compute: web::Data<Compute>,
) -> Result<HttpResponse, ApiError> {
    let (caller, now) = (caller.0, reports.now());
    let zone = caller.principal().organization().zone;
    let asked = question(&request, compute.of(&caller), move |query| {
        let window = window(query, zone, now, DefaultWindow::SEVEN_DAYS);
        let limit = query.integer("limit", 1..=MOST).unwrap_or(SHOWN);
        let cursor = query.text("cursor").map(|text| text.parse::<Cursor>());
        let after = cursor.transpose().map_err(|why| {
            query.report(Problem::of("cursor", &why));
        });
        let page = PageRequest {
            limit: u32::try_from(limit).ok(),
            after: after.ok()?.map(|Cursor(position)| position),
        };
        let asked = MetricsRequest::new(window?.1, None, zone, Vec::new());
        let asked = asked.map_err(|why| query.report(Problem::of("startDate", &why)));
        Some((page, asked.ok()?))
    });
    let (page, asked) = asked.await?;
    let glances = reports.at_a_glance(&caller, page, &asked).await;
    let glances = glances.map_err(reply_for)?;
    offload::json(compute.of(&caller), move || {
        Ok(Listed::<GlanceBody>::page(glances, true))
    })
    .await
}
