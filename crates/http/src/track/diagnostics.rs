//! What is noted of requests that are refused, for those who ask why nothing arrives.

use actix_web::{ResponseError as _, http::StatusCode};
use paneld_guard::{AdmittedTracker, ApiError, Detail, PathStep};
use paneld_service::{
    Track,
    ingest::{self, Diagnostic, Outcome, Problem},
};

/// Notes that a request is refused for what it is. That too many come says nothing of one of them,
/// and a fault of ours is none of the caller's. Whose it is shows the client's own project: others
/// it cannot be refused for before it was read.
pub(super) fn note(
    track: &Track,
    admitted: &AdmittedTracker,
    error: &ApiError,
    event: Option<String>,
) {
    let principal = admitted.tracker.principal();
    let status = error.status_code();
    let is_told = status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS;
    let Some(project) = principal.project().filter(|_| is_told) else {
        return;
    };
    let diagnostic = Diagnostic {
        outcome: Outcome::Refused,
        client: principal.client().id,
        event,
        code: error.code(),
        message: error.to_string(),
        problems: error.details().iter().map(problem).collect(),
    };
    track.note(project, diagnostic);
}

fn problem(detail: &Detail) -> Problem {
    let steps = detail.path.iter().map(|step| match step {
        PathStep::Key(key) => ingest::PathStep::Key(key.clone()),
        PathStep::Index(index) => ingest::PathStep::Index(*index),
    });
    Problem {
        path: steps.collect(),
        message: detail.message.clone(),
    }
}
