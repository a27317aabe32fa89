//! From the body of a request to what it tracks.

use actix_web::http::header::{self, HeaderMap};
use paneld_domain::{Problem, Timestamp};
use paneld_guard::ApiError;
use paneld_service::ingest::{self, Body, Fingerprint, Form, NotJson, Tracked};
use serde_json::Value as Json;

use super::visitor::Marks;

/// How many bytes a body may have whose headers name a client.
const MOST_BYTES: usize = 1024 * 1024;

/// What a body says.
pub(super) struct Parsed {
    pub(super) tracked: Tracked,
    /// The project, where the client has none of its own.
    pub(super) project_id: Json,
    pub(super) fingerprint: Option<Fingerprint>,
}

/// Why a body is refused.
pub(super) struct Unread {
    pub(super) error: ApiError,
    /// The event that it tells, if that much can be read.
    pub(super) event: Option<String>,
}

impl From<ApiError> for Unread {
    fn from(error: ApiError) -> Self {
        Self { error, event: None }
    }
}

pub(super) fn parse(
    bytes: &[u8],
    form: Form,
    marks: Option<&Marks>,
    now: Timestamp,
) -> Result<Parsed, Unread> {
    let text = Body::new(bytes).map_err(not_json)?;
    let envelope = text.envelope().map_err(not_json)?;
    let may_be_big = form == Form::Track && ingest::is_replay(&envelope);
    if bytes.len() > MOST_BYTES && !may_be_big {
        return Err(ApiError::too_large(MOST_BYTES).into());
    }
    let read = ingest::read(form, &text, &envelope, now);
    let tracked = read.map_err(|problems| Unread {
        error: ApiError::invalid_body(problems),
        event: ingest::event_name(form, &text, &envelope),
    })?;
    Ok(Parsed {
        tracked,
        fingerprint: marks.map(|marks| marks.fingerprint(bytes)),
        project_id: envelope.project_id,
    })
}

/// `sendBeacon` sends text that is JSON.
pub(super) fn demand_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let value = value.to_str().unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    let known = ["application/json", "text/plain"];
    if known.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        Ok(())
    } else {
        Err(ApiError::unsupported_media_type(
            "The request body must be application/json",
        ))
    }
}

/// The error for a body that is no JSON.
pub(super) fn not_json(why: NotJson) -> ApiError {
    ApiError::invalid_body(vec![Problem::at([], why.to_string())])
}
