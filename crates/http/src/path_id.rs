//! Ids in paths. One that cannot be an id is the id of nothing: 404, as for any other.

use std::{
    future::{Ready, ready},
    str::FromStr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paneld_domain::{ClientId, ProjectId, ReferenceId, ShareLinkId};
use paneld_guard::ApiError;
use paneld_service::Resource;

use crate::error::not_found;

/// An id that names a resource.
pub(crate) trait ResourceId: FromStr {
    /// What it names.
    const RESOURCE: Resource;
}

impl ResourceId for ProjectId {
    const RESOURCE: Resource = Resource::Project;
}

impl ResourceId for ClientId {
    const RESOURCE: Resource = Resource::Client;
}

impl ResourceId for ReferenceId {
    const RESOURCE: Resource = Resource::Reference;
}

impl ResourceId for ShareLinkId {
    const RESOURCE: Resource = Resource::ShareLink;
}

/// Reads an id, wherever it stands.
pub(crate) fn parse_id<T: ResourceId>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_malformed| not_found(T::RESOURCE))
}

/// The `{id}` of a path.
#[derive(Debug)]
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: ResourceId> FromRequest for PathId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or("");
        ready(parse_id(text).map(Self))
    }
}
