//! Projects.

mod bodies;

use std::rc::Rc;

use actix_web::{HttpResponse, web};
use paneld_auth::permission;
use paneld_domain::{Page, ProjectId};
use paneld_guard::{ApiError, Caller};
use paneld_service::{Compute, Manage, Reports};

use crate::{
    decode::{CreationBody, JsonBody, ManageBody, Queries, Query, body_for},
    endpoint::Endpoint,
    error::reply_for,
    openapi::refusals::{AtMostOnce, BadRequest, Conflict, Gated, NotFound},
    path_id::PathId,
    reply::{Data, Listed, PageQuery, Success, reply_to_creation, reply_with_list},
};
pub(crate) use bodies::CountedProject;
pub use bodies::ProjectBody;
use bodies::{CreateProject, DeletedQuery, UpdateProject};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_projects, list_projects),
        Endpoint::new(__path_create_project, create_project),
        Endpoint::new(__path_get_project, get_project),
        Endpoint::new(__path_update_project, update_project),
        Endpoint::new(__path_delete_project, delete_project),
    ]
}

/// List projects
#[utoipa::path(get, path = "/manage/projects", tag = "Projects",
    params(PageQuery, DeletedQuery),
    responses((status = 200, description = "The projects, newest first",
        body = Listed<ProjectBody>),
        Gated, BadRequest))]
pub(crate) async fn list_projects(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    compute: web::Data<Compute>,
    reports: Option<web::Data<Reports>>,
    Queries(page, deleted): Queries<PageQuery, DeletedQuery>,
) -> Result<HttpResponse, ApiError> {
    let include_deleted = deleted.include_deleted();
    let caller = Rc::new(caller.0);
    reply_with_list::<ProjectBody, _, _>(page, compute.of(&caller), move |part| {
        let (manage, reports) = (manage.clone(), reports.clone());
        let caller = Rc::clone(&caller);
        async move {
            let page = manage.list_projects(&caller, include_deleted, part).await?;
            let mut items = Vec::with_capacity(page.items.len());
            for project in page.items {
                items.push(CountedProject::of(project, reports.as_ref()).await);
            }
            let next = page.next;
            Ok(Page { items, next })
        }
    })
    .await
}

/// Create a project
///
/// A write client called `First client` is made with it. Its secret is shown this once.
#[utoipa::path(post, path = "/manage/projects", tag = "Projects",
    params(AtMostOnce),
    request_body(content = CreateProject, example = json!({"name": "My Shop"})),
    responses((status = 200, description = "The project, and its first client",
        body = Data<ProjectBody>),
        Gated, ManageBody, AtMostOnce))]
pub(crate) async fn create_project(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    CreationBody { body, seal }: CreationBody<CreateProject>,
) -> Result<HttpResponse, ApiError> {
    reply_to_creation::<ProjectBody, _>(seal, async |once| {
        manage.create_project(&caller.0, body.into(), once).await
    })
    .await
}

/// Get a project
#[utoipa::path(get, path = "/manage/projects/{id}", tag = "Projects",
    params(("id" = String, Path, description = "The project's id"), DeletedQuery),
    responses((status = 200, description = "The project", body = Data<ProjectBody>),
        Gated, BadRequest, NotFound))]
pub(crate) async fn get_project(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    reports: Option<web::Data<Reports>>,
    PathId(id): PathId<ProjectId>,
    Query(deleted): Query<DeletedQuery>,
) -> Result<HttpResponse, ApiError> {
    let found = manage
        .get_project(&caller.0, id, deleted.include_deleted())
        .await;
    let project = CountedProject::of(found.map_err(reply_for)?, reports.as_ref()).await;
    Ok(HttpResponse::Ok().json(Data::<ProjectBody>::of(project)))
}

/// Change a project
///
/// On a deleted project any change, also an empty one, cancels the deletion.
#[utoipa::path(patch, path = "/manage/projects/{id}", tag = "Projects",
    params(("id" = String, Path, description = "The project's id")),
    request_body = UpdateProject,
    responses((status = 200, description = "The project", body = Data<ProjectBody>),
        Gated, ManageBody, NotFound))]
pub(crate) async fn update_project(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    reports: Option<web::Data<Reports>>,
    PathId(id): PathId<ProjectId>,
    body: Result<JsonBody<UpdateProject>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let JsonBody(body) = body_for(body, manage.get_project(&caller.0, id.clone(), true)).await?;
    let updated = manage.update_project(&caller.0, id, body.into()).await;
    let project = CountedProject::of(updated.map_err(reply_for)?, reports.as_ref()).await;
    Ok(HttpResponse::Ok().json(Data::<ProjectBody>::of(project)))
}

/// Delete a project
///
/// It is gone at once: its clients are refused, and it is not found. For 24 hours a change
/// brings it back; after that it is purged.
#[utoipa::path(delete, path = "/manage/projects/{id}", tag = "Projects",
    params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, description = "It is deleted", body = Success),
        Gated, NotFound, Conflict))]
pub(crate) async fn delete_project(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ProjectId>,
) -> Result<HttpResponse, ApiError> {
    manage
        .delete_project(&caller.0, id)
        .await
        .map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Success::DONE))
}
