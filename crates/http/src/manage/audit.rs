//! The audit log.

use std::{collections::BTreeMap, str::FromStr};

use actix_web::{HttpResponse, web};
use deserr::Deserr;
use heck::ToLowerCamelCase as _;
use paneld_auth::permission;
use paneld_domain::InvalidValue;
use paneld_guard::{ApiError, Caller};
use paneld_service::{AuditEntry, AuditFilter, Compute, FieldChange, Manage, Resource};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema, openapi::Object};

use crate::{
    decode::{Maybe, Problems, Queries, Text},
    endpoint::Endpoint,
    openapi::{
        refusals::{BadRequest, Gated},
        schemas::{any_value, matching, one_of},
    },
    reply::{Listed, PageQuery, WireTime, reply_with_part},
};

/// How many entries come without a `limit`.
const DEFAULT_LIMIT: u32 = 50;

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b", "at": "2026-01-15T10:30:00.000Z",
    "clientId": "b8904453-863d-4e04-8ebc-8abae30ffb1a", "action": "client.update",
    "resource": "client", "resourceId": "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9",
    "changes": {"enabled": {"from": true, "to": false}},
    "peerAddress": "192.0.2.7", "requestId": "5f0c5c1e9d3a7b42"
}))]
#[schema(as = AuditEntry)]
pub struct AuditEntryBody {
    #[schema(value_type = String, format = "uuid")]
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: WireTime,
    /// The client that asked for it; null for what the operator and the server itself do.
    #[schema(required, format = "uuid")]
    client_id: Option<String>,
    /// What was done: `create`, `update`, `rotate`, `delete` or `purge`, behind the kind of
    /// thing and a dot.
    action: String,
    /// The kind of thing: `organization`, `project`, `client`, `reference` or `profile`.
    resource: &'static str,
    resource_id: String,
    /// What changed, by field. There are no secrets in it.
    changes: BTreeMap<String, ChangeBody>,
    /// The address the request came from.
    #[schema(required)]
    peer_address: Option<String>,
    /// The id of the request.
    #[schema(required)]
    request_id: Option<String>,
}

/// The change of a field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
pub(crate) struct ChangeBody {
    /// What it was; null when it had no value, or when the thing was made.
    #[schema(schema_with = any_value)]
    from: Json,
    /// What it became; null when it has no value, or when the thing was deleted.
    #[schema(schema_with = any_value)]
    to: Json,
}

impl From<AuditEntry> for AuditEntryBody {
    fn from(entry: AuditEntry) -> Self {
        let by = entry.act.by;
        let changes = entry.changes.into_iter().map(|(field, change)| {
            let FieldChange { from, to } = change;
            let change = ChangeBody {
                from: as_wire_fields(from),
                to: as_wire_fields(to),
            };
            (field.to_lower_camel_case(), change)
        });
        Self {
            id: entry.id,
            at: WireTime(entry.act.at),
            client_id: by.as_ref().map(|actor| actor.client_id.to_string()),
            action: format!("{}.{}", entry.resource.as_str(), entry.action),
            resource: entry.resource.as_str(),
            resource_id: entry.resource_id,
            changes: changes.collect(),
            peer_address: by.as_ref().map(|actor| actor.peer_address.to_string()),
            request_id: by.map(|actor| actor.request_id),
        }
    }
}

/// The same value, with the keys of its objects as they are on the wire.
fn as_wire_fields(value: Json) -> Json {
    match value {
        Json::Object(fields) => {
            let renamed = fields
                .into_iter()
                .map(|(key, value)| (key.to_lower_camel_case(), as_wire_fields(value)));
            Json::Object(renamed.collect())
        }
        Json::Array(entries) => entries.into_iter().map(as_wire_fields).collect(),
        plain => plain,
    }
}

/// Which entries to show.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Problems, rename_all = camelCase)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct AuditQuery {
    /// Only those about this kind of thing: `organization`, `project`, `client`,
    /// `reference`, `profile` or `share_link`.
    #[deserr(default)]
    #[param(schema_with = resources, required = false)]
    resource: Maybe<Text<Resource>>,
    /// Only those about the thing of this id, whether it is still there or not.
    #[deserr(default)]
    #[param(schema_with = resource_id, required = false)]
    resource_id: Maybe<Text<ResourceId>>,
}

fn resources() -> Object {
    one_of(
        [
            Resource::Organization,
            Resource::Project,
            Resource::Client,
            Resource::Reference,
            Resource::Profile,
            Resource::ShareLink,
        ]
        .map(Resource::as_str),
    )
}

fn resource_id() -> Object {
    matching("^[A-Za-z0-9-]{1,255}$")
}

#[derive(Debug)]
struct ResourceId(String);

impl FromStr for ResourceId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_id || !(1..=255).contains(&text.len()) {
            return Err(InvalidValue::new("must be the id of something"));
        }
        Ok(Self(text.to_owned()))
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_list_audit_entries, list_audit_entries)]
}

/// Show the audit log
///
/// Who changed what, newest first: at most 50 entries without a `limit`.
#[utoipa::path(get, path = "/manage/audit", tag = "Audit",
    params(PageQuery, AuditQuery),
    responses((status = 200, description = "The entries, newest first",
        body = Listed<AuditEntryBody>),
        Gated, BadRequest))]
pub(crate) async fn list_audit_entries(
    caller: Caller<permission::Manage>,
    manage: web::Data<Manage>,
    compute: web::Data<Compute>,
    Queries(page, query): Queries<PageQuery, AuditQuery>,
) -> Result<HttpResponse, ApiError> {
    let filter = AuditFilter {
        resource: query.resource.into_option(),
        resource_id: query.resource_id.into_option().map(|ResourceId(id)| id),
    };
    reply_with_part::<AuditEntryBody, _>(page, compute.of(&caller.0), DEFAULT_LIMIT, async |part| {
        manage.list_audit_entries(&caller.0, filter, part).await
    })
    .await
}
