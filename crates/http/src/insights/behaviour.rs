//! What people do over time: `docs/contract/insights.md` §7.8 to §7.13.

pub(crate) mod activity;
pub(crate) mod funnel_and_flow;

use crate::endpoint::Endpoint;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = activity::endpoints();
    all.extend(funnel_and_flow::endpoints());
    all
}
