//! Projects as callers see them, and as they ask for them.

use std::str::FromStr;

use actix_web::web;
use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use paneld_domain::{
    AddressRange, ClientType, CorsEntry, Domain, EventName, Filter, InvalidValue, Name, NewProject,
    ProfileId, Project, ProjectChanges, ProjectType, RetentionDays,
};
use paneld_service::{Created, Reports};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{Object, RefOr, Schema},
};

use crate::{
    decode::{
        Blank, Body, Flag, List, Maybe, Number, Problems, RequiredName, Text, both, take_field,
        wrong_kind,
    },
    openapi::schemas::{
        client_type, name, network, one_of, origins, project_types, site, whole_number_or_null,
        with_required,
    },
    reply::{ShownSecret, WireTime},
};

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "my-shop", "name": "My Shop", "organizationId": "acme",
    "domain": "https://shop.example", "cors": ["https://shop.example"], "crossDomain": false,
    "allowUnsafeRevenueTracking": false, "filters": [], "types": ["website"], "eventsCount": 0,
    "retentionDays": null, "createdAt": "2026-01-15T10:30:00.000Z",
    "updatedAt": "2026-01-15T10:30:00.000Z", "deleteAt": null
}))]
#[schema(as = Project)]
pub struct ProjectBody {
    id: String,
    name: String,
    organization_id: String,
    #[schema(required)]
    domain: Option<String>,
    /// Origins from which browsers may send events without a secret.
    cors: Vec<String>,
    cross_domain: bool,
    allow_unsafe_revenue_tracking: bool,
    /// Events that are not stored.
    filters: Vec<FilterBody>,
    #[schema(schema_with = project_types)]
    types: Vec<&'static str>,
    /// How many events are stored.
    events_count: u64,
    /// For how many days events are kept; null is for ever.
    #[schema(required, minimum = 1)]
    retention_days: Option<u32>,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    #[schema(value_type = String, format = DateTime)]
    updated_at: WireTime,
    /// When it will be purged, if it was deleted.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    delete_at: Option<WireTime>,
    /// The credentials of its first client: only in the reply to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client: Option<FirstClientBody>,
}

/// The first client of a new project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FirstClient)]
pub(crate) struct FirstClientBody {
    #[schema(value_type = String, format = "uuid")]
    id: String,
    /// Shown this once.
    #[schema(value_type = String)]
    secret: ShownSecret,
    #[schema(schema_with = client_type)]
    r#type: &'static str,
}

/// A project, with the number of its events.
#[derive(Debug)]
pub(crate) struct CountedProject {
    /// The project.
    pub(crate) project: Project,
    /// How many events are stored: at most a minute ago.
    pub(crate) events: u64,
}

impl CountedProject {
    /// `reports` is `None` on a server without events, which knows of none.
    pub(crate) async fn of(project: Project, reports: Option<&web::Data<Reports>>) -> Self {
        let events = match reports {
            Some(reports) => reports.event_counts().await.get(&project.key).copied(),
            None => None,
        };
        let events = events.unwrap_or_default();
        Self { project, events }
    }
}

impl From<CountedProject> for ProjectBody {
    fn from(counted: CountedProject) -> Self {
        Self {
            events_count: counted.events,
            ..counted.project.into()
        }
    }
}

/// One that is being made, and so has no events.
impl From<Project> for ProjectBody {
    fn from(project: Project) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name.to_string(),
            organization_id: project.organization_id.to_string(),
            domain: project.domain.as_ref().map(Domain::to_string),
            cors: project.cors.iter().map(CorsEntry::to_string).collect(),
            cross_domain: project.cross_domain,
            allow_unsafe_revenue_tracking: project.allow_unsafe_revenue_tracking,
            filters: project.filters.iter().map(FilterBody::from).collect(),
            types: project.types.iter().map(|kind| kind.as_str()).collect(),
            events_count: 0,
            retention_days: project.retention_days.map(RetentionDays::get),
            created_at: WireTime(project.created_at),
            updated_at: WireTime(project.updated_at),
            delete_at: project.delete_at.map(WireTime),
            client: None,
        }
    }
}

impl From<Created<Project>> for ProjectBody {
    fn from(created: Created<Project>) -> Self {
        Self {
            client: Some(FirstClientBody {
                id: created.client_id.to_string(),
                secret: created.secret.as_ref().into(),
                r#type: ClientType::Write.as_str(),
            }),
            ..created.made.into()
        }
    }
}

/// Events that are not stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = Filter)]
pub(crate) enum FilterBody {
    /// From this address or network.
    Ip {
        #[schema(schema_with = network)]
        ip: Text<AddressRange>,
    },
    /// Of this profile.
    ProfileId {
        #[serde(rename = "profileId")]
        #[schema(schema_with = name)]
        profile_id: Text<ProfileId>,
    },
    /// Of exactly this name.
    Event {
        #[schema(schema_with = name)]
        name: Text<EventName>,
    },
}

/// Not derived: that would tell of a wrong type neither where it is nor what would be right.
impl Deserr<Problems> for FilterBody {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let mut object = match value {
            Value::Map(object) => object,
            other => return wrong_kind(other, &[ValueKind::Map], location),
        };
        let Text(kind) = take_field(&mut object, "type", location)?;
        Ok(match kind {
            FilterKind::Ip => Self::Ip {
                ip: take_field(&mut object, "ip", location)?,
            },
            FilterKind::ProfileId => Self::ProfileId {
                profile_id: take_field(&mut object, "profileId", location)?,
            },
            FilterKind::Event => Self::Event {
                name: take_field(&mut object, "name", location)?,
            },
        })
    }
}

/// The `type` of a filter.
enum FilterKind {
    Ip,
    ProfileId,
    Event,
}

impl FromStr for FilterKind {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ip" => Ok(Self::Ip),
            "profile_id" => Ok(Self::ProfileId),
            "event" => Ok(Self::Event),
            _ => Err(InvalidValue::new("must be one of ip, profile_id, event")),
        }
    }
}

impl From<&Filter> for FilterBody {
    fn from(filter: &Filter) -> Self {
        match filter.clone() {
            Filter::Ip(ip) => Self::Ip { ip: Text(ip) },
            Filter::ProfileId(id) => Self::ProfileId {
                profile_id: Text(id),
            },
            Filter::Event(name) => Self::Event { name: Text(name) },
        }
    }
}

impl From<FilterBody> for Filter {
    fn from(body: FilterBody) -> Self {
        match body {
            FilterBody::Ip { ip } => Self::Ip(ip.0),
            FilterBody::ProfileId { profile_id } => Self::ProfileId(profile_id.0),
            FilterBody::Event { name } => Self::Event(name.0),
        }
    }
}

/// For how many days events are kept.
fn retention_days() -> Schema {
    whole_number_or_null(1, 36_500)
}

/// What to change of a project; absent fields stay as they are.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Problems, rename_all = camelCase)]
#[schema(rename_all = "camelCase", example = json!({
    "domain": "https://shop.example", "cors": ["https://*.shop.example"], "types": ["website"]
}))]
pub(crate) struct UpdateProject {
    #[deserr(default)]
    #[schema(schema_with = name, required = false)]
    name: Maybe<Text<Name>>,
    /// An http or https URL; null or empty for none.
    #[deserr(default)]
    #[schema(schema_with = site, required = false)]
    domain: Maybe<Blank<Domain>>,
    /// Each `*`, an origin, or a host, the last two with or without a leading `*.`.
    #[deserr(default)]
    #[schema(schema_with = origins, required = false)]
    cors: Maybe<List<Text<CorsEntry>>>,
    #[deserr(default)]
    #[schema(value_type = bool, required = false)]
    cross_domain: Maybe<bool>,
    #[deserr(default)]
    #[schema(value_type = bool, required = false)]
    allow_unsafe_revenue_tracking: Maybe<bool>,
    #[deserr(default)]
    #[schema(value_type = Vec<FilterBody>, required = false, max_items = 100)]
    filters: Maybe<List<FilterBody>>,
    /// Any of `website`, `app`, `backend`.
    #[deserr(default)]
    #[schema(schema_with = project_types, required = false)]
    types: Maybe<List<Text<ProjectType>>>,
    /// 1 to 36500; null for ever.
    #[deserr(default)]
    #[schema(schema_with = retention_days, required = false)]
    retention_days: Maybe<Option<Number<RetentionDays>>>,
}

impl Body for UpdateProject {
    fn decode(json: Json) -> Result<Self, Problems> {
        deserr::deserialize(json)
    }
}

impl From<UpdateProject> for ProjectChanges {
    fn from(body: UpdateProject) -> Self {
        let filters = body.filters.0;
        let days = body.retention_days.0;
        Self {
            name: body.name.into_option(),
            domain: body.domain.0.map(|Blank(domain)| domain),
            cors: body.cors.0.map(List::into_values),
            cross_domain: body.cross_domain.0,
            allow_unsafe_revenue_tracking: body.allow_unsafe_revenue_tracking.0,
            filters: filters.map(|List(filters)| filters.into_iter().map(Filter::from).collect()),
            types: body
                .types
                .0
                .map(|types| without_repeats(types.into_values())),
            retention_days: days.map(|days| days.map(|Number(days)| days)),
        }
    }
}

fn without_repeats(types: Vec<ProjectType>) -> Vec<ProjectType> {
    let mut unique = Vec::new();
    for kind in types {
        if !unique.contains(&kind) {
            unique.push(kind);
        }
    }
    unique
}

/// A project to make: its name, and anything that can be changed later.
#[derive(Debug)]
pub(crate) struct CreateProject {
    name: Name,
    settings: UpdateProject,
}

impl From<CreateProject> for NewProject {
    fn from(body: CreateProject) -> Self {
        Self {
            name: body.name,
            settings: body.settings.into(),
        }
    }
}

impl Body for CreateProject {
    fn decode(json: Json) -> Result<Self, Problems> {
        let required = deserr::deserialize::<RequiredName, _, _>(json.clone());
        let (required, settings) = both(required, UpdateProject::decode(json))?;
        Ok(Self {
            name: required.name.0,
            settings,
        })
    }
}

impl PartialSchema for CreateProject {
    fn schema() -> RefOr<Schema> {
        with_required(&["UpdateProject"], &["name"])
    }
}

impl ToSchema for CreateProject {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        UpdateProject::schemas(schemas);
    }
}

fn yes_or_no() -> Object {
    one_of(["true", "false", "1", "0", ""])
}

/// Which projects to show.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Problems, rename_all = camelCase)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct DeletedQuery {
    /// Whether to show deleted projects, as long as they can be restored.
    #[deserr(default)]
    #[param(schema_with = yes_or_no, required = false)]
    include_deleted: Maybe<Text<Flag>>,
}

impl DeletedQuery {
    pub(crate) fn include_deleted(self) -> bool {
        self.include_deleted
            .into_option()
            .is_some_and(|Flag(flag)| flag)
    }
}
