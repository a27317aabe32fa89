//! The routes of old SDKs: `docs/contract/track.md` §1.3 and §1.4.

use actix_web::{HttpRequest, HttpResponse, http::header::ContentType, web};
use paneld_service::{TrackAnswer, ingest::Form};

use super::{
    answer::{answer, bot_reply},
    bodies::{Bot, EventPayload, NumberPayload, ProfilePayload},
    query::{ProjectQuery, Tracking},
};
use crate::endpoint::Endpoint;

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
#[utoipa::path(post, path = "/event", tag = "Track",
    params(ProjectQuery), request_body = EventPayload,
    responses((status = 202, description = "It is on disk; or a listed bot, of which JSON tells",
        content((String = "text/plain"), (Bot = "application/json"))),
        Tracking))]
#[deprecated]
pub(crate) async fn track_event(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    accept(request, payload, Form::Event).await
}

/// Identify a profile, as old SDKs do
///
/// The payload of an `identify`, and nothing around it. Use `/track`.
#[utoipa::path(post, path = "/profile", tag = "Track",
    params(ProjectQuery), request_body = ProfilePayload,
    responses((status = 202, description = "It is on disk; or a listed bot, of which JSON tells",
        content((String = "text/plain"), (Bot = "application/json"))),
        Tracking))]
#[deprecated]
pub(crate) async fn upsert_profile(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    accept(request, payload, Form::Profile).await
}

/// Add to a number of a profile, as old SDKs do
///
/// The payload of an `increment`, and nothing around it. Use `/track`.
#[utoipa::path(post, path = "/profile/increment", tag = "Track",
    params(ProjectQuery), request_body = NumberPayload,
    responses((status = 202, description = "It is on disk; or a listed bot, of which JSON tells",
        content((String = "text/plain"), (Bot = "application/json"))),
        Tracking))]
#[deprecated]
pub(crate) async fn increment_profile(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    accept(request, payload, Form::Increment).await
}

/// Take from a number of a profile, as old SDKs do
///
/// The payload of a `decrement`, and nothing around it. Use `/track`.
#[utoipa::path(post, path = "/profile/decrement", tag = "Track",
    params(ProjectQuery), request_body = NumberPayload,
    responses((status = 202, description = "It is on disk; or a listed bot, of which JSON tells",
        content((String = "text/plain"), (Bot = "application/json"))),
        Tracking))]
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
            TrackAnswer::Bot { name, kind } => bot_reply(name, kind),
        },
    )
    .await
}
