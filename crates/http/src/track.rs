//! Track: events in. `docs/contract/track.md`.

mod bodies;
mod cors;
mod diagnostics;
mod import;
mod legacy;

use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web,
};
use paneld_auth::Presented;
use paneld_domain::{ClientId, Sdk, Timestamp};
use paneld_guard::{
    AdmittedTracker, ApiError, BodyBudget, BodySender, Detail, Guard, HeldBody, PathStep, Refused,
    names_client, presents_secret, read_body,
};
use paneld_service::{
    Track, TrackAnswer, TrackCall,
    ingest::{
        self, Body, Fingerprint, Form, Found, Hints, Ids, NotJson, Problem, Tracked, Visitor,
    },
};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::{IntoResponses, ToSchema, openapi::path::Parameter};

use self::bodies::{Bot, BotName};
use crate::{
    error::reply_for,
    openapi::{
        query::{self, query_parameters},
        refusals::{Report, Responses, of_body},
        schemas,
    },
    routes::Endpoint,
};

pub(crate) use self::{cors::allow_any_origin, import::endpoints as import_endpoints};

/// How many bytes a body may have whose headers name a client.
const MOST_BYTES: usize = 1024 * 1024;
/// How many bytes a piece of a recording may have.
const MOST_REPLAY_BYTES: usize = 8 * 1024 * 1024;
/// How many bytes it may have when nobody proves who sends it, as no page does.
const MOST_REPLAY_BYTES_OF_PAGE: usize = 4 * 1024 * 1024;
/// How many bytes a body may have that has the credentials itself: it is read for strangers.
const MOST_STRANGE_BYTES: usize = 64 * 1024;

/// The project of a client that is bound to none.
fn project_parameter() -> Parameter {
    query::optional(
        "projectId",
        schemas::matching("^[a-z0-9-]{1,64}$"),
        "The project, where the client has none of its own",
    )
}

query_parameters! {
    /// Of Track, new and old.
    ProjectQuery = [project_parameter()];
}

/// How Track may refuse what it is sent.
pub(crate) enum Tracking {}

impl IntoResponses for Tracking {
    fn responses() -> Responses {
        let mut all = Report::responses();
        all.extend(of_body(
            "1 MiB (a piece of a recording: 8 MiB; with the client's id in it: 64 KiB)",
        ));
        all
    }
}

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

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![
        Endpoint::new(__path_track, track),
        Endpoint::new(__path_get_device_id, get_device_id),
    ];
    all.extend(legacy::endpoints());
    all
}

/// Track
///
/// What is answered with 200 is on disk, and in reports within two seconds. Server-side callers
/// send the client's id and secret; browsers only the id, from a page of an allowed origin. A
/// listed bot without the secret is answered with 202, and only noted.
#[utoipa::path(post, path = "/track", tag = "Track",
    params(ProjectQuery), request_body = bodies::Tracked,
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
    let admitted = match admit(&request, Presented::default()).await {
        Ok(admitted) => admitted,
        Err(refused) => return refusal(&request, refused),
    };
    let state = async {
        let track = data::<Track>(&request)?;
        let named = named_project(&request, &Json::Null);
        let call = call(&request, &admitted, named.as_deref(), track, None);
        track.device(call).await.map_err(reply_for)
    };
    let reply = state.await.map(|state| {
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

fn bot_reply(name: String, kind: String) -> HttpResponse {
    let bot = BotName { name, r#type: kind };
    HttpResponse::Accepted().json(Bot { bot })
}

/// Lets the caller in, reads what it sends, takes it, and answers.
async fn answer(
    request: &HttpRequest,
    payload: Payload,
    form: Form,
    reply: impl FnOnce(TrackAnswer) -> HttpResponse,
) -> HttpResponse {
    if let Err(error) = demand_json(request.headers()) {
        return HttpResponse::from_error(error);
    }
    let (mut admitted, body) = match admit_with_body(request, payload).await {
        Ok(admitted) => admitted,
        Err(refused) => return refusal(request, refused),
    };
    let taken = take(request, &mut admitted, form, body).await;
    finish(&admitted, taken.map(reply))
}

/// Strangers are let in before more is read of them than their credentials need.
async fn admit_with_body(
    request: &HttpRequest,
    payload: Payload,
) -> Result<(AdmittedTracker, HeldBody), Refused> {
    let budget = data::<BodyBudget>(request)?;
    let refused = if names_client(request) {
        match admit(request, Presented::default()).await {
            Ok(admitted) => {
                let principal = admitted.tracker.principal();
                let (most, sender) = if admitted.tracker.knows_secret() {
                    (MOST_REPLAY_BYTES, BodySender::client(principal))
                } else {
                    (MOST_REPLAY_BYTES_OF_PAGE, BodySender::page(principal))
                };
                return match read_body(request, payload, most, sender, budget).await {
                    Ok(body) => Ok((admitted, body)),
                    Err(error) => Err(Refused {
                        error,
                        admitted: Some(admitted),
                        claim: None,
                    }),
                };
            }
            Err(refused) if may_be_in_body(request, &refused) => Some(refused),
            Err(refused) => return Err(refused),
        }
    } else {
        None
    };
    let sender = BodySender::stranger(data::<Guard>(request)?.peer_address(request));
    let body = read_body(request, payload, MOST_STRANGE_BYTES, sender, budget).await;
    let body = match (body, refused) {
        (Ok(body), None) => body,
        (Ok(body), Some(refused)) => {
            if !has_secret(&body) {
                return Err(refused);
            }
            body
        }
        // Whoever is refused learns nothing more.
        (Err(_), Some(refused)) => return Err(refused),
        (Err(error), None) => return Err(error.into()),
    };
    let admitted = {
        let text = Body::new(body.as_bytes()).ok();
        let envelope = text.as_ref().and_then(|text| text.envelope().ok());
        let in_body = envelope.as_ref().map(|envelope| Presented {
            client_id: envelope.client_id.as_str(),
            secret: envelope.client_secret.as_str(),
        });
        admit(request, in_body.unwrap_or_default()).await?
    };
    Ok((admitted, body))
}

/// Whether the headers name the client, and the body may hold the secret.
fn may_be_in_body(request: &HttpRequest, refused: &Refused) -> bool {
    refused.error.status_code() == StatusCode::UNAUTHORIZED && !presents_secret(request)
}

fn has_secret(body: &HeldBody) -> bool {
    let text = Body::new(body.as_bytes()).ok();
    let envelope = text.as_ref().and_then(|text| text.envelope().ok());
    envelope.is_some_and(|envelope| envelope.client_secret.is_string())
}

async fn admit(request: &HttpRequest, in_body: Presented<'_>) -> Result<AdmittedTracker, Refused> {
    let guard = data::<Guard>(request)?;
    let headers = request.headers();
    let told = ingest::visitor_address(|name| headers.get(name)?.to_str().ok());
    guard.admit_tracker(request, in_body, told).await
}

/// Reads what was sent, and takes it.
async fn take(
    request: &HttpRequest,
    admitted: &mut AdmittedTracker,
    form: Form,
    body: HeldBody,
) -> Result<TrackAnswer, ApiError> {
    let track = data::<Track>(request)?;
    let guard = data::<Guard>(request)?;
    let (marks, now) = (marks(request, admitted), track.now());
    let parse = move |bytes: &[u8]| parse(bytes, form, marks.as_ref(), now);
    let (parsed, _held) = body.parse(parse).await?;
    let Parsed {
        tracked,
        project_id,
        fingerprint,
    } = parsed.map_err(|Unread { error, event }| {
        let claim = admitted.tracker.principal().claim();
        diagnostics::note(track, claim, &error, event);
        error
    })?;
    if admitted.tracker.has_unchecked_secret()
        && track.depends_on_secret(&tracked, &text(request.headers(), "user-agent"))
    {
        guard.check_secret(request, admitted).await?;
    }
    let named = named_project(request, &project_id);
    let call = call(request, admitted, named.as_deref(), track, fingerprint);
    track.track(call, tracked).await.map_err(reply_for)
}

/// What a body says.
struct Parsed {
    tracked: Tracked,
    /// The project, where the client has none of its own.
    project_id: Json,
    fingerprint: Option<Fingerprint>,
}

/// Why a body is refused.
struct Unread {
    error: ApiError,
    /// The event that it tells, if that much can be read.
    event: Option<String>,
}

impl From<ApiError> for Unread {
    fn from(error: ApiError) -> Self {
        Self { error, event: None }
    }
}

fn parse(
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
        error: invalid(problems),
        event: ingest::event_name(form, &text, &envelope),
    })?;
    Ok(Parsed {
        tracked,
        fingerprint: marks.map(|marks| marks.fingerprint(bytes)),
        project_id: envelope.project_id,
    })
}

fn call<'a>(
    request: &HttpRequest,
    admitted: &'a AdmittedTracker,
    project_id: Option<&'a str>,
    track: &Track,
    fingerprint: Option<Fingerprint>,
) -> TrackCall<'a> {
    let headers = request.headers();
    let sent = |name: &str| headers.contains_key(name);
    let visitor = Visitor {
        address: admitted.visitor,
        user_agent: text(headers, "user-agent"),
        origin: Some(text(headers, "origin")).filter(|origin| !origin.is_empty()),
        sdk: Sdk {
            name: text(headers, "openpanel-sdk-name"),
            version: text(headers, "openpanel-sdk-version"),
        },
        hints: Hints {
            has_sec_ch_ua: sent("sec-ch-ua"),
            has_sec_fetch: sent("sec-fetch-mode") || sent("sec-fetch-site"),
            has_accept_language: sent("accept-language"),
        },
        is_secret_authenticated: admitted.tracker.knows_secret(),
    };
    TrackCall {
        tracker: &admitted.tracker,
        project_id,
        visitor,
        fingerprint,
        at: track.now(),
    }
}

/// What tells a browser's request from others, beside its body.
struct Marks {
    client: ClientId,
    address: IpAddr,
    origin: HeaderValue,
    path: String,
}

/// Only browsers send the same twice within an instant.
fn marks(request: &HttpRequest, admitted: &AdmittedTracker) -> Option<Marks> {
    let origin = request.headers().get(header::ORIGIN)?.clone();
    Some(Marks {
        client: admitted.tracker.principal().client().id,
        address: admitted.visitor,
        origin,
        path: request.path().to_owned(),
    })
}

impl Marks {
    fn fingerprint(&self, body: &[u8]) -> Fingerprint {
        Fingerprint::of(&[
            self.client.to_string().as_bytes(),
            self.address.to_string().as_bytes(),
            self.origin.as_bytes(),
            self.path.as_bytes(),
            body,
        ])
    }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.as_bytes());
    let text = value.map(String::from_utf8_lossy).unwrap_or_default();
    text.trim().replace('\0', "")
}

fn named_project(request: &HttpRequest, in_body: &Json) -> Option<String> {
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    let mut named = pairs.filter(|(name, _)| name == "projectId");
    let named = named.next().map(|(_, id)| id.into_owned());
    let is_there = |id: &String| !id.is_empty();
    named
        .filter(is_there)
        .or_else(|| in_body.as_str().map(str::to_owned).filter(is_there))
}

/// `sendBeacon` sends text that is JSON.
fn demand_json(headers: &HeaderMap) -> Result<(), ApiError> {
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

fn not_json(why: NotJson) -> ApiError {
    ApiError::invalid_body(vec![Detail {
        path: Vec::new(),
        message: why.to_string(),
    }])
}

fn invalid(problems: Vec<Problem>) -> ApiError {
    let details = problems.into_iter().map(|problem| Detail {
        path: problem.path.into_iter().map(step).collect(),
        message: problem.message,
    });
    ApiError::invalid_body(details.collect())
}

pub(crate) fn step(step: ingest::PathStep) -> PathStep {
    match step {
        ingest::PathStep::Key(key) => PathStep::Key(key),
        ingest::PathStep::Index(index) => PathStep::Index(index),
    }
}

/// Adds what is left of the caller's rate.
fn finish(admitted: &AdmittedTracker, reply: Result<HttpResponse, ApiError>) -> HttpResponse {
    let mut reply = reply.unwrap_or_else(HttpResponse::from_error);
    admitted.tell(&mut reply);
    reply
}

fn refusal(request: &HttpRequest, refused: Refused) -> HttpResponse {
    let Refused {
        error,
        admitted,
        claim,
    } = refused;
    let admitted_claim = |admitted: &AdmittedTracker| admitted.tracker.principal().claim();
    let claim = claim.or_else(|| admitted.as_ref().map(admitted_claim));
    if let (Some(claim), Ok(track)) = (claim, data::<Track>(request)) {
        diagnostics::note(track, claim, &error, None);
    }
    let mut reply = HttpResponse::from_error(error);
    if let Some(admitted) = admitted {
        admitted.tell(&mut reply);
    }
    reply
}

/// What the app was given to work with.
fn data<T: 'static>(request: &HttpRequest) -> Result<&T, ApiError> {
    let data = request.app_data::<web::Data<T>>();
    let data = data.ok_or_else(|| ApiError::internal("a handler lacks what it works with"))?;
    Ok(data)
}
