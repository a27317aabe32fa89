//! From what went wrong in a use case to what the caller is told: the one place.

use paneld_analytics::Problem;
use paneld_guard::{ApiError, Detail, PathStep};
#[cfg(feature = "events")]
use paneld_service::ingest::SpoolError;
use paneld_service::{Conflict, Resource, ServiceError};

/// The reply for a failed use case.
pub(crate) fn reply_for(error: ServiceError) -> ApiError {
    match error {
        ServiceError::NotFound(resource) => not_found(resource),
        ServiceError::Invalid(problems) => {
            let details = problems.into_iter().map(|(path, why)| Detail {
                path: path
                    .into_iter()
                    .map(|key| PathStep::Key(key.to_owned()))
                    .collect(),
                message: why.to_string(),
            });
            ApiError::invalid_body(details.collect())
        }
        ServiceError::Question(problems) => wrong_question(problems),
        ServiceError::Conflict(running @ Conflict::Running) => ApiError::busy(running.to_string()),
        ServiceError::Conflict(conflict) => ApiError::conflict(conflict.to_string()),
        ServiceError::Forbidden(message) => ApiError::forbidden(message),
        #[cfg(feature = "events")]
        ServiceError::Refused(refusal) => {
            ApiError::unauthorized(refusal.code(), refusal.to_string())
        }
        ServiceError::Excess(message) => ApiError::excess(message),
        ServiceError::TooSlow => ApiError::too_slow(),
        #[cfg(feature = "events")]
        ServiceError::Unavailable(source) if source.is::<SpoolError>() => {
            ApiError::unavailable(source).told()
        }
        ServiceError::Unavailable(source) => ApiError::unavailable(source),
        ServiceError::Internal(source) => ApiError::internal(source),
    }
}

/// 400 for query parameters with these problems.
pub(crate) fn wrong_question(problems: Vec<Problem>) -> ApiError {
    let details = problems.into_iter().map(|problem| Detail {
        path: problem.path.into_iter().map(step).collect(),
        message: problem.message,
    });
    ApiError::invalid_query(details.collect())
}

fn step(step: paneld_analytics::PathStep) -> PathStep {
    match step {
        paneld_analytics::PathStep::Key(key) => PathStep::Key(key),
        paneld_analytics::PathStep::Index(index) => PathStep::Index(index),
    }
}

/// 404 for a resource; the same whether it never was, is deleted, or is another
/// organization's.
pub(crate) fn not_found(resource: Resource) -> ApiError {
    ApiError::not_found(format!("{resource} not found"))
}
