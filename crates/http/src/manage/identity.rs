//! Who am I: for clients of every type.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use paneld_auth::{Api, permission};
use paneld_guard::{ApiError, Caller};
use paneld_service::{Identity, LimitState, Reports, WhoAmI};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    clients::ClientBody,
    projects::{CountedProject, ProjectBody},
};
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    openapi::{
        refusals::{BadRequest, Gated},
        schemas::permissions,
    },
    reply::Data,
};

/// Who the caller is, what it may do, and how often.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityBody {
    client: ClientBody,
    organization: OwnOrganizationBody,
    /// The project the client is bound to; null is the whole organization.
    #[schema(required)]
    project: Option<ProjectBody>,
    /// The APIs it may call: `insights`, `export`, `track`, `import`, `manage`.
    #[schema(schema_with = permissions)]
    permissions: Vec<&'static str>,
    /// The token buckets of those APIs, by group. (This request itself is charged to `manage`.)
    limits: BTreeMap<&'static str, LimitBody>,
}

/// The caller's organization, in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnOrganization)]
pub(crate) struct OwnOrganizationBody {
    id: String,
    name: String,
    timezone: String,
}

/// A token bucket.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Limit)]
pub(crate) struct LimitBody {
    /// How many requests pass at once when none came for a window.
    limit: u32,
    /// How many seconds an empty bucket takes to fill up.
    window_seconds: u32,
    /// How many requests pass now.
    remaining: u32,
}

impl IdentityBody {
    fn new(who: WhoAmI<'_>, project: Option<CountedProject>) -> Self {
        let limit = |LimitState { group, verdict }: LimitState| {
            let body = LimitBody {
                limit: verdict.rate.limit(),
                window_seconds: verdict.rate.window_seconds(),
                remaining: verdict.remaining,
            };
            (group.as_str(), body)
        };
        Self {
            client: who.client.into(),
            organization: OwnOrganizationBody {
                id: who.organization.id.to_string(),
                name: who.organization.name.to_string(),
                timezone: who.organization.zone.to_string(),
            },
            project: project.map(Into::into),
            permissions: who.permissions.iter().map(Api::name).collect(),
            limits: who.limits.into_iter().map(limit).collect(),
        }
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_who_am_i, who_am_i)]
}

/// Who am I
///
/// For clients of every type: the client itself, its organization and project, the APIs it may
/// call, and what is left of its limits.
#[utoipa::path(get, path = "/manage/me", tag = "Identity",
    responses((status = 200, description = "The caller", body = Data<IdentityBody>),
        Gated, BadRequest))]
pub(crate) async fn who_am_i(
    caller: Caller<permission::Identity>,
    identity: web::Data<Identity>,
    reports: Option<web::Data<Reports>>,
) -> Result<HttpResponse, ApiError> {
    let who = identity.who_am_i(&caller.0).await.map_err(reply_for)?;
    let project = match who.project {
        Some(project) => Some(CountedProject::of(project.clone(), reports.as_ref()).await),
        None => None,
    };
    Ok(HttpResponse::Ok().json(Data {
        data: IdentityBody::new(who, project),
    }))
}
