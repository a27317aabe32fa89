//! From what went wrong in a use case to what the caller is told: the one place.

use paneld_guard::ApiError;
#[cfg(feature = "events")]
use paneld_service::ingest::SpoolError;
use paneld_service::{Conflict, Resource, ServiceError};

/// The reply for a failed use case.
pub(crate) fn reply_for(error: ServiceError) -> ApiError {
    match error {
        ServiceError::NotFound(resource) => not_found(resource),
        ServiceError::Invalid(problems) => ApiError::invalid_body(problems),
        ServiceError::Question(problems) => ApiError::invalid_query(problems),
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

/// 404 for a resource; the same whether it never was, is deleted, or is another
/// organization's.
pub(crate) fn not_found(resource: Resource) -> ApiError {
    ApiError::not_found(format!("{resource} not found"))
}
