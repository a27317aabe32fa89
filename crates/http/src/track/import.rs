//! Events of the past: `docs/contract/track.md` §1.5.

use actix_web::{HttpRequest, HttpResponse, http::header::ContentType, web};
use paneld_auth::{Api, permission};
use paneld_guard::{ApiError, BodyBudget, BodySender, Caller, Guard, read_body};
use paneld_service::{
    Track,
    ingest::{Body, ImportRows},
};
use serde_json::Value as Json;
use utoipa::IntoResponses;

use super::{
    bodies::ImportedRow,
    query::{named_project, project_parameter},
    read::{demand_json, not_json},
};
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    openapi::{
        query::{self, query_parameters},
        refusals::{Report, Responses, of_body},
        schemas,
    },
};

/// How many bytes an import may have.
const MOST_BYTES: usize = 32 * 1024 * 1024;

query_parameters! {
    /// Of `/import/events`.
    ImportQuery = [
        query::optional("sessions", schemas::flag(), "Whether to make sessions"),
        project_parameter(),
    ];
}

/// How an import may be refused.
pub(crate) enum Importing {}

impl IntoResponses for Importing {
    fn responses() -> Responses {
        let mut all = Report::responses();
        all.extend(of_body("32 MiB"));
        all
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_import_events, import_events)]
}

/// Import events
///
/// A list of at most 10,000 events in stored form (`name`, `created_at`, `device_id`, …). All of
/// them are taken, or none. A row whose `id` came within a day is there already. With
/// `sessions=true`, rows without a `session_id` are sorted into sessions by the rules of live
/// ones.
#[utoipa::path(post, path = "/import/events", tag = "Track", request_body = Vec<ImportedRow>,
    params(ImportQuery),
    responses((status = 200, description = "They are on disk", body = String,
        content_type = "text/plain"),
        Importing))]
pub(crate) async fn import_events(
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller<permission::Import>,
    track: web::Data<Track>,
    guard: web::Data<Guard>,
    budget: web::Data<BodyBudget>,
) -> Result<HttpResponse, ApiError> {
    demand_json(request.headers())?;
    let payload = payload.into_inner();
    let sender = BodySender::client(caller.0.principal());
    let body = read_body(&request, payload, MOST_BYTES, sender, &budget).await?;
    let turn = track.import_turn(&caller.0).await.map_err(reply_for)?;
    let now = track.now();
    let parse = move |bytes: &[u8]| {
        let text = Body::new(bytes).map_err(not_json)?;
        let rows = ImportRows::read(text.as_str(), now).map_err(ApiError::invalid_body)?;
        // Also when the caller goes away meanwhile, it is its turn until the end.
        Ok::<_, ApiError>((rows, turn))
    };
    // The rows take memory, too: the body's part of the budget is theirs.
    let (read, _held) = body.parse(parse).await?;
    let (rows, turn) = read?;
    let more = u32::try_from(rows.len().saturating_sub(1)).unwrap_or(u32::MAX);
    guard
        .charge_more(&Api::IMPORT, caller.0.principal(), more)
        .await?;
    let named = named_project(&request, &Json::Null);
    let with_sessions = wants_sessions(&request);
    let imported = track.import(&caller.0, named.as_deref(), rows, with_sessions, turn);
    imported.await.map_err(reply_for)?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body("OK"))
}

fn wants_sessions(request: &HttpRequest) -> bool {
    let mut pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    pairs.any(|(name, value)| name == "sessions" && value == "true")
}
