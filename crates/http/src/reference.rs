//! A timeline reference, as it is replied.

use paneld_domain::{Description, Reference};
use serde::Serialize;
use utoipa::ToSchema;

use crate::reply::WireTime;

/// A reference.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "1af09627-2dd7-4b37-9e5c-6ffa7e450e85", "title": "Launch", "description": "v2",
    "date": "2024-01-15T10:00:00.000Z", "datetime": "2024-01-15T10:00:00.000Z",
    "projectId": "my-shop", "createdAt": "2026-01-15T10:30:00.000Z",
    "updatedAt": "2026-01-15T10:30:00.000Z"
}))]
#[schema(as = Reference)]
pub(crate) struct ReferenceBody {
    #[schema(value_type = String, format = "uuid")]
    id: String,
    title: String,
    #[schema(required)]
    description: Option<String>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    date: WireTime,
    /// The same as `date`.
    #[schema(value_type = String, format = DateTime)]
    datetime: WireTime,
    project_id: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: WireTime,
    #[schema(value_type = String, format = DateTime)]
    updated_at: WireTime,
}

impl From<Reference> for ReferenceBody {
    fn from(reference: Reference) -> Self {
        Self {
            id: reference.id.to_string(),
            title: reference.title.to_string(),
            description: reference.description.as_ref().map(Description::to_string),
            date: WireTime(reference.date),
            datetime: WireTime(reference.date),
            project_id: reference.project_id.to_string(),
            created_at: WireTime(reference.created_at),
            updated_at: WireTime(reference.updated_at),
        }
    }
}
