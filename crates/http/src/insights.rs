//! Insights: answers about what was tracked. `docs/contract/insights.md`.

pub(crate) mod behaviour;
pub(crate) mod figures;
mod glance;
pub(crate) mod groups;
pub(crate) mod lists;
mod live;
pub(crate) mod pages;
pub(crate) mod profiles;
mod session_row;
mod stored_rows;

use crate::endpoint::Endpoint;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = glance::endpoints();
    all.extend(live::endpoints());
    all.extend(figures::endpoints());
    all.extend(pages::endpoints());
    all.extend(behaviour::endpoints());
    all.extend(lists::endpoints());
    all.extend(profiles::endpoints());
    all.extend(groups::endpoints());
    all
}

/// What the overview of a project is made of: a closed list, which share links show, too.
pub(crate) fn overview_endpoints() -> Vec<Endpoint> {
    let mut all = live::overview_endpoints();
    all.extend(figures::overview_endpoints());
    all.extend(pages::overview_endpoints());
    all
}
