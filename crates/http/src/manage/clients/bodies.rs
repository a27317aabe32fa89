//! Clients as callers see them, and as they ask for them.

use std::time::Duration;

use deserr::Deserr;
use paneld_domain::{
    AddressRange, Client, ClientChanges, ClientRateLimits, ClientType, CorsEntry, InvalidValue,
    LONGEST_GRACE_SECONDS, Name, NewClient, PathStep, Rate, client_problems,
};
use paneld_guard::ApiError;
use paneld_service::{Created, Rotated};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, RefOr, Schema},
};

use super::super::project_query::GivenProjectId;
use crate::{
    decode::{Body, List, Maybe, Number, ParsedTimestamp, Problems, RequiredName, Text, both},
    openapi::schemas::{
        client_type, moment_or_null, name, networks, origins_or_null, whole_number, with_required,
    },
    reply::{ShownSecret, WireTime},
};

/// A client.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "b8904453-863d-4e04-8ebc-8abae30ffb1a", "name": "CI", "type": "read",
    "projectId": "my-shop", "organizationId": "acme", "ignoreCorsAndSecret": false,
    "enabled": true, "expiresAt": null, "allowedIps": [], "cors": null, "rateLimits": null,
    "lastUsedAt": null, "createdAt": "2026-01-15T10:30:00.000Z",
    "updatedAt": "2026-01-15T10:30:00.000Z"
}))]
#[schema(as = Client)]
pub struct ClientBody {
    #[schema(value_type = String, format = "uuid")]
    id: String,
    name: String,
    /// `read`, `write` or `root`.
    #[schema(schema_with = client_type)]
    r#type: &'static str,
    /// The project it is bound to; null is the whole organization.
    #[schema(required)]
    project_id: Option<String>,
    organization_id: String,
    /// Whether its events are accepted without a secret and from any origin.
    ignore_cors_and_secret: bool,
    enabled: bool,
    /// From when on it is refused.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<WireTime>,
    /// The addresses and networks it may call from; empty is all.
    allowed_ips: Vec<String>,
    /// Its own allowed origins; null is the project's.
    #[schema(required)]
    cors: Option<Vec<String>>,
    /// Its own rate limits; null is the server's.
    #[schema(required)]
    rate_limits: Option<RateLimitsBody>,
    /// When it was last used, at most a minute old.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_used_at: Option<WireTime>,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    #[schema(value_type = String, format = DateTime)]
    updated_at: WireTime,
    /// Shown this once: only in the replies to its creation and rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    secret: Option<ShownSecret>,
}

impl From<&Client> for ClientBody {
    fn from(client: &Client) -> Self {
        let cors = client.cors.as_ref();
        Self {
            id: client.id.to_string(),
            name: client.name.to_string(),
            r#type: client.client_type.as_str(),
            project_id: client.project_id.as_ref().map(ToString::to_string),
            organization_id: client.organization_id.to_string(),
            ignore_cors_and_secret: client.ignore_cors_and_secret,
            enabled: client.enabled,
            expires_at: client.expires_at.map(WireTime),
            allowed_ips: client
                .allowed_ips
                .iter()
                .map(|entry| entry.as_str().to_owned())
                .collect(),
            cors: cors.map(|cors| cors.iter().map(CorsEntry::to_string).collect()),
            rate_limits: client.rate_limits.as_ref().map(RateLimitsBody::from),
            last_used_at: client.last_used_at.map(WireTime),
            created_at: WireTime(client.created_at),
            updated_at: WireTime(client.updated_at),
            secret: None,
        }
    }
}

impl From<Client> for ClientBody {
    fn from(client: Client) -> Self {
        Self::from(&client)
    }
}

impl From<Created<Client>> for ClientBody {
    fn from(created: Created<Client>) -> Self {
        Self {
            secret: Some(created.secret.as_ref().into()),
            ..created.made.into()
        }
    }
}

/// A client with its new secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RotatedClient)]
pub struct RotatedBody {
    #[serde(flatten)]
    client: ClientBody,
    /// Until when the replaced secret still works; null when it ended at once.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    previous_secret_expires_at: Option<WireTime>,
}

impl From<Created<Rotated>> for RotatedBody {
    fn from(created: Created<Rotated>) -> Self {
        let Rotated {
            client,
            previous_expires_at,
        } = created.made;
        Self {
            client: ClientBody {
                secret: Some(created.secret.as_ref().into()),
                ..client.into()
            },
            previous_secret_expires_at: previous_expires_at.map(WireTime),
        }
    }
}

/// A client's own rate limits by group; absent ones and nulls are the server's.
#[derive(Debug, Serialize, Deserr, ToSchema)]
#[deserr(error = Problems)]
#[schema(example = json!({"track": {"limit": 50000, "windowSeconds": 10}}))]
#[schema(as = RateLimits)]
pub(crate) struct RateLimitsBody {
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    manage: Option<RateBody>,
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    export: Option<RateBody>,
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    insights: Option<RateBody>,
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<RateBody>,
}

/// So many requests in so many seconds. Their product is at most 9007199254, and the rate at most
/// what the operator allows.
#[derive(Debug, Clone, Copy, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "camelCase")]
#[deserr(error = Problems, rename_all = camelCase, validate = RateBody::validate -> InvalidValue)]
#[schema(as = Rate)]
pub(crate) struct RateBody {
    #[schema(schema_with = limit)]
    limit: u32,
    #[schema(schema_with = window_seconds)]
    window_seconds: u32,
}

fn limit() -> Object {
    whole_number(1, u32::MAX.into())
}

fn window_seconds() -> Object {
    whole_number(1, u32::MAX.into())
}

impl RateBody {
    fn validate(self, _: deserr::ValuePointerRef<'_>) -> Result<Self, InvalidValue> {
        Rate::new(self.limit, self.window_seconds)?;
        Ok(self)
    }

    fn into_rate(self) -> Option<Rate> {
        Rate::new(self.limit, self.window_seconds).ok()
    }
}

impl From<Rate> for RateBody {
    fn from(rate: Rate) -> Self {
        Self {
            limit: rate.limit(),
            window_seconds: rate.window_seconds(),
        }
    }
}

impl From<&ClientRateLimits> for RateLimitsBody {
    fn from(limits: &ClientRateLimits) -> Self {
        Self {
            manage: limits.manage.map(RateBody::from),
            export: limits.export.map(RateBody::from),
            insights: limits.insights.map(RateBody::from),
            track: limits.track.map(RateBody::from),
        }
    }
}

impl From<RateLimitsBody> for ClientRateLimits {
    fn from(body: RateLimitsBody) -> Self {
        Self {
            manage: body.manage.and_then(RateBody::into_rate),
            export: body.export.and_then(RateBody::into_rate),
            insights: body.insights.and_then(RateBody::into_rate),
            track: body.track.and_then(RateBody::into_rate),
        }
    }
}

/// What to change of a client; absent fields stay as they are. Type and project never change.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase", example = json!({
    "enabled": true, "expiresAt": "2027-01-01T00:00:00.000Z", "allowedIps": ["192.0.2.0/24"]
}))]
pub(crate) struct UpdateClient {
    #[deserr(default)]
    #[schema(schema_with = name, required = false)]
    name: Maybe<Text<Name>>,
    #[deserr(default)]
    #[schema(value_type = bool, required = false)]
    enabled: Maybe<bool>,
    /// ISO 8601; without an offset it is UTC; null for never.
    #[deserr(default)]
    #[schema(schema_with = moment_or_null, required = false)]
    expires_at: Maybe<Option<Text<ParsedTimestamp>>>,
    /// Addresses and networks in CIDR form; empty for all.
    #[deserr(default)]
    #[schema(schema_with = networks, required = false)]
    allowed_ips: Maybe<List<Text<AddressRange>>>,
    /// Its own allowed origins; null for the project's, empty for none.
    #[deserr(default)]
    #[schema(schema_with = origins_or_null, required = false)]
    cors: Maybe<Option<List<Text<CorsEntry>>>>,
    /// Its own rate limits, up to the operator's maximum; null for the server's.
    #[deserr(default)]
    #[schema(value_type = Option<RateLimitsBody>)]
    rate_limits: Maybe<Option<RateLimitsBody>>,
    /// Whether to accept its events without a secret and from any origin. Write clients only.
    #[deserr(default)]
    #[schema(value_type = bool, required = false)]
    ignore_cors_and_secret: Maybe<bool>,
}

impl Body for UpdateClient {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

impl From<UpdateClient> for ClientChanges {
    fn from(body: UpdateClient) -> Self {
        let expires_at = body.expires_at.0;
        Self {
            name: body.name.into_option(),
            enabled: body.enabled.0,
            expires_at: expires_at.map(|at| at.map(|Text(ParsedTimestamp(at))| at)),
            allowed_ips: body.allowed_ips.0.map(List::into_values),
            cors: body.cors.0.map(|cors| cors.map(List::into_values)),
            rate_limits: body.rate_limits.0.map(|limits| limits.map(Into::into)),
            ignore_cors_and_secret: body.ignore_cors_and_secret.0,
        }
    }
}

/// What a client is, which never changes.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ClientKind {
    /// The project it is bound to; null for the whole organization.
    #[deserr(default)]
    #[schema(value_type = Option<String>)]
    project_id: Maybe<Option<Text<GivenProjectId>>>,
    /// `read`, `write` (the default) or `root`.
    #[deserr(default, rename = "type")]
    #[schema(schema_with = client_type, required = false, rename = "type")]
    client_type: Maybe<Text<ClientType>>,
}

/// A client to make: its name and kind, and anything that can be changed later.
#[derive(Debug)]
pub(crate) struct CreateClient {
    name: Name,
    project_id: Option<GivenProjectId>,
    client_type: ClientType,
    settings: UpdateClient,
}

impl CreateClient {
    /// What is asked for.
    ///
    /// # Errors
    /// 404 when its project cannot be one.
    pub(crate) fn into_new_client(self) -> Result<NewClient, ApiError> {
        Ok(NewClient {
            name: self.name,
            client_type: self.client_type,
            project_id: self.project_id.map(|id| id.parse()).transpose()?,
            settings: self.settings.into(),
        })
    }
}

impl Body for CreateClient {
    fn decode(json: Json) -> Result<Self, Problems> {
        let kind = deserr::deserialize::<ClientKind, _, _>(json.clone());
        let kind = kind.and_then(|kind| kind.checked(&json));
        let required = deserr::deserialize::<RequiredName, _, _>(json.clone());
        let named = both(required, UpdateClient::decode(json));
        let ((required, settings), kind) = both(named, kind)?;
        Ok(Self {
            name: required.name.0,
            project_id: kind.project_id.0.flatten().map(|Text(id)| id),
            client_type: kind.client_type.into_option().unwrap_or(ClientType::Write),
            settings,
        })
    }
}

impl ClientKind {
    /// Tells what does not go together already here, so that it comes with all other problems.
    fn checked(self, json: &Json) -> Result<Self, Problems> {
        let client_type = self
            .client_type
            .0
            .as_ref()
            .map_or(ClientType::Write, |Text(kind)| *kind);
        let has_project = matches!(&self.project_id.0, Some(Some(_)));
        let ignores = json.get("ignoreCorsAndSecret") == Some(&Json::Bool(true));
        let mut problems = Problems::default();
        for (field, why) in client_problems(client_type, has_project, ignores) {
            problems.push(vec![PathStep::Key(field.to_owned())], why.to_string());
        }
        if problems.0.is_empty() {
            Ok(self)
        } else {
            Err(problems)
        }
    }
}

impl PartialSchema for CreateClient {
    fn schema() -> RefOr<Schema> {
        with_required(&["UpdateClient", "ClientKind"], &["name"])
    }
}

impl ToSchema for CreateClient {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        UpdateClient::schemas(schemas);
        schemas.push((ClientKind::name().into(), ClientKind::schema()));
    }
}

/// How to replace a secret.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase", example = json!({"graceSeconds": 3600}))]
pub(crate) struct RotateSecret {
    /// For how many seconds the replaced secret still works.
    #[deserr(default)]
    #[schema(schema_with = grace_seconds, required = false)]
    grace_seconds: Maybe<Number<Grace>>,
}

fn grace_seconds() -> Object {
    whole_number(0, LONGEST_GRACE_SECONDS.into())
}

#[derive(Debug)]
struct Grace(Duration);

impl TryFrom<u64> for Grace {
    type Error = InvalidValue;

    fn try_from(seconds: u64) -> Result<Self, InvalidValue> {
        if seconds <= u64::from(LONGEST_GRACE_SECONDS) {
            Ok(Self(Duration::from_secs(seconds)))
        } else {
            let why = format!("must be from 0 to {LONGEST_GRACE_SECONDS} seconds");
            Err(InvalidValue::new(why))
        }
    }
}

impl RotateSecret {
    /// How long the replaced secret still works.
    pub(crate) fn grace(&self) -> Duration {
        let grace = self.grace_seconds.0.as_ref();
        grace.map_or(Duration::ZERO, |Number(Grace(grace))| *grace)
    }
}

impl Body for RotateSecret {
    fn when_absent() -> Option<Json> {
        Some(Json::Object(serde_json::Map::new()))
    }

    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}
