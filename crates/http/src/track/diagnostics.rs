//! What is noted of requests that are refused, for those who ask why nothing arrives.

use actix_web::{ResponseError as _, http::StatusCode};
use paneld_auth::Claim;
use paneld_guard::{ApiError, Detail, PathStep};
use paneld_service::{
    Track,
    ingest::{self, Diagnostic, Outcome, Problem},
};

/// Notes that a request is refused for what it is. That too many come says nothing of one of them,
/// and a fault of ours is none of the caller's. A client without a project of its own may have meant
/// any.
pub(super) fn note(track: &Track, claim: Claim, error: &ApiError, event: Option<String>) {
    let status = error.status_code();
    let is_told = status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS;
    let Some((owner, project)) = claim.project.filter(|_| is_told) else {
        return;
    };
    let details = error.details().iter().take(Diagnostic::MOST_PROBLEMS);
    let diagnostic = Diagnostic {
        outcome: Outcome::Refused,
        client: claim.client,
        event,
        code: error.code(),
        message: error.to_string(),
        problems: details.map(problem).collect(),
    };
    track.note(&owner, project, diagnostic);
}

fn problem(detail: &Detail) -> Problem {
    let steps = detail.path.iter().map(|step| match step {
        PathStep::Key(key) => ingest::PathStep::Key(key.clone()),
        PathStep::Index(index) => ingest::PathStep::Index(*index),
    });
    // Where in its text a body is no JSON is different each time; what is wrong is the same.
    let message = detail.message.split(" at line ").next();
    Problem {
        path: steps.collect(),
        message: message.unwrap_or_default().to_owned(),
    }
}

pub(crate) fn step(step: ingest::PathStep) -> PathStep {
    match step {
        ingest::PathStep::Key(key) => PathStep::Key(key),
        ingest::PathStep::Index(index) => PathStep::Index(index),
    }
}
