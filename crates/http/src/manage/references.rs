//! Timeline references.

use std::rc::Rc;

use actix_web::{HttpResponse, web};
use deserr::Deserr;
use paneld_auth::permission;
use paneld_domain::{Description, Name, NewReference, ReferenceChanges, ReferenceId};
use paneld_guard::{ApiError, Caller};
use paneld_service::{Compute, Manage};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::project_query::{GivenProjectId, ProjectQuery};
use crate::{
    decode::{
        Body, CreationBody, JsonBody, ManageBody, Maybe, ParsedTimestamp, Problems, Queries, Text,
        body_for,
    },
    endpoint::Endpoint,
    error::reply_for,
    openapi::{
        refusals::{AtMostOnce, BadRequest, Gated, NotFound},
        schemas,
    },
    path_id::PathId,
    reference::ReferenceBody,
    reply::{Data, Listed, PageQuery, Success, reply_to_creation, reply_with_list},
};

/// A reference to make.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase", example = json!({
    "projectId": "my-shop", "title": "Launch", "description": "v2",
    "datetime": "2024-01-15T10:00:00.000Z"
}))]
pub(crate) struct CreateReference {
    #[schema(value_type = String, max_length = 255)]
    project_id: Text<GivenProjectId>,
    #[schema(schema_with = schemas::name)]
    title: Text<Name>,
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 10000, pattern = r"^[^\u0000]*$")]
    description: Maybe<Option<Text<Description>>>,
    /// ISO 8601; without an offset it is UTC.
    #[schema(schema_with = schemas::moment)]
    datetime: Text<ParsedTimestamp>,
}

impl Body for CreateReference {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

/// What to change of a reference; absent fields stay as they are.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems)]
#[schema(example = json!({"title": "Launch of v2"}))]
pub(crate) struct UpdateReference {
    #[deserr(default)]
    #[schema(schema_with = schemas::name, required = false)]
    title: Maybe<Text<Name>>,
    /// Null clears it.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 10000, pattern = r"^[^\u0000]*$")]
    description: Maybe<Option<Text<Description>>>,
    /// ISO 8601; without an offset it is UTC.
    #[deserr(default)]
    #[schema(schema_with = schemas::moment, required = false)]
    datetime: Maybe<Text<ParsedTimestamp>>,
}

impl Body for UpdateReference {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

impl From<UpdateReference> for ReferenceChanges {
    fn from(body: UpdateReference) -> Self {
        let description = body.description.0;
        Self {
            title: body.title.into_option(),
            description: description.map(|text| text.map(|Text(text)| text)),
            date: body
                .datetime
                .into_option()
                .map(|ParsedTimestamp(date)| date),
        }
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_references, list_references),
        Endpoint::new(__path_create_reference, create_reference),
        Endpoint::new(__path_get_reference, get_reference),
        Endpoint::new(__path_update_reference, update_reference),
        Endpoint::new(__path_delete_reference, delete_reference),
    ]
}

/// List references
#[utoipa::path(get, path = "/manage/references", tag = "References",
    params(PageQuery, ProjectQuery),
    responses((status = 200, description = "The references of live projects, newest first",
        body = Listed<ReferenceBody>),
        Gated, BadRequest, NotFound))]
pub(crate) async fn list_references(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    compute: web::Data<Compute>,
    Queries(page, query): Queries<PageQuery, ProjectQuery>,
) -> Result<HttpResponse, ApiError> {
    let project = query.into_filter()?;
    let caller = Rc::new(caller.0);
    reply_with_list::<ReferenceBody, _, _>(page, compute.of(&caller), move |part| {
        let (manage, caller) = (manage.clone(), Rc::clone(&caller));
        let project = project.clone();
        async move { manage.list_references(&caller, project, part).await }
    })
    .await
}

/// Create a reference
#[utoipa::path(post, path = "/manage/references", tag = "References",
    params(AtMostOnce),
    request_body = CreateReference,
    responses((status = 200, description = "The reference", body = Data<ReferenceBody>),
        Gated, ManageBody, NotFound, AtMostOnce))]
pub(crate) async fn create_reference(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    CreationBody { body, seal }: CreationBody<CreateReference>,
) -> Result<HttpResponse, ApiError> {
    let new = NewReference {
        project_id: body.project_id.0.parse()?,
        title: body.title.0,
        description: body.description.0.flatten().map(|Text(text)| text),
        date: body.datetime.0.0,
    };
    reply_to_creation::<ReferenceBody, _>(seal, async |once| {
        manage.create_reference(&caller.0, new, once).await
    })
    .await
}

/// Get a reference
#[utoipa::path(get, path = "/manage/references/{id}", tag = "References",
    params(("id" = String, Path, description = "The reference's id")),
    responses((status = 200, description = "The reference", body = Data<ReferenceBody>),
        Gated, BadRequest, NotFound))]
pub(crate) async fn get_reference(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ReferenceId>,
) -> Result<HttpResponse, ApiError> {
    let found = manage.get_reference(&caller.0, id).await;
    Ok(HttpResponse::Ok().json(Data::<ReferenceBody>::of(found.map_err(reply_for)?)))
}

/// Change a reference
#[utoipa::path(patch, path = "/manage/references/{id}", tag = "References",
    params(("id" = String, Path, description = "The reference's id")),
    request_body = UpdateReference,
    responses((status = 200, description = "The reference", body = Data<ReferenceBody>),
        Gated, ManageBody, NotFound))]
pub(crate) async fn update_reference(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ReferenceId>,
    body: Result<JsonBody<UpdateReference>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let JsonBody(body) = body_for(body, manage.get_reference(&caller.0, id)).await?;
    let updated = manage.update_reference(&caller.0, id, body.into()).await;
    Ok(HttpResponse::Ok().json(Data::<ReferenceBody>::of(updated.map_err(reply_for)?)))
}

/// Delete a reference
#[utoipa::path(delete, path = "/manage/references/{id}", tag = "References",
    params(("id" = String, Path, description = "The reference's id")),
    responses((status = 200, description = "It is deleted", body = Success),
        Gated, NotFound))]
pub(crate) async fn delete_reference(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    PathId(id): PathId<ReferenceId>,
) -> Result<HttpResponse, ApiError> {
    manage
        .delete_reference(&caller.0, id)
        .await
        .map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Success::DONE))
}
