//! The project that a request to Track names, and how Track may refuse it.

use actix_web::HttpRequest;
use serde_json::Value as Json;
use utoipa::{IntoResponses, openapi::path::Parameter};

use crate::openapi::{
    query::{self, query_parameters},
    refusals::{Report, Responses, of_body},
    schemas,
};

/// The project of a client that is bound to none.
pub(super) fn project_parameter() -> Parameter {
    query::optional(
        "projectId",
        schemas::matching("^[a-z0-9-]{1,64}$"),
        "The project, where the client has none of its own",
    )
}

query_parameters! {
    /// Of Track, new and old.
    ProjectQuery = [project_parameter()];
}

/// How Track may refuse what it is sent.
pub(crate) enum Tracking {}

impl IntoResponses for Tracking {
    fn responses() -> Responses {
        let mut all = Report::responses();
        all.extend(of_body(
            "1 MiB (a piece of a recording: 8 MiB; with the client's id in it: 64 KiB)",
        ));
        all
    }
}

pub(super) fn named_project(request: &HttpRequest, in_body: &Json) -> Option<String> {
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    let mut named = pairs.filter(|(name, _)| name == "projectId");
    let named = named.next().map(|(_, id)| id.into_owned());
    let is_there = |id: &String| !id.is_empty();
    named
        .filter(is_there)
        .or_else(|| in_body.as_str().map(str::to_owned).filter(is_there))
}
