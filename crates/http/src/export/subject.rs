//! Whose events are exported.

use actix_web::{HttpRequest, web};
use paneld_analytics::Query;
use paneld_auth::permission::Permission;
use paneld_domain::Problem;
use paneld_guard::{ApiError, Caller};
use paneld_service::{Reports, ServiceError, Subject};

use crate::{error::reply_for, ignored::ignore_beside};

/// The project that the parameters name, or that of the client.
pub(super) async fn subject<P: Permission>(
    request: &HttpRequest,
    query: &mut Query,
    caller: &Caller<P>,
    reports: &web::Data<Reports>,
) -> Result<Subject, ApiError> {
    ignore_beside(request, query, "project_id", "projectId");
    let project = query.text("projectId").or_else(|| query.text("project_id"));
    let subject = reports.subject(&caller.0, project.as_deref()).await;
    subject.map_err(|error| match error {
        ServiceError::Invalid(_) => ApiError::invalid_query(vec![Problem::at(
            ["projectId".into()],
            "is required, or project_id",
        )]),
        other => reply_for(other),
    })
}
