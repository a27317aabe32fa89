//! Groups: `docs/contract/insights.md` §7.18.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{GroupsRequest, Shown};
use paneld_auth::permission;
use paneld_domain::{Group, Profile};
use paneld_guard::{ApiError, Caller};
use paneld_service::{Reports, Wide as _};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::{
    lists::{MOST, PAGE},
    stored_rows::is_zero,
};
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    nested::nested,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::{any_value, whole_number},
    },
    reply::WireTime,
};

/// How many members of a group are shown when nothing is said.
const MEMBERS: u32 = 10;
/// How many are shown at most.
const MOST_MEMBERS: i64 = 50;

/// The types of groups.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupTypes, example = json!({"types": ["company", "team"]}))]
pub(crate) struct TypesBody {
    types: Vec<String>,
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Group)]
pub(crate) struct GroupBody {
    id: String,
    project_id: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    properties: BTreeMap<String, String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    #[schema(value_type = String, format = DateTime)]
    updated_at: WireTime,
    /// How many values were not kept, because it has as many as are kept of one.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    left_out: u64,
    /// True when it has more properties than this answer has room for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    cut: bool,
}

impl GroupBody {
    fn new(shown: Shown<Group>, project_id: &str) -> Self {
        let Shown { row: group, is_cut } = shown;
        Self {
            project_id: project_id.to_owned(),
            id: group.id,
            kind: group.kind,
            name: group.name,
            properties: group.properties,
            created_at: WireTime(group.created_at),
            updated_at: WireTime(group.updated_at),
            left_out: group.left_out,
            cut: is_cut,
        }
    }
}

/// A group, and who belongs to it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupWithMembers)]
pub(crate) struct GroupWithMembersBody {
    group: GroupBody,
    /// How many profiles belong to it.
    member_count: u64,
    /// The newest of them.
    members: Vec<MemberBody>,
}

/// A profile that belongs to a group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GroupMember)]
pub(crate) struct MemberBody {
    id: String,
    first_name: String,
    last_name: String,
    email: String,
    avatar: String,
    /// Always true: who is not identified has no profile.
    is_external: bool,
    /// Those with dots in their names are objects.
    #[schema(schema_with = any_value)]
    properties: Map<String, Json>,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: WireTime,
    project_id: String,
    groups: BTreeSet<String>,
    /// How many values and groups were not kept since it was last changed by hand, because it has
    /// as much as is kept of one.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    left_out: u64,
    /// True when it has more properties or groups than this answer has room for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    cut: bool,
}

impl MemberBody {
    fn new(shown: Shown<Profile>, project_id: &str) -> Self {
        let Shown {
            row: profile,
            is_cut,
        } = shown;
        Self {
            is_external: true,
            properties: nested(&profile.properties),
            project_id: project_id.to_owned(),
            id: profile.id,
            first_name: profile.first_name,
            last_name: profile.last_name,
            email: profile.email,
            avatar: profile.avatar,
            created_at: WireTime(profile.created_at),
            last_seen_at: WireTime(profile.last_seen_at),
            groups: profile.groups,
            left_out: profile.left_out,
            cut: is_cut,
        }
    }
}

query_parameters! {
    /// Of `/groups`.
    GroupsQuery = [
        vec![
            query::optional_text("type", "Only groups of this type"),
            query::optional_text("search", "A part of the name or the id, in any case"),
        ],
        query::paging_within(MOST, "20").to_vec(),
    ]
    .concat();
    /// Of `/groups/{groupId}`.
    GroupQuery = [query::optional(
        "memberLimit",
        whole_number(1, MOST_MEMBERS),
        "How many members: 10, unless it is given",
    )];
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_groups, list_groups),
        Endpoint::new(__path_list_group_types, list_group_types),
        Endpoint::new(__path_get_group, get_group),
    ]
}

/// Types of groups
///
/// The types of all groups, in their order.
#[utoipa::path(get, path = "/insights/{projectId}/groups/types", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The types", body = TypesBody),
        Report))]
pub(crate) async fn list_group_types(
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let types = reports.list_group_types(&subject).await;
    let types = types.map_err(reply_for)?;
    offload::json(subject.compute(), move || Ok(TypesBody { types })).await
}

/// Groups
///
/// Companies, teams and the like, newest first.
#[utoipa::path(get, path = "/insights/{projectId}/groups", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        GroupsQuery),
    responses((status = 200, description = "The groups", body = Vec<GroupBody>),
        Report))]
pub(crate) async fn list_groups(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let asked = question(&request, subject.compute(), |query| {
        Some(GroupsRequest {
            kind: query.text("type"),
            search: query.text("search"),
            paging: query.paging_within(PAGE, MOST),
        })
    });
    let groups = reports.list_groups(&subject, asked.await?).await;
    let groups = groups.map_err(reply_for)?;
    let answer = subject.answer(&groups).map_err(reply_for)?;
    offload::json_of_rows(subject.compute(), answer, move || {
        let project = subject.project().id.as_str();
        let bodies = groups
            .into_iter()
            .map(|group| GroupBody::new(group, project));
        Ok(bodies.collect::<Vec<_>>())
    })
    .await
}

/// A group
///
/// A group, and the newest profiles that belong to it.
#[utoipa::path(get, path = "/insights/{projectId}/groups/{groupId}", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ("groupId" = String, Path, description = "The group"),
        GroupQuery),
    responses((status = 200, description = "The group", body = GroupWithMembersBody),
        Report))]
pub(crate) async fn get_group(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    path: web::Path<(String, String)>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let (project, id) = path.into_inner();
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let asked = question(&request, subject.compute(), |query| {
        Some(query.integer("memberLimit", 1..=MOST_MEMBERS))
    });
    let limit = asked.await?.and_then(|limit| u32::try_from(limit).ok());
    let found = reports.group(&subject, &id, limit.unwrap_or(MEMBERS)).await;
    let found = found.map_err(reply_for)?;
    let mut answer = subject.answer(&found.members.newest).map_err(reply_for)?;
    answer.read(found.group.bytes()).map_err(reply_for)?;
    offload::json_of_rows(subject.compute(), answer, move || {
        let project = subject.project().id.as_str();
        let members = found.members.newest.into_iter();
        Ok(GroupWithMembersBody {
            group: GroupBody::new(found.group, project),
            member_count: found.members.count,
            members: members
                .map(|profile| MemberBody::new(profile, project))
                .collect(),
        })
    })
    .await
}
