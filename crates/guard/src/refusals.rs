//! What callers are told that are not let in.

use std::{borrow::Cow, time::Duration};

use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use paneld_auth::{Api, AuthError, NotChecked};
use paneld_domain::{LimitGroup, limit_group};
use paneld_ratelimit::Verdict;

use crate::{ApiError, credentials::CredentialHeaders, limit_headers};

/// What a caller is told that is turned away: 401, or 503 when its credentials could not be
/// checked, for then they are not known to be wrong. Scripts of pages get no challenge.
pub(crate) fn told(
    api: &Api,
    error: AuthError,
    headers: &CredentialHeaders,
    challenge: Option<&HeaderValue>,
) -> ApiError {
    let unauthorized = |code, message: Cow<'static, str>| {
        let refusal = ApiError::unauthorized(code, message);
        match challenge {
            Some(challenge) => refusal.with_header(WWW_AUTHENTICATE, challenge.clone()),
            None => refusal,
        }
    };
    let no_id = |code| {
        let message = format!("{}: Client ID must be a valid UUIDv4", api.label());
        let (header, forms) = (headers.id_name(), headers.accepted_forms());
        unauthorized(code, message.into()).with_detail(header, forms)
    };
    let (code, message) = match error {
        AuthError::MissingClientId => return no_id("missing_credentials"),
        AuthError::MalformedClientId => return no_id("malformed_client_id"),
        // Only Track tells of origins.
        AuthError::InvalidCredentials { .. } | AuthError::OriginNotAllowed { .. } => {
            ("invalid_credentials", "Invalid client credentials".into())
        }
        AuthError::NoSuchSession | AuthError::SessionEnded { .. } => (
            "session_ended",
            "The session has ended: sign in again".into(),
        ),
        AuthError::Disabled => ("client_disabled", "Client is disabled".into()),
        AuthError::Expired => ("client_expired", "Client has expired".into()),
        AuthError::AddressNotAllowed => (
            "address_not_allowed",
            "Address is not allowed for this client".into(),
        ),
        AuthError::InsufficientPermissions => ("insufficient_permissions", insufficient(api)),
        AuthError::NotChecked(NotChecked::TooManyFailures { retry_in }) => {
            return too_many_failures(retry_in);
        }
        AuthError::NotChecked(NotChecked::Crowded) => return ApiError::crowded(),
        AuthError::Unavailable(_) | AuthError::NotChecked(NotChecked::Unavailable(_)) => {
            return ApiError::unavailable(error);
        }
    };
    unauthorized(code, message)
}

fn insufficient(api: &Api) -> Cow<'static, str> {
    match api.refusal() {
        Some(message) => message.into(),
        None => format!("{}: Client is not allowed to call this API", api.label()).into(),
    }
}

/// What somebody is told who failed to authenticate too often.
pub(crate) fn too_many_failures(retry_in: Duration) -> ApiError {
    rate_limited(limit_group::AUTH_FAILURES, retry_in)
        .with_code("too_many_failed_logins")
        .with_detail(
            "authorization",
            "has failed too often from your address: wait for Retry-After, then send the right ones",
        )
}

/// Demands that there was a token for a request, where its group has a rate.
///
/// # Errors
/// 429 when the bucket was empty.
pub(crate) fn demand_token(group: LimitGroup, verdict: Option<Verdict>) -> Result<(), ApiError> {
    match verdict.and_then(|verdict| verdict.retry_in) {
        Some(wait) => Err(rate_limited(group, wait)),
        None => Ok(()),
    }
}

/// What somebody is told whose rate is used up.
pub(crate) fn rate_limited(group: LimitGroup, retry_in: Duration) -> ApiError {
    count_limited(group);
    ApiError::rate_limited(limit_headers::retry_after(retry_in))
}

pub(crate) fn count_limited(group: LimitGroup) {
    metrics::counter!("paneld_rate_limited_total", "group" => group.as_str()).increment(1);
}
