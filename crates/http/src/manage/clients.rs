//! Clients.

mod bodies;

use std::rc::Rc;

use actix_web::{HttpResponse, web};
use paneld_auth::permission;
use paneld_domain::ClientId;
use paneld_guard::{ApiError, Caller};
use paneld_service::{Compute, Manage};

use super::project_query::ProjectQuery;
use crate::{
    decode::{CreationBody, JsonBody, ManageBody, Queries, body_for},
    endpoint::Endpoint,
    error::reply_for,
    openapi::refusals::{AtMostOnce, BadRequest, Conflict, Forbidden, Gated, NotFound},
    path_id::PathId,
    reply::{Data, Listed, PageQuery, Success, reply_to_creation, reply_with_list},
};
pub use bodies::{ClientBody, RotatedBody};
use bodies::{CreateClient, RotateSecret, UpdateClient};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_clients, list_clients),
        Endpoint::new(__path_create_client, create_client),
        Endpoint::new(__path_get_client, get_client),
        Endpoint::new(__path_update_client, update_client),
        Endpoint::new(__path_rotate_secret, rotate_secret),
        Endpoint::new(__path_delete_client, delete_client),
    ]
}

/// List clients
#[utoipa::path(get, path = "/manage/clients", tag = "Clients",
    params(PageQuery, ProjectQuery),
    responses((status = 200, description = "The clients, newest first",
        body = Listed<ClientBody>),
        Gated, BadRequest, NotFound))]
pub(crate) async fn list_clients(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    compute: web::Data<Compute>,
    Queries(page, query): Queries<PageQuery, ProjectQuery>,
) -> Result<HttpResponse, ApiError> {
    let project = query.into_filter()?;
    let caller = Rc::new(caller.0);
    reply_with_list::<ClientBody, _, _>(page, compute.of(&caller), move |part| {
        let (manage, caller) = (manage.clone(), Rc::clone(&caller));
        let project = project.clone();
        async move { manage.list_clients(&caller, project, part).await }
    })
    .await
}

/// Create a client
///
/// Its secret is shown this once.
#[utoipa::path(post, path = "/manage/clients", tag = "Clients",
    params(AtMostOnce),
    request_body(content = CreateClient,
        example = json!({"name": "CI", "projectId": "my-shop", "type": "read"})),
    responses((status = 200, description = "The client, and its secret",
        body = Data<ClientBody>),
        Gated, ManageBody, Forbidden, NotFound, AtMostOnce))]
pub(crate) async fn create_client(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    CreationBody { body, seal }: CreationBody<CreateClient>,
) -> Result<HttpResponse, ApiError> {
    let new = body.into_new_client()?;
    reply_to_creation::<ClientBody, _>(seal, async |once| {
        manage.create_client(&caller.0, new, once).await
    })
    .await
}

/// Get a client
#[utoipa::path(get, path = "/manage/clients/{id}", tag = "Clients",
    params(("id" = String, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = Data<ClientBody>),
        Gated, BadRequest, NotFound))]
pub(crate) async fn get_client(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ClientId>,
) -> Result<HttpResponse, ApiError> {
    let client = manage.get_client(&caller.0, id).await.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Data::<ClientBody>::of(client)))
}

/// Change a client
#[utoipa::path(patch, path = "/manage/clients/{id}", tag = "Clients",
    params(("id" = String, Path, description = "The client's id")),
    request_body = UpdateClient,
    responses((status = 200, description = "The client", body = Data<ClientBody>),
        Gated, ManageBody, NotFound, Conflict))]
pub(crate) async fn update_client(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ClientId>,
    body: Result<JsonBody<UpdateClient>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let JsonBody(body) = body_for(body, manage.get_client(&caller.0, id)).await?;
    let updated = manage.update_client(&caller.0, id, body.into()).await;
    Ok(HttpResponse::Ok().json(Data::<ClientBody>::of(updated.map_err(reply_for)?)))
}

/// Give a client a new secret
///
/// The secret it replaces works for the grace; every older one ends at once.
#[utoipa::path(post, path = "/manage/clients/{id}/rotate", tag = "Clients",
    params(("id" = String, Path, description = "The client's id"), AtMostOnce),
    request_body = RotateSecret,
    responses((status = 200, description = "The client, and its new secret",
        body = Data<RotatedBody>),
        Gated, ManageBody, NotFound, AtMostOnce))]
pub(crate) async fn rotate_secret(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ClientId>,
    body: Result<CreationBody<RotateSecret>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let found = manage.get_client(&caller.0, id);
    let CreationBody { body, seal } = body_for(body, found).await?;
    reply_to_creation::<RotatedBody, _>(seal, async |once| {
        manage
            .rotate_secret(&caller.0, id, body.grace(), once)
            .await
    })
    .await
}

/// Delete a client
///
/// For good. A client may delete itself, but not the organization's last usable root client.
#[utoipa::path(delete, path = "/manage/clients/{id}", tag = "Clients",
    params(("id" = String, Path, description = "The client's id")),
    responses((status = 200, description = "It is deleted", body = Success),
        Gated, NotFound, Conflict))]
pub(crate) async fn delete_client(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ClientId>,
) -> Result<HttpResponse, ApiError> {
    manage
        .delete_client(&caller.0, id)
        .await
        .map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Success::DONE))
}
