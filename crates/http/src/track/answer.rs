//! The way of a request to Track: the caller is let in, its body is read and taken, and it is
//! answered.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _, dev::Payload, http::StatusCode, web,
};
use paneld_auth::Presented;
use paneld_guard::{
    AdmittedTracker, ApiError, BodyBudget, BodySender, Guard, HeldBody, Refused, TrackerHeaders,
    read_body,
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

/// A request to Track, with what its headers tell of who sends it, and what the app works with.
pub(super) struct Incoming<'a> {
    request: &'a HttpRequest,
    headers: TrackerHeaders<'a>,
    guard: &'a Guard,
    budget: &'a BodyBudget,
    pub(super) track: &'a Track,
}

/// Lets the caller in, reads what it sends, takes it, and answers.
pub(super) async fn answer(
    request: &HttpRequest,
    payload: Payload,
    form: Form,
    reply: impl FnOnce(TrackAnswer) -> HttpResponse,
) -> HttpResponse {
    let read = demand_json(request.headers()).and_then(|()| Incoming::read(request));
    let incoming = match read {
        Ok(incoming) => incoming,
        Err(error) => return HttpResponse::from_error(error),
    };
    let (mut admitted, body) = match incoming.admit_with_body(payload).await {
        Ok(admitted) => admitted,
        Err(refused) => return incoming.refuse(refused),
    };
    let taken = incoming.take(&mut admitted, form, body).await;
    finish(&admitted, taken.map(reply))
}

impl<'a> Incoming<'a> {
    /// Reads the headers.
    pub(super) fn read(request: &'a HttpRequest) -> Result<Self, ApiError> {
        let guard = data::<Guard>(request)?;
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let told = ingest::visitor_address(header);
        Ok(Self {
            request,
            headers: guard.tracker_headers(request, told),
            guard,
            budget: data(request)?,
            track: data(request)?,
        })
    }

    /// Lets the caller in by its headers alone.
    pub(super) async fn admit(&self) -> Result<AdmittedTracker, Refused> {
        let nothing = Presented::default();
        self.guard.admit_tracker(&self.headers, nothing).await
    }

    /// Strangers are let in before more is read of them than their credentials need.
    async fn admit_with_body(
        &self,
        payload: Payload,
    ) -> Result<(AdmittedTracker, HeldBody), Refused> {
        if !self.headers.name_client() {
            return self.admit_by_body(payload, None).await;
        }
        let admitted = match self.admit().await {
            Ok(admitted) => admitted,
            Err(refused) if self.may_be_in_body(&refused) => {
                return self.admit_by_body(payload, Some(refused)).await;
            }
            Err(refused) => return Err(refused),
        };
        let principal = admitted.tracker.principal();
        let (most, sender) = if admitted.tracker.knows_secret() {
            (MOST_REPLAY_BYTES, BodySender::client(principal))
        } else {
            (MOST_REPLAY_BYTES_OF_PAGE, BodySender::page(principal))
        };
        match read_body(self.request, payload, most, sender, self.budget).await {
            Ok(body) => Ok((admitted, body)),
            Err(error) => Err(Refused {
                error,
                admitted: Some(admitted),
                claim: None,
            }),
        }
    }

    /// Whether the headers name the client, and the body may hold the secret.
    fn may_be_in_body(&self, refused: &Refused) -> bool {
        refused.error.status_code() == StatusCode::UNAUTHORIZED && !self.headers.present_secret()
    }

    /// Lets somebody in by what is in the body; by the headers alone it was refused, if it was.
    async fn admit_by_body(
        &self,
        payload: Payload,
        refused: Option<Refused>,
    ) -> Result<(AdmittedTracker, HeldBody), Refused> {
        let sender = BodySender::stranger(self.headers.peer());
        let most = MOST_STRANGE_BYTES;
        let body = match read_body(self.request, payload, most, sender, self.budget).await {
            Ok(body) => body,
            // Whoever is refused learns nothing more.
            Err(error) => return Err(refused.unwrap_or_else(|| error.into())),
        };
        let admitted = {
            let text = Body::new(body.as_bytes()).ok();
            let envelope = text.as_ref().and_then(|text| text.envelope().ok());
            let in_body = envelope.as_ref().map(|envelope| Presented {
                client_id: envelope.client_id.as_str(),
                secret: envelope.client_secret.as_str(),
            });
            let in_body = in_body.unwrap_or_default();
            if let Some(refused) = refused.filter(|_| in_body.secret.is_none()) {
                return Err(refused);
            }
            self.guard.admit_tracker(&self.headers, in_body).await?
        };
        Ok((admitted, body))
    }

    /// Reads what was sent, and takes it.
    async fn take(
        &self,
        admitted: &mut AdmittedTracker,
        form: Form,
        body: HeldBody,
    ) -> Result<TrackAnswer, ApiError> {
        let (request, track) = (self.request, self.track);
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
            self.guard.check_secret(&self.headers, admitted).await?;
        }
        let named = named_project(request, &project_id);
        let call = call(request, admitted, named.as_deref(), track, fingerprint);
        track.track(call, tracked).await.map_err(reply_for)
    }

    /// Notes that somebody was not let in, and says so.
    pub(super) fn refuse(&self, refused: Refused) -> HttpResponse {
        let Refused {
            error,
            admitted,
            claim,
        } = refused;
        let admitted_claim = |admitted: &AdmittedTracker| admitted.tracker.principal().claim();
        if let Some(claim) = claim.or_else(|| admitted.as_ref().map(admitted_claim)) {
            diagnostics::note(self.track, claim, &error, None);
        }
        let mut reply = HttpResponse::from_error(error);
        if let Some(admitted) = admitted {
            admitted.tell(&mut reply);
        }
        reply
    }
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

/// What the app was given to work with.
fn data<T: 'static>(request: &HttpRequest) -> Result<&T, ApiError> {
    let data = request.app_data::<web::Data<T>>();
    let data = data.ok_or_else(|| ApiError::internal("a handler lacks what it works with"))?;
    Ok(data)
}

/// Tells that a listed bot was only noted.
pub(super) fn bot_reply(name: String, kind: String) -> HttpResponse {
    let bot = BotName { name, r#type: kind };
    HttpResponse::Accepted().json(Bot { bot })
}
