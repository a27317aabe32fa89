//! Export: raw events and charts. `docs/contract/export.md`.

mod charts;
mod cursor;
mod encode;
mod events;
mod exported_event;
mod format;
mod stream;
mod subject;

use self::{
    charts::{__path_get_chart, get_chart},
    events::{__path_count_events, __path_list_events, count_events, list_events},
};
use crate::endpoint::Endpoint;

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
