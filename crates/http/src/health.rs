//! Liveness and readiness, for orchestrators and load balancers.

use actix_web::{HttpResponse, web};
use paneld_service::{BackendState, Health, Overall};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{endpoint::Endpoint, openapi::refusals::Open};

/// Whether the server can do its work.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ready", "backends": {"catalog": "up",
    "spool": "up", "events": "up", "redis": "up"}}))]
#[schema(as = Readiness)]
pub(crate) struct ReadinessBody {
    /// `ready`; `degraded` when something is away that requests can be served without; or
    /// `unavailable`.
    status: &'static str,
    backends: BackendsBody,
}

/// The backends by name: `up`, `down`, or `off` where the server keeps no events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Backends)]
pub(crate) struct BackendsBody {
    catalog: &'static str,
    /// Where what is tracked waits: `up`, `down` or `off`.
    spool: &'static str,
    /// The event store: `up`, `down` or `off`. While it is away, events wait in the spool.
    events: &'static str,
    /// Only there when a Redis is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
}

/// That the process runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "alive"}))]
#[schema(as = Liveness)]
pub(crate) struct LivenessBody {
    /// Always `alive`.
    status: &'static str,
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_live, live),
        Endpoint::new(__path_ready, ready),
        Endpoint::new(__path_healthcheck, healthcheck),
    ]
}

/// Whether the process runs
///
/// Asks no backend: a server whose catalog is away must not be restarted for it.
#[utoipa::path(get, path = "/healthz/live", tag = "Health", security(()),
    responses((status = 200, description = "It runs", body = LivenessBody),
        Open))]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(LivenessBody { status: "alive" })
}

/// Whether requests can be served
///
/// What it says of the catalog is at most a second old.
#[utoipa::path(get, path = "/healthz/ready", tag = "Health", security(()),
    responses(
        (status = 200, description = "They can", body = ReadinessBody),
        (status = 503, description = "A backend is away", body = ReadinessBody),
        Open))]
pub(crate) async fn ready(health: web::Data<Health>) -> HttpResponse {
    let readiness = health.readiness().await;
    let (status, mut reply) = match readiness.overall {
        Overall::Ready => ("ready", HttpResponse::Ok()),
        Overall::Degraded => ("degraded", HttpResponse::Ok()),
        Overall::Unavailable => ("unavailable", HttpResponse::ServiceUnavailable()),
    };
    let name = |state| match state {
        BackendState::Up => "up",
        BackendState::Down => "down",
        BackendState::Off => "off",
    };
    reply.json(ReadinessBody {
        status,
        backends: BackendsBody {
            catalog: name(readiness.catalog),
            spool: name(readiness.spool),
            events: name(readiness.events),
            redis: readiness.redis.map(name),
        },
    })
}

/// Whether requests can be served
///
/// The same as `/healthz/ready`.
#[utoipa::path(get, path = "/healthcheck", tag = "Health", security(()),
    responses(
        (status = 200, description = "They can", body = ReadinessBody),
        (status = 503, description = "A backend is away", body = ReadinessBody),
        Open))]
pub(crate) async fn healthcheck(health: web::Data<Health>) -> HttpResponse {
    ready(health).await
}
