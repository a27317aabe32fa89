//! What happens now: `docs/contract/insights.md` §7.20.

mod sending;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{CONTENT_TYPE, ContentEncoding, HeaderName},
    },
    web,
};
use paneld_auth::permission;
use paneld_guard::{ApiError, Caller, Guard};
use paneld_service::{Live, Reports};
use serde::Serialize;
use utoipa::ToSchema;

use self::sending::Sending;
use crate::{endpoint::Endpoint, error::reply_for, openapi::refusals::Report};

/// What proxies of the family of nginx do not keep until there is more of it.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How many people are there now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Live, example = json!({"visitors": 3}))]
struct LiveBody {
    /// People who did something in the last five minutes.
    visitors: u64,
}

/// The endpoints of those who read reports.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_stream_live, stream_live)]
}

/// What share links show, too.
pub(super) fn overview_endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_get_live, get_live)]
}

/// People live
///
/// How many people did something in the last five minutes.
#[utoipa::path(get, path = "/insights/{projectId}/live", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The number", body = LiveBody),
        Report))]
async fn get_live(
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let visitors = reports.live_visitors(&subject).await.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(LiveBody { visitors }))
}

/// Watch what happens live
///
/// Server-sent events, as browsers read them with `EventSource`. `live` tells how many people did
/// something in the last five minutes: at once, and at most every five seconds where it changes.
/// `event` tells of an event that was stored and that reports have from now on; imported ones are
/// left out. There are at most 20 a second; `dropped` tells how many more there were, or how many
/// the reader was too slow for. After ten minutes the stream ends, and is to be opened again; it
/// ends within 30 seconds when the caller may no longer see the project.
#[utoipa::path(get, path = "/insights/{projectId}/stream", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The stream", body = String,
            content_type = "text/event-stream",
            example = "event: live\ndata: {\"visitors\":3}\n\nevent: event\ndata: {\"id\":\"0193f9c8-3f0e-7c54-9d8a-0a4f7a1d2c3b\",\"name\":\"signup\",\"path\":\"/pricing\",\"createdAt\":\"2026-01-15T10:30:00.000Z\",\"country\":\"SE\"}\n\nevent: dropped\ndata: {\"count\":12}\n\n: \n\n"),
        Report))]
async fn stream_live(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
    live: web::Data<Live>,
    guard: web::Data<Guard>,
) -> Result<HttpResponse, ApiError> {
    let readmission = guard.into_inner().readmission(&request, &caller);
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let mut reply = HttpResponse::Ok();
    reply
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((ACCEL_BUFFERING, "no"))
        // A host's middleware would keep it until there is enough to compress.
        .insert_header(ContentEncoding::Identity);
    if request.method() == Method::HEAD {
        return Ok(reply.finish());
    }
    let watching = live.watch(&subject).await.map_err(reply_for)?;
    let sending = Sending::new(watching, readmission, reports, live, project.into_inner());
    Ok(reply.streaming(sending.into_stream()))
}
