//! Track: events in. `docs/contract/track.md`.

mod answer;
mod bodies;
mod cors;
mod current;
mod diagnostics;
mod import;
mod legacy;
mod query;
mod read;
mod visitor;

pub(crate) use self::{cors::allow_any_origin, import::endpoints as import_endpoints};
use crate::endpoint::Endpoint;

/// The endpoints of Track, new and old.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = current::endpoints();
    all.extend(legacy::endpoints());
    all
}
