//! Signing in to the console: `docs/console.md`.

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE},
    web,
};
use deserr::Deserr;
use paneld_auth::{Authorized, Presented, Principal, Token, permission};
use paneld_domain::{ClientType, PathStep, Project, Timestamp};
use paneld_guard::{ApiError, Guard, RequestId};
use paneld_service::{Before, Console, OpenSession};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::{IntoResponses, ToSchema};

use crate::{
    decode::{Body, Problems, Text, read_of_stranger},
    endpoint::Endpoint,
    error::reply_for,
    openapi::refusals::{Responses, Session, of_body},
    prefix::Prefix,
    reply::WireTime,
};

/// How many bytes the body of a sign-in may have.
const MOST_BYTES: usize = 4 * 1024;

/// How signing in may be refused.
pub(crate) enum SigningIn {}

impl IntoResponses for SigningIn {
    fn responses() -> Responses {
        let mut all = Session::responses();
        all.extend(of_body("4 KiB"));
        all
    }
}

/// The credentials of a client that reads, or of a root client; or the token of a link that the
/// operator was given.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(example = json!({"clientId": "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9",
    "clientSecret": "sec_0123456789abcdef0123"}))]
pub(crate) enum SignIn {
    Credentials(SignInCredentials),
    Link(SignInLink),
}

/// The credentials of a client that reads, or of a root client.
#[derive(Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SignInCredentials {
    client_id: String,
    #[schema(format = Password)]
    client_secret: String,
}

/// The token of a link, which can be used once.
#[derive(Deserr, ToSchema)]
#[deserr(error = Problems)]
pub(crate) struct SignInLink {
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    token: Text<Token>,
}

impl Body for SignIn {
    fn decode(json: Json) -> Result<Self, Problems> {
        if json.get("token").is_none() {
            return deserr::deserialize(json).map(Self::Credentials);
        }
        for field in ["clientId", "clientSecret"] {
            if json.get(field).is_some() {
                let mut problems = Problems::default();
                let path = vec![PathStep::Key(field.to_owned())];
                problems.push(path, "must not be there beside token");
                return Err(problems);
            }
        }
        deserr::deserialize(json).map(Self::Link)
    }
}

/// Who is signed in, and what there is to look at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConsoleSession, example = json!({
    "client": {"id": "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9", "name": "First root client",
        "type": "root"},
    "organization": {"id": "acme", "name": "Acme", "timezone": "Europe/Stockholm"},
    "projects": [{"id": "my-shop", "name": "My shop", "domain": "https://shop.example"}],
    "hasMoreProjects": false,
    "expiresAt": "2026-01-15T22:30:00.000Z",
    "version": "0.1.0",
    "publicUrl": "http://127.0.0.1:3333"
}))]
pub(crate) struct SessionBody {
    client: SessionClient,
    organization: SessionOrganization,
    /// The projects that can be looked at, the newest 200.
    projects: Vec<SessionProject>,
    /// Whether there are more: `GET /manage/projects` has them all.
    has_more_projects: bool,
    /// When the session ends; null for whoever came with a share link that has no end.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<WireTime>,
    /// The version of the server; null for whoever came with a share link.
    #[schema(required)]
    version: Option<&'static str>,
    /// The address by which people reach the server, without a slash at its end.
    public_url: String,
}

/// The client that somebody signed in with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsoleClient)]
pub(crate) struct SessionClient {
    id: String,
    name: String,
    /// `read` or `root`; `share` for whoever comes with a share link.
    r#type: &'static str,
}

/// The organization of that client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsoleOrganization)]
pub(crate) struct SessionOrganization {
    id: String,
    name: String,
    /// The IANA zone that decides where its days begin.
    timezone: String,
}

/// A project that can be looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsoleProject)]
pub(crate) struct SessionProject {
    id: String,
    name: String,
    #[schema(required)]
    domain: Option<String>,
}

impl From<Project> for SessionProject {
    fn from(project: Project) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name.to_string(),
            domain: project.domain.map(|domain| domain.to_string()),
        }
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_sign_in, sign_in),
        Endpoint::new(__path_get_session, get_session),
        Endpoint::new(__path_sign_out, sign_out),
    ]
}

/// Sign in
///
/// For people with a browser: the session is in the cookie of the reply, for 12 hours, and ends
/// with the client's secret. A session that the browser already has ends.
#[utoipa::path(post, path = "/console/session", tag = "Console", security(()),
    params(("x-paneld-console" = String, Header, description = "`1`: what no form can send")),
    request_body = SignIn,
    responses(
        (status = 200, description = "The session", body = SessionBody,
            headers(("set-cookie" = String, description = "The session"))),
        SigningIn))]
pub(crate) async fn sign_in(
    request: HttpRequest,
    payload: web::Payload,
    guard: web::Data<Guard>,
    console: web::Data<Console>,
    prefix: web::Data<Prefix>,
) -> Result<HttpResponse, ApiError> {
    guard.demand_sign_in(&request)?;
    let body = read_of_stranger(&request, payload.into_inner(), MOST_BYTES).await?;
    let mut before = Before {
        link: None,
        session: guard.session_token(&request).map(|token| token.hash()),
    };
    let signed_in = match body {
        SignIn::Credentials(credentials) => {
            let presented = Presented {
                client_id: Some(&credentials.client_id),
                secret: Some(&credentials.client_secret),
            };
            guard.sign_in(&request, presented).await?
        }
        SignIn::Link(SignInLink { token: Text(token) }) => {
            before.link = Some(token.hash());
            let proof = {
                let _admitted = guard.admit_stranger(&request)?;
                console.find_sign_in(&token).await.map_err(reply_for)?
            };
            let Some(proof) = proof else {
                return Err(guard.refuse_token(&request).await);
            };
            guard.sign_in_again(&request, proof).await?
        }
    };
    // What can fail comes first: a link that was used up is gone.
    let place = Place::of(&request, &guard, &prefix);
    let principal = signed_in.principal().clone();
    let body = describe(&place, &console, principal, None).await?;
    let opened = console.open_session(&signed_in, before).await;
    match opened.map_err(reply_for)? {
        Some(opened) => begin(&place, &opened, body),
        None => Err(guard.refuse_token(&request).await),
    }
}

/// Answers that a session has begun.
pub(crate) fn begin(
    place: &Place<'_>,
    opened: &OpenSession,
    mut body: SessionBody,
) -> Result<HttpResponse, ApiError> {
    let cookie = place
        .guard
        .session_cookie(place.request, &opened.token, opened.time)?;
    body.expires_at = opened.expires_at.map(WireTime);
    Ok(HttpResponse::Ok()
        .insert_header((SET_COOKIE, cookie))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(body))
}

/// What a request was sent to.
pub(crate) struct Place<'a> {
    request: &'a HttpRequest,
    guard: &'a Guard,
    /// The address by which people reach what is mounted here.
    public_url: String,
}

impl<'a> Place<'a> {
    pub(crate) fn of(request: &'a HttpRequest, guard: &'a Guard, prefix: &Prefix) -> Self {
        Self {
            public_url: guard.public_url(request, prefix.as_str()),
            request,
            guard,
        }
    }
}

/// Who is signed in
#[utoipa::path(get, path = "/console/session", tag = "Console", security(("session" = [])),
    responses((status = 200, description = "The session", body = SessionBody), Session))]
pub(crate) async fn get_session(
    request: HttpRequest,
    guard: web::Data<Guard>,
    console: web::Data<Console>,
    prefix: web::Data<Prefix>,
) -> Result<HttpResponse, ApiError> {
    let admitted = guard.admit_session(&request).await?;
    let place = Place::of(&request, &guard, &prefix);
    let principal = admitted.principal.clone();
    let body = describe(&place, &console, principal, admitted.expires_at).await?;
    let mut reply = HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(body);
    admitted.tell(&mut reply);
    Ok(reply)
}

/// Sign out
#[utoipa::path(delete, path = "/console/session", tag = "Console", security(("session" = [])),
    params(("x-paneld-console" = String, Header, description = "`1`: what no form can send")),
    responses((status = 204, description = "The session has ended"), Session))]
pub(crate) async fn sign_out(
    request: HttpRequest,
    guard: web::Data<Guard>,
    console: web::Data<Console>,
) -> Result<HttpResponse, ApiError> {
    let admitted = guard.admit_session(&request).await?;
    let ended = console.end_session(admitted.token.hash()).await;
    ended.map_err(reply_for)?;
    let mut reply = HttpResponse::NoContent()
        .insert_header((SET_COOKIE, guard.ended_cookie(&request)?))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .finish();
    admitted.tell(&mut reply);
    Ok(reply)
}

/// What there is to tell of a session.
pub(crate) async fn describe(
    place: &Place<'_>,
    console: &Console,
    principal: Principal,
    expires_at: Option<Timestamp>,
) -> Result<SessionBody, ApiError> {
    let request_id = place.request.extensions().get::<RequestId>().cloned();
    let request_id = request_id.ok_or_else(|| ApiError::internal("there is no request id"))?;
    let caller = Authorized::<permission::Console>::check(principal, request_id.as_str());
    let caller = caller.map_err(ApiError::internal)?;
    let visible = console.list_projects(&caller).await.map_err(reply_for)?;
    let principal = caller.principal();
    let (client, organization) = (principal.client(), principal.organization());
    let is_client = client.client_type != ClientType::Share;
    Ok(SessionBody {
        client: SessionClient {
            id: client.id.to_string(),
            name: client.name.to_string(),
            r#type: client.client_type.as_str(),
        },
        organization: SessionOrganization {
            id: organization.id.to_string(),
            name: organization.name.to_string(),
            timezone: organization.zone.to_string(),
        },
        projects: visible.projects.into_iter().map(Into::into).collect(),
        has_more_projects: visible.has_more,
        expires_at: expires_at.map(WireTime),
        version: is_client.then_some(env!("CARGO_PKG_VERSION")),
        public_url: place.public_url.clone(),
    })
}
