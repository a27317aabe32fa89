//! Profiles: changing them by hand, and forgetting them.

mod bodies;

use actix_web::{HttpResponse, web};
use paneld_analytics::AnswerRoom;
use paneld_auth::permission;
use paneld_guard::{ApiError, Caller};
use paneld_service::{ErasedProfile, Erasure, Profiles};
use serde::Serialize;
use utoipa::ToSchema;

use self::bodies::{ProfileBody, UpdateProfile};
use crate::{
    decode::{JsonBody, ManageBody, body_for},
    endpoint::Endpoint,
    error::reply_for,
    openapi::refusals::{Gated, NotFound},
    path_id::parse_id,
    reply::Data,
};

/// A profile is gone, with all that it did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Erased, example = json!({"success": true,
    "deleted": {"profiles": 1, "events": 120, "sessions": 9}}))]
pub(crate) struct ErasedBody {
    /// Always true.
    success: bool,
    /// How much is gone.
    deleted: DeletedBody,
}

/// How much was deleted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deleted)]
pub(crate) struct DeletedBody {
    /// Profiles: 1, or 0 where there were only events of it.
    profiles: u64,
    /// Events, also those of its devices before it was identified.
    events: u64,
    /// Sessions.
    sessions: u64,
}

impl From<ErasedProfile> for ErasedBody {
    fn from(erased: ErasedProfile) -> Self {
        let ErasedProfile {
            profiles,
            events,
            sessions,
        } = erased;
        Self {
            success: true,
            deleted: DeletedBody {
                profiles,
                events,
                sessions,
            },
        }
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_update_profile, update_profile),
        Endpoint::new(__path_erase_profile, erase_profile),
    ]
}

/// Change a profile
///
/// Sets and removes properties, and whatever else is known of a profile, behind everything that
/// was accepted before. What has no room beside the rest is refused. A 503 means that it is not
/// done yet, but will be.
#[utoipa::path(patch, path = "/manage/projects/{id}/profiles/{profileId}", tag = "Projects",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("profileId" = String, Path, description = "The profile, or an alias of it")),
    request_body = UpdateProfile,
    responses((status = 200, description = "The profile", body = Data<ProfileBody>),
        Gated, ManageBody, NotFound))]
pub(crate) async fn update_profile(
    caller: Caller<permission::Manage>,
    profiles: web::Data<Profiles>,
    path: web::Path<(String, String)>,
    body: Result<JsonBody<UpdateProfile>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let (project, profile) = path.into_inner();
    let project = parse_id::<paneld_domain::ProjectId>(&project)?;
    let there = profiles.get_profile(&caller.0, project.clone(), &profile);
    let JsonBody(body) = body_for(body, there).await?;
    let edited = profiles.edit_profile(&caller.0, project, &profile, body.into());
    let edited = edited.await.map_err(reply_for)?;
    let shown = AnswerRoom::default().show(edited);
    Ok(HttpResponse::Ok().json(Data::<ProfileBody>::of(shown)))
}

/// Forget a profile
///
/// Removes the profile with its events, sessions and recordings, and those of nobody on the
/// devices that it used. Everything that was accepted before goes; the answer comes when it is
/// gone. A 503 means that it is not gone yet: ask again.
#[utoipa::path(delete, path = "/manage/projects/{id}/profiles/{profileId}", tag = "Projects",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("profileId" = String, Path, description = "The profile, or an alias of it")),
    responses((status = 200, description = "It is gone", body = ErasedBody),
        Gated, NotFound))]
pub(crate) async fn erase_profile(
    caller: Caller<permission::Manage>,
    erasure: web::Data<Erasure>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (project, profile) = path.into_inner();
    let project = parse_id(&project)?;
    let erased = erasure.erase_profile(&caller.0, project, &profile).await;
    let erased = erased.map_err(reply_for)?;
    Ok(HttpResponse::Ok().json(ErasedBody::from(erased)))
}
