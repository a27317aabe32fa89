//! Export: raw events and charts. `contract/export.md`.

mod charts;
mod events;

use actix_web::web;
use paneld_analytics::Query;
use paneld_guard::{ApiError, Caller};
use paneld_service::{Reports, Subject};

pub(crate) use self::{
    charts::{__path_get_chart, get_chart},
    events::{__path_list_events, list_events},
};
use crate::{error::reply_for, routes::Endpoint};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_events, list_events),
        Endpoint::new(__path_get_chart, get_chart),
    ]
}

/// The project that the parameters name, or that of the client.
async fn subject<P: paneld_auth::permission::Permission>(
    query: &mut Query,
    caller: &Caller<P>,
    reports: &web::Data<Reports>,
) -> Result<Subject, ApiError> {
    let project = query.text("projectId").or_else(|| query.text("project_id"));
    let subject = reports.subject(&caller.0, project.as_deref()).await;
    subject.map_err(reply_for)
}
