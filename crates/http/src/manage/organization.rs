//! The caller's organization.

use actix_web::{HttpResponse, web};
use deserr::Deserr;
use paneld_auth::permission;
use paneld_domain::{Name, Organization, OrganizationChanges, Zone};
use paneld_guard::{ApiError, Caller};
use paneld_service::Manage;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::{
    decode::{Body, JsonBody, ManageBody, Maybe, Problems, Text},
    endpoint::Endpoint,
    error::reply_for,
    openapi::{
        refusals::{BadRequest, Gated},
        schemas,
    },
    reply::{Data, WireTime},
};

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "acme", "name": "Acme", "timezone": "Europe/Stockholm",
    "createdAt": "2026-01-15T10:30:00.000Z", "updatedAt": "2026-01-15T10:30:00.000Z"
}))]
#[schema(as = Organization)]
pub struct OrganizationBody {
    id: String,
    name: String,
    /// The IANA zone that decides where its days begin.
    timezone: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    #[schema(value_type = String, format = DateTime)]
    updated_at: WireTime,
}

impl From<Organization> for OrganizationBody {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            name: organization.name.to_string(),
            timezone: organization.zone.to_string(),
            created_at: WireTime(organization.created_at),
            updated_at: WireTime(organization.updated_at),
        }
    }
}

/// What to change of the organization; absent fields stay as they are.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems)]
#[schema(example = json!({"timezone": "Europe/Stockholm"}))]
pub(crate) struct UpdateOrganization {
    #[deserr(default)]
    #[schema(schema_with = schemas::name, required = false)]
    name: Maybe<Text<Name>>,
    /// An IANA zone.
    #[deserr(default)]
    #[schema(schema_with = schemas::time_zone, required = false)]
    timezone: Maybe<Text<Zone>>,
}

impl Body for UpdateOrganization {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_get_organization, get_organization),
        Endpoint::new(__path_update_organization, update_organization),
    ]
}

/// The caller's organization
#[utoipa::path(get, path = "/manage/organization", tag = "Organization",
    responses((status = 200, description = "The organization", body = Data<OrganizationBody>),
        Gated, BadRequest))]
pub(crate) async fn get_organization(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
) -> Result<HttpResponse, ApiError> {
    let organization = manage
        .get_organization(&caller.0)
        .await
        .map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Data::<OrganizationBody>::of(organization)))
}

/// Change the caller's organization
#[utoipa::path(patch, path = "/manage/organization", tag = "Organization",
    request_body = UpdateOrganization,
    responses((status = 200, description = "The organization", body = Data<OrganizationBody>),
        Gated, ManageBody))]
pub(crate) async fn update_organization(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    JsonBody(body): JsonBody<UpdateOrganization>,
) -> Result<HttpResponse, ApiError> {
    let changes = OrganizationChanges {
        name: body.name.into_option(),
        zone: body.timezone.into_option(),
    };
    let updated = manage.update_organization(&caller.0, changes).await;
    let organization = updated.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(Data::<OrganizationBody>::of(organization)))
}
