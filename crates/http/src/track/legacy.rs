//! The routes of old SDKs: `docs/contract/track.md` §1.3 and §1.4.

use actix_web::{HttpRequest, HttpResponse, http::header::ContentType, web};
use paneld_service::{TrackAnswer, ingest::Form};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::{answer, bot_reply};
use crate::{openapi::any_value, routes::Endpoint};

/// The payload of an event.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only for the document: bodies are read more tolerantly than this"
)]
pub(crate) struct EventPayload {
    /// What happened.
    name: String,
    /// Who did it.
    #[schema(required = false)]
    profile_id: Option<String>,
    /// Everything else.
    #[schema(schema_with = any_value, required = false)]
    properties: Json,
}

/// The payload of an `identify`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only for the document: bodies are read more tolerantly than this"
)]
pub(crate) struct ProfilePayload {
    /// The id of the profile.
    profile_id: String,
    /// The first name.
    #[schema(required = false)]
    first_name: Option<String>,
    /// The last name.
    #[schema(required = false)]
    last_name: Option<String>,
    /// The e-mail address.
    #[schema(required = false)]
    email: Option<String>,
    /// The URL of a picture.
    #[schema(required = false)]
    avatar: Option<String>,
    /// Everything else.
    #[schema(schema_with = any_value, required = false)]
    properties: Json,
}

/// The payload of an `increment` or a `decrement`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only for the document: bodies are read more tolerantly than this"
)]
pub(crate) struct NumberPayload {
    /// The id of the profile.
    profile_id: String,
    /// The name of the property.
    property: String,
    /// How much; 1 if it is not told.
    #[schema(required = false)]
    value: Option<f64>,
}

#[expect(deprecated, reason = "old SDKs still call them")]
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_track_event, track_event),
        Endpoint::new(__path_upsert_profile, upsert_profile),
        Endpoint::new(__path_increment_profile, increment_profile),
        Endpoint::new(__path_decrement_profile, decrement_profile),
    ]
}

/// Track an event, as old SDKs do
///
/// The payload of an event, and nothing around it. Use `/track`.
#[utoipa::path(post, path = "/event", tag = "Track", request_body = EventPayload,
    responses((status = 202, description = "It is on disk", body = String,
        content_type = "text/plain")))]
#[deprecated]
pub(crate) async fn track_event(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    accept(request, payload, Form::Event).await
}

/// Identify a profile, as old SDKs do
///
/// The payload of an `identify`, and nothing around it. Use `/track`.
#[utoipa::path(post, path = "/profile", tag = "Track", request_body = ProfilePayload,
    responses((status = 202, description = "It is on disk", body = String,
        content_type = "text/plain")))]
#[deprecated]
pub(crate) async fn upsert_profile(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    accept(request, payload, Form::Profile).await
}

/// Add to a number of a profile, as old SDKs do
///
/// The payload of an `increment`, and nothing around it. Use `/track`.
#[utoipa::path(post, path = "/profile/increment", tag = "Track", request_body = NumberPayload,
    responses((status = 202, description = "It is on disk", body = String,
        content_type = "text/plain")))]
#[deprecated]
pub(crate) async fn increment_profile(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    accept(request, payload, Form::Increment).await
}

/// Take from a number of a profile, as old SDKs do
///
/// The payload of a `decrement`, and nothing around it. Use `/track`.
#[utoipa::path(post, path = "/profile/decrement", tag = "Track", request_body = NumberPayload,
    responses((status = 202, description = "It is on disk", body = String,
        content_type = "text/plain")))]
#[deprecated]
pub(crate) async fn decrement_profile(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    accept(request, payload, Form::Decrement).await
}

async fn accept(request: HttpRequest, payload: web::Payload, form: Form) -> HttpResponse {
    answer(
        &request,
        payload.into_inner(),
        form,
        |answer| match answer {
            TrackAnswer::Taken { profile_id, .. } => {
                let text = profile_id.filter(|_| form != Form::Event);
                HttpResponse::Accepted()
                    .content_type(ContentType::plaintext())
                    .body(text.unwrap_or_else(|| "ok".to_owned()))
            }
            TrackAnswer::Bot { name, kind } => bot_reply(&name, &kind),
        },
    )
    .await
}
