//! What was wrong with requests to Track.

use actix_web::{HttpResponse, web};
use paneld_auth::permission;
use paneld_domain::Problem;
use paneld_guard::{ApiError, Caller};
use paneld_service::{
    Track,
    ingest::{Diagnostic, Noted, Outcome},
};
use serde::Serialize;
use utoipa::{ToSchema, openapi::Object};

use crate::{
    endpoint::Endpoint,
    error::reply_for,
    openapi::{
        refusals::{Gated, NotFound, details},
        schemas::one_of,
    },
    path_id::PathId,
    reply::{Listed, WireTime},
};

/// Something that was wrong with requests to Track.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Diagnostic, example = json!({
    "at": "2026-01-15T10:30:00.000Z", "count": 3, "outcome": "refused",
    "clientId": "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9", "event": "signup", "code": null,
    "message": "Invalid request body",
    "details": [{"path": ["payload", "properties", "__revenue"],
        "message": "must be a whole number, at least 0"}]
}))]
pub(crate) struct DiagnosticBody {
    /// When it came last.
    #[schema(value_type = String, format = DateTime)]
    at: WireTime,
    /// How often it came since the server keeps it.
    count: u64,
    /// `refused`: nothing of it is kept. `adjusted`: it is kept, but not as it was told.
    #[schema(schema_with = outcomes)]
    outcome: &'static str,
    /// The client that sent it.
    #[schema(format = "uuid")]
    client_id: String,
    /// The event that it told; null where it was none, or could not be read.
    #[schema(required)]
    event: Option<String>,
    /// A stable name for it, where programs need one.
    #[schema(required)]
    code: Option<&'static str>,
    /// What is wrong, in a sentence.
    message: String,
    /// Where in the request, the first five at most.
    #[schema(schema_with = details)]
    details: Vec<Problem>,
}

fn outcomes() -> Object {
    one_of(["refused", "adjusted"])
}

impl From<Noted> for DiagnosticBody {
    fn from(noted: Noted) -> Self {
        let Noted {
            diagnostic,
            at,
            count,
        } = noted;
        let Diagnostic {
            outcome,
            client,
            event,
            code,
            message,
            problems,
        } = diagnostic;
        Self {
            at: WireTime(at),
            count,
            outcome: match outcome {
                Outcome::Refused => "refused",
                Outcome::Adjusted => "adjusted",
            },
            client_id: client.to_string(),
            event,
            code,
            message,
            details: problems,
        }
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_list_diagnostics, list_diagnostics)]
}

/// What was wrong with requests to Track
///
/// The latest requests for the project that were refused for what they told, or whose event is
/// stored otherwise than it was told; the same thing once, with how often it came. This server
/// keeps some of them in memory, since its start.
#[utoipa::path(get, path = "/manage/projects/{id}/track/diagnostics", tag = "Projects",
    params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, description = "The latest first", body = Listed<DiagnosticBody>),
        Gated, NotFound))]
pub(crate) async fn list_diagnostics(
    caller: Caller<permission::Manage>,
    track: web::Data<Track>,
    PathId(id): PathId<paneld_domain::ProjectId>,
) -> Result<HttpResponse, ApiError> {
    let noted = track.diagnostics(&caller.0, id).await.map_err(reply_for)?;
    let listed = Listed::<DiagnosticBody>::whole(noted);
    Ok(HttpResponse::Ok().json(listed))
}
