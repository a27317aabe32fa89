//! The way of a request to Track: the caller is let in, its body is read and taken, and it is
//! answered.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _, dev::Payload, http::StatusCode, web,
};
use paneld_auth::Presented;
use paneld_guard::{
    AdmittedTracker, ApiError, BodyBudget, BodySender, Guard, HeldBody, Refused, names_client,
    presents_secret, read_body,
};
use paneld_service::{
    Track, TrackAnswer,
    ingest::{self, Body, Form},
};

use super::{
    bodies::{Bot, BotName},
    diagnostics,
    query::named_project,
    read::{Parsed, Unread, demand_json, parse},
    visitor::{call, marks, text},
};
use crate::error::reply_for;

/// How many bytes a piece of a recording may have.
const MOST_REPLAY_BYTES: usize = 8 * 1024 * 1024;
/// How many bytes it may have when nobody proves who sends it, as no page does.
const MOST_REPLAY_BYTES_OF_PAGE: usize = 4 * 1024 * 1024;
/// How many bytes a body may have that has the credentials itself: it is read for strangers.
const MOST_STRANGE_BYTES: usize = 64 * 1024;

/// Lets the caller in, reads what it sends, takes it, and answers.
pub(super) async fn answer(
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

pub(super) async fn admit(
    request: &HttpRequest,
    in_body: Presented<'_>,
) -> Result<AdmittedTracker, Refused> {
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

/// Adds what is left of the caller's rate.
pub(super) fn finish(
    admitted: &AdmittedTracker,
    reply: Result<HttpResponse, ApiError>,
) -> HttpResponse {
    let mut reply = reply.unwrap_or_else(HttpResponse::from_error);
    admitted.tell(&mut reply);
    reply
}

pub(super) fn refusal(request: &HttpRequest, refused: Refused) -> HttpResponse {
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
pub(super) fn data<T: 'static>(request: &HttpRequest) -> Result<&T, ApiError> {
    let data = request.app_data::<web::Data<T>>();
    let data = data.ok_or_else(|| ApiError::internal("a handler lacks what it works with"))?;
    Ok(data)
}

/// Tells that a listed bot was only noted.
pub(super) fn bot_reply(name: String, kind: String) -> HttpResponse {
    let bot = BotName { name, r#type: kind };
    HttpResponse::Accepted().json(Bot { bot })
}
