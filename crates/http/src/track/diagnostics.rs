//! What is noted of requests that are refused, for those who ask why nothing arrives.

use actix_web::{ResponseError as _, http::StatusCode};
use paneld_auth::Claim;
use paneld_domain::Problem;
use paneld_guard::ApiError;
use paneld_service::{
    Track,
    ingest::{Diagnostic, Outcome},
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

/// The problem as it is kept. Where in its text a body is no JSON is different each time; what is
/// wrong is the same.
fn problem(Problem { path, message }: &Problem) -> Problem {
    let message = message.split(" at line ").next();
    Problem::at(path.iter().cloned(), message.unwrap_or_default())
}
