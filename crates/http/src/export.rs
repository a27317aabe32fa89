//! Export: raw events and charts. `docs/contract/export.md`.

mod charts;
mod cursor;
mod encode;
mod events;
mod format;
mod row;
mod stream;

use actix_web::{HttpRequest, web};
use paneld_analytics::Query;
use paneld_auth::permission::Permission;
use paneld_guard::{ApiError, Caller, Detail, PathStep};
use paneld_service::{Reports, ServiceError, Subject};

use self::{
    charts::{__path_get_chart, get_chart},
    events::{__path_count_events, __path_list_events, count_events, list_events},
};
use crate::{error::reply_for, ignored::ignore_beside, routes::Endpoint};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_events, list_events),
        Endpoint::new(__path_get_chart, get_chart),
    ]
}

/// What clients in the wild expect elsewhere.
pub(crate) fn elsewhere() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_count_events, count_events)]
}

/// The project that the parameters name, or that of the client.
async fn subject<P: Permission>(
    request: &HttpRequest,
    query: &mut Query,
    caller: &Caller<P>,
    reports: &web::Data<Reports>,
) -> Result<Subject, ApiError> {
    ignore_beside(request, query, "project_id", "projectId");
    let project = query.text("projectId").or_else(|| query.text("project_id"));
    let subject = reports.subject(&caller.0, project.as_deref()).await;
    subject.map_err(|error| match error {
        ServiceError::Invalid(_) => ApiError::invalid_query(vec![Detail {
            path: vec![PathStep::Key("projectId".to_owned())],
            message: "is required, or project_id".to_owned(),
        }]),
        other => reply_for(other),
    })
}
