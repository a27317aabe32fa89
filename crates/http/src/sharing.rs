//! Share links: `docs/console.md`.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use paneld_auth::{Api, Authorized, Token, permission};
use paneld_domain::{Name, ShareLink, ShareLinkId, SharePassword};
use paneld_guard::{ApiError, Caller, Guard};
use paneld_service::{Compute, Console, MadeShareLink, NewShareLink};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::{
    console::{Place, SessionBody, SigningIn, begin, describe},
    decode::{
        Body, CreationBody, ManageBody, Maybe, ParsedTimestamp, Problems, Text, body_for,
        read_of_stranger,
    },
    endpoint::Endpoint,
    error::reply_for,
    openapi::{
        refusals::{AtMostOnce, Conflict, Forbidden, Gated, NotFound},
        schemas,
    },
    path_id::parse_id,
    prefix::Prefix,
    reply::{Data, Listed, Success, WireTime, reply_to_creation},
};

/// What making or ending a link costs beside the request itself: it stays in the audit log.
const CHANGE_COST: u32 = 9;
/// How many bytes the body of whoever comes with a link may have.
const MOST_BYTES: usize = 4 * 1024;

/// A link that shows the overview of a project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShareLink, example = json!({
    "id": "0b4f2f3e-6f60-4a0b-9a53-5a8bd1c6f6a1", "projectId": "my-shop", "name": "For the board",
    "hasPassword": true, "createdBy": "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9",
    "createdAt": "2026-01-15T10:30:00.000Z", "expiresAt": null
}))]
pub(crate) struct ShareLinkBody {
    id: String,
    project_id: String,
    name: String,
    /// Whether a password is needed, too.
    has_password: bool,
    /// The client that made it. When that is deleted, disabled or expires, the link shows nothing.
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    /// From when on it shows nothing any more; null is never.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<WireTime>,
}

impl From<ShareLink> for ShareLinkBody {
    fn from(link: ShareLink) -> Self {
        Self {
            id: link.id.to_string(),
            project_id: link.project_id.to_string(),
            name: link.name.to_string(),
            has_password: link.has_password,
            created_by: link.created_by.to_string(),
            created_at: WireTime(link.created_at),
            expires_at: link.expires_at.map(WireTime),
        }
    }
}

/// A link that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewShareLink)]
pub(crate) struct NewShareLinkBody {
    #[serde(flatten)]
    link: ShareLinkBody,
    /// The link itself, shown this once.
    url: String,
}

impl From<MadeShareLink> for NewShareLinkBody {
    fn from(made: MadeShareLink) -> Self {
        Self {
            link: made.link.into(),
            url: made.url,
        }
    }
}

/// A link to make.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase", example = json!({"name": "For the board"}))]
pub(crate) struct CreateShareLink {
    #[schema(schema_with = schemas::name)]
    name: Text<Name>,
    /// 8 to 128 characters; null, or none, is without.
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 8, max_length = 128,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$", required = false)]
    password: Maybe<Option<Text<SharePassword>>>,
    /// ISO 8601; without an offset it is UTC. Null, or none, is never.
    #[deserr(default)]
    #[schema(schema_with = schemas::moment_or_null, required = false)]
    expires_at: Maybe<Option<Text<ParsedTimestamp>>>,
}

impl Body for CreateShareLink {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

/// What whoever comes with a link has.
#[derive(Deserr, ToSchema)]
#[deserr(error = Problems)]
#[schema(example = json!({"token":
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}))]
pub(crate) struct OpenShare {
    /// What stands behind `#token=` in the link.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    token: Text<Token>,
    /// The password, where the link needs one.
    #[deserr(default)]
    #[schema(value_type = Option<String>, required = false)]
    password: Maybe<Option<String>>,
}

impl Body for OpenShare {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_share_links, list_share_links),
        Endpoint::new(__path_create_share_link, create_share_link),
        Endpoint::new(__path_end_share_link, end_share_link),
    ]
}

/// What needs no credentials but a link.
pub(crate) fn open_endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_open_share, open_share)]
}

/// List share links
///
/// For root clients, and for clients that read the project.
#[utoipa::path(get, path = "/manage/projects/{id}/share-links", tag = "Sharing",
    params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, description = "The links, newest first",
        body = Listed<ShareLinkBody>),
        Gated, Forbidden, NotFound))]
pub(crate) async fn list_share_links(
    caller: Caller<permission::Sharing>,
    project: web::Path<String>,
    console: web::Data<Console>,
) -> Result<HttpResponse, ApiError> {
    let listed = console.list_share_links(&caller.0, &project).await;
    let listed = listed.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Listed::<ShareLinkBody>::whole(listed)))
}

/// Make a share link
///
/// Whoever has it sees the overview of the project, and nothing else. A project has a hundred at
/// most that have not ended. For root clients, and for clients that read the project. Costs ten
/// requests of the rate.
#[utoipa::path(post, path = "/manage/projects/{id}/share-links", tag = "Sharing",
    params(("id" = String, Path, description = "The project's id"), AtMostOnce),
    request_body = CreateShareLink,
    responses((status = 200, description = "The link, with its secret part",
        body = Data<NewShareLinkBody>),
        Gated, ManageBody, Forbidden, NotFound, Conflict, AtMostOnce))]
#[expect(
    clippy::too_many_arguments,
    reason = "each is something else of the request"
)]
pub(crate) async fn create_share_link(
    request: HttpRequest,
    caller: Caller<permission::Sharing>,
    project: web::Path<String>,
    guard: web::Data<Guard>,
    console: web::Data<Console>,
    compute: web::Data<Compute>,
    prefix: web::Data<Prefix>,
    body: Result<CreationBody<CreateShareLink>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let caller = caller.0;
    let found = console.list_share_links(&caller, &project);
    let CreationBody { body, seal } = body_for(body, found).await?;
    charge(&guard, &caller).await?;
    let new = NewShareLink {
        name: body.name.0,
        password: body.password.0.flatten().map(|Text(password)| password),
        expires_at: body
            .expires_at
            .0
            .flatten()
            .map(|Text(ParsedTimestamp(end))| end),
    };
    let public_url = guard.public_url(&request, prefix.as_str());
    reply_to_creation::<NewShareLinkBody, _>(seal, async |once| {
        let compute = compute.of(&caller);
        let made = console.create_share_link(&caller, &project, new, public_url, compute, once);
        made.await
    })
    .await
}

/// Charges what is written down of a link: a client that reads may make and end links for ever.
async fn charge(guard: &Guard, caller: &Authorized<permission::Sharing>) -> Result<(), ApiError> {
    let principal = caller.principal();
    guard
        .charge_more(&Api::SHARING, principal, CHANGE_COST)
        .await
}

/// End a share link
///
/// It shows nothing any more, also to those who look at it now. For root clients, and for clients
/// that read the project and made the link. Costs ten requests of the rate.
#[utoipa::path(delete, path = "/manage/projects/{id}/share-links/{linkId}", tag = "Sharing",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("linkId" = String, Path, description = "The link's id")),
    responses((status = 200, description = "It has ended", body = Success),
        Gated, Forbidden, NotFound))]
pub(crate) async fn end_share_link(
    caller: Caller<permission::Sharing>,
    path: web::Path<(String, String)>,
    guard: web::Data<Guard>,
    console: web::Data<Console>,
) -> Result<HttpResponse, ApiError> {
    let (project, link) = path.into_inner();
    let link = parse_id::<ShareLinkId>(&link)?;
    charge(&guard, &caller.0).await?;
    let ended = console.end_share_link(&caller.0, &project, link).await;
    ended.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Success::DONE))
}

/// Look at what a link shows
///
/// The reply is as that of signing in, with a client of the type `share`: the cookie opens the
/// reports of the overview of one project, and nothing else. A 401 with the `code`
/// `password_required` asks for the password.
#[utoipa::path(post, path = "/console/share/session", tag = "Console", security(()),
    params(("x-paneld-console" = String, Header, description = "`1`: what no form can send")),
    request_body = OpenShare,
    responses(
        (status = 200, description = "The session", body = SessionBody,
            headers(("set-cookie" = String, description = "The session"))),
        SigningIn))]
pub(crate) async fn open_share(
    request: HttpRequest,
    payload: web::Payload,
    guard: web::Data<Guard>,
    console: web::Data<Console>,
    prefix: web::Data<Prefix>,
) -> Result<HttpResponse, ApiError> {
    guard.demand_sign_in(&request)?;
    let body = read_of_stranger::<OpenShare>(&request, payload.into_inner(), MOST_BYTES).await?;
    let Text(token) = body.token;
    let share = {
        let _admitted = guard.admit_stranger(&request)?;
        console.find_share(&token).await.map_err(reply_for)?
    };
    let Some(share) = share else {
        return Err(guard.refuse_token(&request).await);
    };
    let opened = console.open_share_session(&share, &token);
    let password = body.password.0.flatten();
    let principal = guard
        .open_share(&request, share, password.as_deref())
        .await?;
    let place = Place::of(&request, &guard, &prefix);
    let body = describe(&place, &console, principal, None).await?;
    begin(&place, &opened, body)
}
