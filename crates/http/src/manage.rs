//! The Manage API: `docs/contract/manage.md`.

pub(crate) mod audit;
pub(crate) mod clients;
#[cfg(feature = "events")]
pub(crate) mod diagnostics;
pub(crate) mod identity;
pub(crate) mod organization;
#[cfg(feature = "events")]
pub(crate) mod profiles;
mod project_query;
pub(crate) mod projects;
pub(crate) mod references;

use crate::endpoint::Endpoint;

/// All endpoints for root clients that need no events.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = organization::endpoints();
    all.extend(projects::endpoints());
    all.extend(clients::endpoints());
    all.extend(references::endpoints());
    all.extend(audit::endpoints());
    all
}

/// All endpoints for root clients that need events.
#[cfg(feature = "events")]
pub(crate) fn event_endpoints() -> Vec<Endpoint> {
    let mut all = profiles::endpoints();
    all.extend(diagnostics::endpoints());
    all
}

#[cfg(not(feature = "events"))]
pub(crate) fn event_endpoints() -> Vec<Endpoint> {
    Vec::new()
}
