//! Which ways people take: funnels and flows.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use paneld_analytics::{
    DefaultWindow, FlowAnswer, FlowMode, FlowRequest, FunnelAnswer, FunnelRequest, FunnelUnit,
    Query,
};
use paneld_auth::permission;
use paneld_domain::{Problem, Timestamp, Zone};
use paneld_guard::{ApiError, Caller};
use paneld_service::Reports;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::figures::window;
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::{list, one_of, text, whole_number},
    },
};

/// How many hours a funnel may take, unless the caller wants another number.
const HOURS: i64 = 24;
/// How many names a path has at most, unless the caller wants another number.
const STEPS: usize = 5;

/// How many take a way step by step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Funnel)]
pub(crate) struct FunnelBody {
    /// All steps, also those that nobody reached.
    steps: Vec<FunnelStepBody>,
    /// How many reached the first step.
    total_users: u64,
    /// How many reached the last step.
    completed_users: u64,
    /// How many of a hundred that is.
    overall_conversion_rate: f64,
}

/// A step of a funnel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FunnelStep, example = json!({"step": 1, "eventName": "signup", "users": 8,
    "conversionRateFromStart": 100.0, "dropoffPercent": 62.5, "isHighestDropoff": true}))]
pub(crate) struct FunnelStepBody {
    /// The first is 1.
    step: usize,
    event_name: String,
    /// How many sessions, or profiles, reached it.
    users: u64,
    /// How many of a hundred that is of those that reached the first step.
    conversion_rate_from_start: f64,
    /// How many of a hundred do not reach the next step; null on the last.
    dropoff_percent: Option<f64>,
    /// Whether more are lost after it than after any other.
    is_highest_dropoff: bool,
}

/// The ways that most sessions take through events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserFlow)]
pub(crate) struct UserFlowBody {
    #[schema(example = "after")]
    mode: &'static str,
    #[serde(rename = "startEvent")]
    start_event: String,
    #[serde(rename = "endEvent", skip_serializing_if = "Option::is_none")]
    end_event: Option<String>,
    node_count: usize,
    link_count: usize,
    /// By step, those with most sessions first.
    nodes: Vec<FlowNodeBody>,
    links: Vec<FlowLinkBody>,
}

/// Events of a name, at a place in the paths of sessions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserFlowNode, example = json!({"id": "signup::step1", "label": "signup",
    "nodeColor": "#2563EB", "percentage": 100.0, "value": 21, "step": 1}))]
pub(crate) struct FlowNodeBody {
    id: String,
    label: String,
    node_color: &'static str,
    /// How many of a hundred sessions come here.
    percentage: f64,
    /// How many sessions come here.
    value: u64,
    /// The first is 1.
    step: usize,
}

/// A way from one node to another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserFlowLink, example = json!({"source": "signup::step1",
    "target": "screen_view::step2", "value": 17}))]
pub(crate) struct FlowLinkBody {
    source: String,
    target: String,
    /// How many sessions take it.
    value: u64,
}

query_parameters! {
    /// Of `/funnel`.
    FunnelQuery = [
        vec![
            query::required(
                "steps",
                list(text(), FunnelRequest::FEWEST_STEPS, FunnelRequest::MOST_STEPS),
                "Names of events: a JSON list, repeated, or with brackets",
            ),
            query::optional(
                "windowHours",
                whole_number(1, 720),
                "Within how many hours of the first step the others must follow: 24, unless it \
                 is given",
            ),
            query::optional(
                "groupBy",
                one_of(["session_id", "profile_id"]),
                "Who takes the steps: sessions, unless it is given",
            ),
        ],
        query::window("the last 30 days").to_vec(),
    ]
    .concat();
    /// Of `/user_flow`.
    UserFlowQuery = [
        vec![
            query::required("startEvent", text(), "The name of the start event"),
            query::optional_text(
                "endEvent",
                "The name of the end event; required with `mode=between`",
            ),
            query::optional(
                "mode",
                one_of(["after", "before", "between"]),
                "Where the events in a row are; `after` the start when nothing is said",
            ),
            query::optional(
                "steps",
                whole_number(2, 10),
                "How many events in a row are looked at: 5, unless it is given",
            ),
            query::optional_texts(
                "include",
                "Pass over other events than these, the start and the end",
            ),
            query::optional_texts("exclude", "Or pass over these events"),
        ],
        query::window("the last 30 days").to_vec(),
    ]
    .concat();
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_get_funnel, get_funnel),
        Endpoint::new(__path_get_user_flow, get_user_flow),
    ]
}

/// Funnel
///
/// How many sessions or profiles have events of these names in this order, each later than the
/// one before and all within a time from the first. What happens in between does not matter, and
/// the best attempt counts.
#[utoipa::path(get, path = "/insights/{projectId}/funnel", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        FunnelQuery),
    responses((status = 200, description = "The steps", body = FunnelBody),
        Report))]
pub(crate) async fn get_funnel(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        funnel_request(query, zone, now)
    });
    let answer = reports.funnel(&subject, asked.await?).await;
    let answer = answer.map_err(reply_for)?;
    offload::json(subject.compute(), move || Ok(FunnelBody::from(answer))).await
}

fn funnel_request(query: &mut Query, zone: Zone, now: Timestamp) -> Option<FunnelRequest> {
    let steps = query.required("steps", Query::text_list);
    let hours = query.integer("windowHours", 1..=720).unwrap_or(HOURS);
    let unit = query.parsed::<FunnelUnit>("groupBy").unwrap_or_default();
    let window = window(query, zone, now, DefaultWindow::THIRTY_DAYS);
    // An impossible number of steps is told also where the window is wrong.
    let any = paneld_analytics::Window::everything();
    let window = window.map_or(any, |(_words, window)| window);
    match FunnelRequest::new(window, steps?, TimeDelta::hours(hours), unit) {
        Ok(request) => Some(request),
        Err(problem) => {
            query.report(Problem::of("steps", &problem));
            None
        }
    }
}

impl From<FunnelAnswer> for FunnelBody {
    fn from(answer: FunnelAnswer) -> Self {
        Self {
            total_users: answer.total(),
            completed_users: answer.completed(),
            overall_conversion_rate: answer.conversion_rate,
            steps: answer
                .steps
                .into_iter()
                .enumerate()
                .map(|(before, step)| FunnelStepBody {
                    step: before + 1,
                    event_name: step.name,
                    users: step.users,
                    conversion_rate_from_start: step.conversion_rate,
                    dropoff_percent: step.dropoff,
                    is_highest_dropoff: step.is_highest_dropoff,
                })
                .collect(),
        }
    }
}

/// User flow
///
/// Which events follow one another in sessions: after the first start event, before it, or from
/// it to the end event. Events of the same name in a row count as one. Shown are the three most
/// common first events, and from each event the three most common next ones.
#[utoipa::path(get, path = "/insights/{projectId}/user_flow", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        UserFlowQuery),
    responses((status = 200, description = "The ways", body = UserFlowBody),
        Report))]
pub(crate) async fn get_user_flow(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        flow_request(query, zone, now)
    });
    let asked = asked.await?;
    let answer = reports.user_flow(&subject, asked.clone()).await;
    let answer = answer.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        Ok(UserFlowBody::new(asked, answer))
    })
    .await
}

fn flow_request(query: &mut Query, zone: Zone, now: Timestamp) -> Option<FlowRequest> {
    let start = query.required("startEvent", Query::text);
    let end = query.text("endEvent");
    let mode = query.parsed::<FlowMode>("mode").unwrap_or_default();
    let steps = query.integer("steps", 2..=10);
    let include = query.text_list("include").unwrap_or_default();
    let exclude = query.text_list("exclude").unwrap_or_default();
    let window = window(query, zone, now, DefaultWindow::THIRTY_DAYS);
    if mode == FlowMode::Between && !query.has("endEvent") {
        let why = "is required when mode is \"between\"";
        query.report(Problem::at(["endEvent".into()], why));
    }
    Some(FlowRequest {
        window: window?.1,
        mode,
        start: start?,
        end,
        steps: steps
            .and_then(|steps| usize::try_from(steps).ok())
            .unwrap_or(STEPS),
        include,
        exclude,
    })
}

impl UserFlowBody {
    fn new(request: FlowRequest, answer: FlowAnswer) -> Self {
        let nodes = answer.nodes.into_iter().map(|node| FlowNodeBody {
            id: node.id,
            label: node.name,
            node_color: node.colour,
            percentage: node.percentage,
            value: node.value,
            step: node.step,
        });
        let links = answer.links.into_iter().map(|link| FlowLinkBody {
            source: link.source,
            target: link.target,
            value: link.value,
        });
        let (nodes, links) = (nodes.collect::<Vec<_>>(), links.collect::<Vec<_>>());
        Self {
            mode: request.mode.name(),
            start_event: request.start,
            end_event: request.end,
            node_count: nodes.len(),
            link_count: links.len(),
            nodes,
            links,
        }
    }
}
