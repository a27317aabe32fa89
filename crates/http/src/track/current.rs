//! The routes of current SDKs: `docs/contract/track.md` §1.1 and §1.2.

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_service::{
    TrackAnswer,
    ingest::{Form, Found, Ids},
};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::{
    answer::{Incoming, answer, bot_reply, finish},
    bodies::{Bot, Tracked},
    query::{ProjectQuery, Tracking, named_project},
    visitor::call,
};
use crate::{endpoint::Endpoint, error::reply_for, openapi::refusals::Report};

/// Who the visitor is. SDKs keep it, and send it along.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrackedIds, example = json!({"deviceId": "b533cb85dc56ff1b4ffb0caafe0d805a",
    "sessionId": "NigsgHtuTyspj0g3wl6Xkw"}))]
pub(crate) struct IdsBody {
    /// The device. It changes from day to day, unless the caller has an id of its own.
    device_id: String,
    /// The session; empty where there is none.
    session_id: String,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<&'static str>,
}

impl From<Ids> for IdsBody {
    fn from(ids: Ids) -> Self {
        Self {
            device_id: ids.device_id,
            session_id: ids.session_id,
            message: None,
        }
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_track, track),
        Endpoint::new(__path_get_device_id, get_device_id),
    ]
}

/// Track
///
/// What is answered with 200 is on disk, and in reports within two seconds. Server-side callers
/// send the client's id and secret; browsers only the id, from a page of an allowed origin. A
/// listed bot without the secret is answered with 202, and only noted.
#[utoipa::path(post, path = "/track", tag = "Track",
    params(ProjectQuery), request_body = Tracked,
    responses(
        (status = 200, description = "It is on disk", body = IdsBody),
        (status = 202, description = "A listed bot", body = Bot),
        Tracking))]
pub(crate) async fn track(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let payload = payload.into_inner();
    answer(&request, payload, Form::Track, |answer| match answer {
        TrackAnswer::Taken { ids, .. } => HttpResponse::Ok().json(IdsBody::from(ids)),
        TrackAnswer::Bot { name, kind } => bot_reply(name, kind),
    })
    .await
}

/// My device
///
/// Which device and session the caller has, without tracking anything.
#[utoipa::path(get, path = "/track/device-id", tag = "Track",
    params(ProjectQuery),
    responses((status = 200, description = "The device", body = IdsBody),
        Report))]
pub(crate) async fn get_device_id(request: HttpRequest) -> HttpResponse {
    let incoming = match Incoming::read(&request) {
        Ok(incoming) => incoming,
        Err(error) => return HttpResponse::from_error(error),
    };
    let admitted = match incoming.admit().await {
        Ok(admitted) => admitted,
        Err(refused) => return incoming.refuse(refused),
    };
    let track = incoming.track;
    let named = named_project(&request, &Json::Null);
    let call = call(&request, &admitted, named.as_deref(), track, None);
    let state = track.device(call).await.map_err(reply_for);
    let reply = state.map(|state| {
        HttpResponse::Ok().json(IdsBody {
            message: Some(match state.found {
                Found::Current => "current session exists for this device id",
                Found::Previous => "previous session exists for this device id",
                Found::Nothing => "No session exists for this device id",
            }),
            ..IdsBody::from(state.ids)
        })
    });
    finish(&admitted, reply)
}
